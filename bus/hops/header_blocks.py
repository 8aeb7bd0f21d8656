"""SOAP header blocks that a contract declares: ``#header`` in JSON, and blocks of the envelope in XML."""

from __future__ import annotations

from typing import TypeVar

from bus.message import Content
from transformers.blocks import HEADER, Blocks
from transformers.document import Document, Element, Json
from transformers.soap import SoapVersion, reversion_blocks

D = TypeVar("D", bound=Document)


def declared(content: Content, blocks: Blocks | None, version: SoapVersion) -> tuple[Element, ...]:
    """The declared blocks that go with a document, for an envelope of this version."""
    if blocks is None:
        return ()
    if content.headers:
        return reversion_blocks(content.headers, version)
    found = content.envelope.headers if content.envelope is not None else ()
    return reversion_blocks(blocks.declared(found), version)


def kept(content: Content, blocks: Blocks | None) -> tuple[Element, ...]:
    """The declared blocks of a content whose document is about to be replaced."""
    if blocks is None or content.headers or content.envelope is None:
        return content.headers
    return blocks.declared(content.envelope.headers)


def into_json(document: D, content: Content, blocks: Blocks | None) -> D | Json:
    """The JSON document with its declared blocks as ``#header``."""
    found = kept(content, blocks)
    if blocks is None or not found or not isinstance(document, dict):
        return document
    return {HEADER: blocks.to_json(found), **document}


def out_of_json(document: Document, blocks: Blocks | None) -> tuple[Document, tuple[Element, ...]]:
    """The JSON document without ``#header``, and its blocks as elements of SOAP 1.1. Raises ContractViolation."""
    if blocks is None or not isinstance(document, dict) or HEADER not in document:
        return document, ()
    rest: dict[str, Json] = {name: item for name, item in document.items() if name != HEADER}
    return rest, blocks.to_xml(document[HEADER], SoapVersion.V11.value)
