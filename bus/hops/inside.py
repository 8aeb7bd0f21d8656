"""Documents that travel inside others: opened for the hops, put back for whoever holds them so."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from bus.hops.stage import content_of
from bus.message import Content, Held, Message
from registry.model import Inside, Operation
from transformers import ns
from transformers.document import Document, Element, is_xml
from transformers.held import Manner
from transformers.xml import local_name


def opened(content: Content, operation: Operation) -> Content:
    """The content with the document that the request holds, where the caller sent the one around it.

    A REST caller may send either. Raises ContractViolation.
    """
    inside, outer = operation.request_inside, content.document
    if inside is None or not is_xml(outer):
        return content
    if content.envelope is None and local_name(outer) != ns.split(inside.holder.root)[1]:  # type: ignore[arg-type]
        return content
    return _opened(content, inside)


def disclosed(content: Content, operation: Operation) -> Content:
    """The content with the document that a SOAP provider's reply holds. Raises ContractViolation."""
    inside = operation.reply_inside
    return content if inside is None or not is_xml(content.document) else _opened(content, inside)


def enclosed(message: Message, document: Document, operation: Operation) -> Document:
    """The request's document inside the one that a SOAP provider reads: the caller's own, or a new one."""
    inside, content = operation.request_inside, content_of(message)
    if inside is None:
        return document
    manner = _styled(inside, content.held.manner if content.held is not None else inside.manner)
    return inside.holder.around(document, manner, _shell(content))


def answer_held(message: Message, reply: Message, document: Document, operation: Operation) -> Document:
    """The reply's document inside the one that this caller reads; unchanged for a caller that reads it bare."""
    inside, content = operation.reply_inside, content_of(message)
    if inside is None or reply.accepted or (content.envelope is None and content.held is None):
        return document
    return inside.holder.around(document, reply_manner(message, reply.content, inside), _shell(reply.content))


def reply_manner(message: Message, reply: Content | None, inside: Inside) -> Manner:
    """How the reply to ``message`` is held: as its caller holds documents, unless the manifest says otherwise."""
    held = content_of(message).held
    if inside.style == "provider":
        held = reply.held if reply is not None else None
    return _styled(inside, held.manner if held is not None else inside.manner)


def _opened(content: Content, inside: Inside) -> Content:
    document, manner = inside.holder.open(content.document, cdata=content.cdata)  # type: ignore[arg-type]
    return structs.replace(content, document=document, held=Held(manner))


def _styled(inside: Inside, manner: Manner) -> Manner:
    return manner if inside.style in ("caller", "provider") else replace(manner, style=inside.manner.style)


def _shell(content: Content | None) -> Element | None:
    envelope = content.envelope if content is not None else None
    return envelope.payload if envelope is not None else None
