"""Content-IDs and the ``cid:`` URLs that point at them (RFC 2392): one key for both, and nothing else in it."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from transformers.errors import PackageInvalid

#: RFC 2392 wants an addr-spec; .NET writes whole URLs and others bare names. What could end a quoted text, a header
#: or an XPath, and what cannot be printed, is in none of them.
_KEY = re.compile(r"[A-Za-z0-9!#$%&*+,./:;=?@^_`{|}~()\[\]-]{1,255}")

_SCHEME = "cid:"


def key_of_header(value: str) -> str:
    """The key of a Content-ID header, with or without its angle brackets. Raises PackageInvalid."""
    text = value.strip()
    if text[:1] == "<" and text[-1:] == ">":
        text = text[1:-1]
    return _key(text, "a Content-ID")


def key_of_url(url: str) -> str:
    """The key that a ``cid:`` URL points at. Raises PackageInvalid for any other URL."""
    if url[:4].lower() != _SCHEME:
        raise PackageInvalid("an attachment is referred to by something else than a cid: URL")
    return _key(url[4:], "a cid: URL")


def is_reference(text: str | None) -> bool:
    """Whether a text of a document is a ``cid:`` URL and nothing else."""
    return text is not None and text[:4] == _SCHEME and _KEY.fullmatch(text, 4) is not None


def url_of(key: str) -> str:
    """The ``cid:`` URL of a key."""
    return _SCHEME + quote(key, safe="@!$&*+,;=:")


def _key(text: str, what: str) -> str:
    # Some stacks percent-encode the header as well as the URL, some only the URL: both mean the decoded text.
    key = unquote(text)
    if not _KEY.fullmatch(text) or not _KEY.fullmatch(key):
        raise PackageInvalid(f"{what} is empty, too long, or holds a quote, a blank or a control character")
    return key
