"""The caller's form ↔ the contract's form, by schema; and the reply in the caller's protocol, version and charset."""

from __future__ import annotations

from msgspec.structs import replace

from bus.errors import FaceNotOffered
from bus.hops.attached import admitted, included, packed
from bus.hops.drift import mirrored
from bus.hops.fallback import cache_block
from bus.hops.header_blocks import declared, into_json, out_of_json
from bus.hops.inside import answer_held, opened
from bus.hops.stage import content_of, operation_of
from bus.message import Content, Message
from bus.payload import changed, label, off_loop, write
from bus.ports import Next, Ports
from registry.model import Form, Operation
from transformers import charset as charsets
from transformers.document import Document, is_xml
from transformers.errors import MappingFailed
from transformers.soap import seal


async def adapt(message: Message, onward: Next, ports: Ports) -> Message:
    """Bring the request to the contract's form, and the reply back to the caller's.

    Raises FaceNotOffered where no schema says how to convert, or what a conversion raises.
    """
    operation = operation_of(message)
    if message.attachments is not None or message.content_type[:10] == "multipart/":
        message = await admitted(message, operation, ports.settings)
    content = content_of(message)
    if operation.request_inside is not None:
        content = await off_loop(content.size, opened, content, operation)
        message = replace(message, content=content)
    document = content.document
    if operation.encoding is not None and content.envelope is not None and document is not None:
        # The bytes stay what they are: the decoded document is what hops and mappings see.
        document = await off_loop(content.size, operation.encoding.decode, document)
        content = Content(document, content.envelope, content.size)
        message = replace(message, content=content)
    if document is not None and is_xml(document) is not (operation.form == "xml"):
        content = await off_loop(content.size, in_contract_form, content, operation)
        reply = await onward(replace(message, content=content, body=b""))
    elif document is None and operation.form == "json":
        reply = await onward(replace(message, content=changed({}, content), body=b""))
    else:
        reply = await onward(message)
    if operation.attachments is not None:
        reply = await off_loop(len(reply.body), packed, message, reply, operation)
    if reply.body:
        return reply
    return await off_loop(reply.content.size if reply.content else 0, answered, message, reply, operation)


def in_contract_form(content: Content, operation: Operation) -> Content:
    """Answer a request's content in the operation's form, its declared header blocks with it."""
    document, headers = out_of_json(content.document, operation.header)
    document = converted(document, operation)
    return Content(into_json(document, content, operation.header), None, content.size, headers or content.headers)


def converted(document: Document, operation: Operation) -> Document:
    """Answer a request in the operation's form."""
    convert = operation.to_xml if operation.form == "xml" else operation.to_json
    if convert is None:
        raise FaceNotOffered(
            f"{operation.service}.{operation.name} speaks {operation.form} and has no schema to convert by; "
            f"call it in that form, or give the operation a schema"
        )
    return convert(document)


def answered(message: Message, reply: Message, operation: Operation) -> Message:
    """Answer the reply with its document written as this caller reads it."""
    document = reply.content.document if reply.content is not None else None
    content = content_of(message)
    envelope = content.envelope
    framed = content.held is not None and content.held.answer is not None
    if content.held is not None and content.held.answer is not None:
        if document is not None and not reply.accepted:
            document = _in_form("xml", document, operation)
        document = content.held.answer(document, reply.accepted)
    elif document is not None and operation.reply_inside is not None:
        document = answer_held(message, reply, document, operation)
    charset = message.charset or "utf-8"
    if envelope is not None:
        if document is None and operation.form == "json" and operation.reply_to_xml is not None:
            document = {}  # SOAP has a word for an empty answer: the reply's element with nothing in it
        payload = None if document is None else _in_form("xml", document, operation)
        if message.drift and payload is not None and not reply.accepted:
            payload = mirrored(payload, message, operation)  # type: ignore[arg-type]
        if operation.reply_encoding is not None and payload is not None and not reply.accepted:
            payload = operation.reply_encoding.encode(payload, envelope.version.value)  # type: ignore[arg-type]
        if reply.attachments is not None and payload is not None:
            payload = included(message, payload, reply, operation)  # type: ignore[arg-type]
        blocks = declared(reply.content, operation.reply_header, envelope.version) if reply.content else ()
        if reply.cached_at:
            blocks = (*blocks, cache_block(reply.cached_at))
        body = seal(payload, envelope.version, blocks, charset=charset)  # type: ignore[arg-type]
        content_type = f"{envelope.version.media_type}; charset={charsets.wire_name(charset)}"
        return replace(
            reply, body=body, content_type=content_type, charset=charset, status=reply.status if reply.accepted else 200
        )
    if document is None:
        return replace(reply, content_type="", charset=charset)
    if not reply.accepted and not framed:
        spoken = content.held is not None or is_xml(content.document)
        document = _in_form("xml" if spoken else "json", document, operation)
        document = into_json(document, content_of(reply), operation.reply_header)
    if message.door == "workflow":
        return replace(reply, content=changed(document, content_of(reply)), content_type="application/json")
    return replace(reply, body=write(document, charset), content_type=label(document, charset), charset=charset)


def _in_form(form: Form, document: Document, operation: Operation) -> Document:
    if is_xml(document) is (form == "xml"):
        return document
    convert = operation.reply_to_xml if form == "xml" else operation.reply_to_json
    if convert is None:
        raise MappingFailed(
            f"the reply of {operation.service}.{operation.name} has no schema to turn it into {form}", step="adapt"
        )
    return convert(document)
