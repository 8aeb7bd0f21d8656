"""Content types, read once and remembered: callers and providers use the same few for years."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as MimeHeader
from functools import lru_cache
from typing import Literal

Kind = Literal["xml", "json", "none", "other"]


@dataclass(frozen=True, slots=True)
class Media:
    """A content type (RFC 9110 §8.3): ``name`` in lower case, its charset and SOAP 1.2 action, and its ``kind``.

    ``kind`` is ``none`` where there is no content type at all.
    """

    name: str
    charset: str
    action: str
    kind: Kind


@lru_cache(maxsize=2048)
def media(content_type: str) -> Media:
    """Read a Content-Type header; never fails, whatever it holds."""
    header = MimeHeader()
    header["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    name = content_type.partition(";")[0].strip().lower()
    return Media(name, _parameter(header, "charset").lower(), _parameter(header, "action"), _kind(name))


def _parameter(header: MimeHeader, name: str) -> str:
    value = header.get_param(name, "")
    return value.strip().strip("\"'") if isinstance(value, str) else ""


def _kind(name: str) -> Kind:
    if not name:
        return "none"
    if name in ("text/xml", "application/xml", "application/soap+xml") or name.endswith("+xml"):
        return "xml"
    if name in ("application/json", "text/json") or name.endswith("+json"):
        return "json"
    return "other"
