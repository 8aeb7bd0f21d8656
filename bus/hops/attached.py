"""Attachments in the hops: whether they may stream past, and what stands in the document in their place.

Inside the bus a document refers to its attachments by texts that are ``cid:`` URLs (``transformers/xop.py``). They
stream from one connection to the other where both sides want the same style and nothing is mapped; otherwise they
are held, within the limits of ordinary bodies, and their content is put into the document.
"""

from __future__ import annotations

import copy

from msgspec.structs import replace

from bus.attachments import Attachments
from bus.errors import UnsupportedMedia
from bus.hops.stage import content_of
from bus.message import Content, Message, new_id
from bus.payload import off_loop
from bus.settings import Settings
from registry.model import AttachmentRules, Binaries, Operation
from transformers import xop
from transformers.document import Document, Element, is_xml
from transformers.related import MEDIA, Style
from transformers.soap import Envelope, open_envelope
from transformers.xml import local_name


def noted(message: Message, content: Content) -> None:
    """Turn the references of a package's root, just parsed, into texts, and have the stream watch for their parts.

    Raises PackageInvalid.
    """
    attachments = message.attachments
    root = content.envelope.root if content.envelope is not None else content.document
    if attachments is None or root is None:
        return
    if attachments.style == "mtom" and is_xml(root):
        xop.take_includes(root)  # type: ignore[arg-type]
    attachments.expected = xop.references(root)


def wanted(message: Message, rules: AttachmentRules) -> Style | None:
    """How this caller takes attachments: as it sent them, or as it says that it accepts; None for in the document."""
    sent = message.headers.get("content-type", "")
    accepts = MEDIA in message.headers.get("accept", "").lower()
    if message.door == "rest":
        return "related" if accepts else None
    if message.door != "soap":
        return None
    if sent[: len(MEDIA)].lower() == MEDIA:
        return "mtom" if "xop+xml" in sent else "swa"
    return ("swa" if rules.style == "swa" else "mtom") if accepts else None


async def admitted(message: Message, operation: Operation, settings: Settings) -> Message:
    """The message, its attachments ready to stream on, or their content in its document.

    Raises UnsupportedMedia where the operation takes none, and what reading and filling in raise.
    """
    attachments, rules = message.attachments, operation.attachments
    if rules is None:
        raise UnsupportedMedia(
            f"{operation.service}.{operation.name} takes no attachments; send one plain document, or let its "
            "manifest say attachments"
        )
    if attachments is None:
        return message
    attachments.limit = rules.limit or settings.max_attachments
    if _streams(attachments.style, rules, operation.request) and operation.mode == "sync" and not message.respond_async:
        return message
    await attachments.hold(settings.max_body)
    content = content_of(message)
    return await off_loop(settings.max_body, _filled, message, content, rules, settings.max_body)


async def returned(message: Message, reply: Message, operation: Operation, limit: int) -> Message:
    """The reply, its attachments ready to stream back or held; ``limit`` is in bytes."""
    attachments, rules = reply.attachments, operation.attachments
    if attachments is None or rules is None:
        return reply
    if not _streams(wanted(message, rules), rules, operation.reply):
        await attachments.hold(limit)
    return reply


def in_place(reply: Message, content: Content, operation: Operation, limit: int) -> Message:
    """The reply with this content, just parsed; attachments that are held are put into it. Raises PackageInvalid."""
    noted(reply, content)
    rules, attachments = operation.attachments, reply.attachments
    if rules is None or attachments is None or attachments.parts is None:
        return replace(reply, content=content)
    return _filled(reply, content, rules, limit)


def packed(message: Message, reply: Message, operation: Operation) -> Message:
    """The reply with its binary content taken out, for a caller that takes attachments from a provider that does not.

    The document's schema says what is binary.
    """
    rules, content = operation.attachments, reply.content
    if rules is None or content is None or reply.attachments is not None or reply.accepted:
        return reply
    if wanted(message, rules) not in ("mtom", "related") or not is_xml(content.document):
        return reply
    document, attachments = _extracted(content.document, rules.threshold, operation.reply_binaries)  # type: ignore[arg-type]
    if attachments is None:
        return reply
    return replace(reply, content=Content(document, None, content.size), body=b"", attachments=attachments)


def answers_package(message: Message, operation: Operation) -> bool:
    """Whether what is binary in a reply must be looked for: the caller takes attachments here."""
    return operation.attachments is not None and wanted(message, operation.attachments) is not None


def outgoing(message: Message, root: Element, operation: Operation) -> tuple[Element, Message]:
    """A copy of ``root`` (an envelope or its payload) as the provider takes it, and the message with what it attaches.

    Streamed references become XOP includes for an ``mtom`` provider; content in the document is taken out.
    """
    rules = operation.attachments
    if rules is None or rules.style == "inline":
        return root, message
    root = copy.deepcopy(root)
    attachments = message.attachments
    if attachments is None:
        payload = _payload(root)
        if payload is None:
            return root, message
        if rules.style == "mtom":
            _, attachments = _extracted(payload, rules.threshold, operation.binaries, copied=True)
        else:
            parts = xop.extract_urls(payload, _name)
            attachments = Attachments.of("swa", parts) if parts else None
    if attachments is None:
        return root, message
    if rules.style == "mtom":
        _include(root, attachments)
    return root, replace(message, attachments=attachments)


def included(message: Message, payload: Element, reply: Message, operation: Operation) -> Element:
    """The payload of a reply as this caller reads it: with XOP includes where it takes MTOM."""
    rules, attachments = operation.attachments, reply.attachments
    if rules is None or attachments is None or wanted(message, rules) != "mtom":
        return payload
    payload = copy.deepcopy(payload)
    _include(payload, attachments)
    return payload


def without_references(document: Document, message: Message) -> Document:
    """The document as a schema may judge it: what is attached is left empty."""
    return document if message.attachments is None else xop.blanked(document)


def _include(root: Element, attachments: Attachments) -> None:
    xop.put_includes(root, attachments.expected if attachments.parts is None else frozenset(attachments.parts))


def _streams(style: Style | None, rules: AttachmentRules, mapping: tuple[object, ...]) -> bool:
    return rules.style != "inline" and style in (rules.style, "related") and not mapping


def _filled(message: Message, content: Content, rules: AttachmentRules, limit: int) -> Message:
    """The message with the content of its held attachments in its document, and no attachments."""
    parts = (message.attachments.parts if message.attachments is not None else None) or {}
    urls = rules.style == "swa"
    envelope = content.envelope
    if envelope is not None:
        root = xop.filled(envelope.root, parts, urls=urls, limit=limit)
        opened: Envelope = open_envelope(root)  # type: ignore[arg-type]
        content = Content(opened.payload, opened, content.size)
    else:
        content = Content(xop.filled(content.document, parts, urls=urls, limit=limit), None, content.size)
    return replace(message, content=content, body=b"", attachments=None)


def _extracted(
    payload: Element, threshold: int, find: Binaries | None, *, copied: bool = False
) -> tuple[Element, Attachments | None]:
    if find is None:
        return payload, None
    element = payload if copied else copy.deepcopy(payload)
    parts = xop.extract(list(find(element)), threshold, _name)
    return (element, Attachments.of("mtom", parts)) if parts else (payload, None)


def _payload(root: Element) -> Element | None:
    """What stands in the Body of an envelope; any other element is the payload itself."""
    return open_envelope(root).payload if local_name(root) == "Envelope" else root


def _name() -> str:
    return f"{new_id()}@meridian"
