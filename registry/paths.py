"""Dotted JSON paths such as ``.orders[].order_no``: read without jq, since nearly every key is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from transformers.document import Json

#: A field's name, or None for ``[]``: every element of a list.
Part: TypeAlias = "str | None"

_PATH = re.compile(r"(?:\.[^\W\d]\w*(?:\[\])*)+|\.(?:\[\])+(?:\.[^\W\d]\w*(?:\[\])*)*")
_PART = re.compile(r"\.?([^\W\d]\w*)|(\[\])")


def parse_path(text: str) -> tuple[Part, ...] | None:
    """The parts of a dotted path; None when ``text`` is something else (jq, XPath)."""
    if not _PATH.fullmatch(text):
        return None
    return tuple(match[1] or None for match in _PART.finditer(text))


def values(document: Json, parts: tuple[Part, ...]) -> Iterator[Json]:
    """Everything that stands at the path; what is missing, or not a list where one was expected, gives nothing."""
    if not parts:
        yield document
        return
    part, rest = parts[0], parts[1:]
    if part is None:
        if isinstance(document, list):
            for item in document:
                yield from values(item, rest)
    elif isinstance(document, dict) and part in document:
        yield from values(document[part], rest)
