"""What a parsed payload is, whichever format it came in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

Element: TypeAlias = etree._Element
Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

#: An XML element (the SOAP Body's child, or a document element) or a JSON value.
Document: TypeAlias = "Element | Json"

#: One compiled mapping step: a document in, a new document out. Raises MappingFailed.
Transform: TypeAlias = Callable[[Document], Document]


def is_xml(document: Document) -> bool:
    """Tell an XML element from a JSON value."""
    return isinstance(document, etree._Element)
