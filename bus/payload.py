"""Bytes ↔ documents for the hops: charset found out, one hardened parse, one writing, large ones on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from bus.media import media
from bus.message import Content, Message
from transformers import charset as charsets
from transformers import json_text, xml
from transformers.charset import Decoded
from transformers.document import Document, Element, is_xml
from transformers.soap import open_envelope

T = TypeVar("T")

#: From this size on (bytes) a document would hold up the loop for more than a millisecond; lxml lets go of the GIL.
LARGE = 64 * 1024


async def off_loop(size: int, work: Callable[..., T], *arguments: Any) -> T:
    """Run ``work`` on a thread when it is about a document of ``LARGE`` bytes or more, else here."""
    if size >= LARGE:
        return await asyncio.to_thread(work, *arguments)
    return work(*arguments)


#: How a CDATA section begins (XML 1.0 §2.7).
_CDATA = b"<![CDATA["


def has_cdata(data: bytes) -> bool:
    """Whether XML holds a CDATA section (or, which is rare and does no harm, the words of one in a comment)."""
    return data.find(_CDATA) >= 0  # ``in`` makes an exception and drops it again, for every document


def read_text(body: bytes, content_type: str) -> Decoded:
    """Find out the charset of a body. Raises CharsetMismatch."""
    return charsets.read(body, media(content_type).charset)


def read_xml(decoded: Decoded, limit: int) -> Element:
    """Parse XML of at most ``limit`` bytes on the wire. Raises MalformedDocument, UnsafeDocument, DocumentTooLarge."""
    return xml.parse(decoded.text_utf8, _limits(limit))


def read_json(decoded: Decoded, limit: int) -> Document:
    """Parse JSON of at most ``limit`` bytes on the wire. Raises MalformedDocument or DocumentTooLarge."""
    return json_text.loads(decoded.text_utf8, max_bytes=2 * limit)


def write(document: Document, charset: str) -> bytes:
    """Write a document in this charset: XML with its declaration, or JSON. Raises MappingFailed."""
    if is_xml(document):
        return xml.serialise(document, charset, declaration=True)  # type: ignore[arg-type]
    data = json_text.dumps(document)  # type: ignore[arg-type]
    return data if charset == "utf-8" else charsets.encode(data.decode("utf-8"), charset)


def label(document: Document, charset: str) -> str:
    """The content type of what ``write`` wrote. JSON in UTF-8 has no charset parameter (RFC 8259 §11)."""
    if is_xml(document):
        return f"application/xml; charset={charsets.wire_name(charset)}"
    return "application/json" if charset == "utf-8" else f"application/json; charset={charsets.wire_name(charset)}"


def forwardable(decoded: Decoded, body: bytes, content: Content) -> bool:
    """Whether another reader of these bytes would read what we read, so that they may be passed on as they are."""
    if decoded.lied or decoded.charset.startswith("utf-16") or decoded.charset.startswith("utf-32"):
        return False
    if body[:3] == b"\xef\xbb\xbf":
        return False
    if not is_xml(content.document) or body.find(b"encoding", 0, 120) < 0:
        return decoded.charset == "utf-8" or decoded.declared != ""
    return prolog_charset(body) == decoded.charset


def prolog_charset(body: bytes) -> str:
    """The codec that an XML declaration at the start of ``body`` names; empty for none or an unknown one."""
    return _named_charset(body[: max(body.find(b"?>", 0, 120), 0)])


@lru_cache(maxsize=256)
def _named_charset(prolog: bytes) -> str:
    # Remembered: a stack writes the same declaration before everything that it sends.
    named = prolog.partition(b"encoding")[2].lstrip(b" \t\r\n=")
    quote = named[:1]
    return charsets.codec_of(named[1:].partition(quote)[0].decode("latin-1")) if quote in (b'"', b"'") else ""


def document_in(body: bytes) -> Document:
    """What a whole body holds: an envelope's payload, other XML, or JSON; None for an empty one.

    Raises DocumentError.
    """
    if not body:
        return None
    text = charsets.read(body).text_utf8
    if text.lstrip()[:1] != b"<":
        return json_text.loads(text)
    root = xml.parse(text)
    return open_envelope(root).payload if root.tag.endswith("}Envelope") else root


def stored(message: Message) -> tuple[bytes, str]:
    """The body as the journal keeps it, with its content type; a document not written yet is written in UTF-8."""
    content = message.content
    if message.body or content is None or content.document is None:
        return message.body, message.content_type
    return write(content.document, "utf-8"), label(content.document, "utf-8")


def changed(document: Document, content: Content) -> Content:
    """The content after a hop has put another document in its place."""
    return Content(document, None, content.size)


@lru_cache(maxsize=8)
def _limits(limit: int) -> xml.Limits:
    # UTF-8 needs up to twice the bytes of Latin-1; what came over the wire has been measured already.
    return xml.Limits(bytes=2 * limit)
