"""The contract's document ↔ the provider's: mappings and wire form on the way out, the reply's on the way back."""

from __future__ import annotations

from msgspec.structs import replace

from bus.errors import BusError, ProviderFault, ProviderLied
from bus.hops.attached import in_place, returned
from bus.hops.drift import to_contract
from bus.hops.header_blocks import kept, out_of_json
from bus.hops.inside import disclosed, reply_manner
from bus.hops.replies import decoded_reply, passes_back, read_reply
from bus.hops.stage import content_of, operation_of, version_of
from bus.hops.wire import passes_out, rest_wire, soap_wire
from bus.message import Content, Message, Wire
from bus.payload import off_loop
from bus.ports import Next, Ports
from bus.quirks import note, straightened_reply
from registry.model import Operation, Provider
from transformers.document import Document, Element, is_xml
from transformers.errors import AnswerRefused, ContractViolation, MappingFailed


async def transform(message: Message, onward: Next, ports: Ports) -> Message:
    """Send what the provider reads and answer what the contract says; bytes that need no change are not touched.

    Raises MappingFailed, ProviderFault (the provider's own, SOAP or HTTP) or ProviderLied (its answer is not
    what it claims to be).
    """
    operation = operation_of(message)
    provider = version_of(message).provider
    if provider is None:
        raise BusError(f"{operation.service}.{operation.name} has no provider; give its version one")
    sent = await off_loop(content_of(message).size, outgoing, message, operation, provider)
    reply = await onward(sent)
    limit = ports.settings.max_reply
    if reply.attachments is not None:
        reply = await returned(message, reply, operation, limit)
    return await off_loop(len(reply.body), incoming, message, reply, operation, provider, limit)


def outgoing(message: Message, operation: Operation, provider: Provider) -> Message:
    """The request as the provider reads it."""
    if not operation.request and passes_out(message, operation, provider):
        call = operation.call
        return (
            replace(message, wire=Wire(call.method, call.path)) if call.path or provider.protocol == "rest" else message
        )
    document = content_of(message).document
    for step in operation.request:
        document = step(document)
    write = rest_wire if provider.protocol == "rest" else soap_wire
    return write(message, document, operation, provider)


def incoming(message: Message, reply: Message, operation: Operation, provider: Provider, limit: int) -> Message:
    """The reply as the contract says it."""
    if passes_back(message, reply, operation, provider):
        return reply
    if provider.quirks is not None:
        reply = straightened_reply(reply, provider.quirks, soap=provider.protocol != "rest")
    content, same = read_reply(message, reply, provider, limit)
    if reply.attachments is not None:
        reply = in_place(reply, content, operation, limit)
        content, same = content_of(reply), same and bool(reply.body)
    if operation.call.reply_encoding is not None and content.envelope is not None and content.document is not None:
        content = decoded_reply(content, operation.call.reply_encoding)
    if operation.discloses and content.document is not None:
        content, same = _disclosed(message, content, operation, same)
    document = content.document
    if provider.quirks is not None and provider.quirks.namespace and is_xml(document) and not operation.reply:
        reply, same = _brought_home(reply, document, operation, same)  # type: ignore[arg-type]
    document, headers = out_of_json(document, operation.reply_header)
    if document is not None:
        document = _mapped(document, reply, operation)
    if document is not None and is_xml(document) is not (operation.form == "xml"):
        document = _in_form(document, operation)
    if document is content.document and same:
        return replace(reply, content=content)
    headers = headers or kept(content, operation.reply_header)
    envelope = content.envelope if operation.discloses else None
    return replace(reply, content=Content(document, envelope, content.size, headers, held=content.held), body=b"")


def _disclosed(message: Message, content: Content, operation: Operation, same: bool) -> tuple[Content, bool]:
    """The content with the document inside, and whether the caller reads the bytes as they are."""
    try:
        content = disclosed(content, operation)
    except ContractViolation as error:
        raise ProviderLied(f"the provider's answer: {error}", violations=error.violations) from error
    inside = operation.reply_inside
    if same and inside is not None and content.held is not None:
        same = reply_manner(message, content, inside).style == content.held.manner.style
    return content, same


def _brought_home(reply: Message, payload: Element, operation: Operation, same: bool) -> tuple[Message, bool]:
    """The reply with its payload in the contract's namespaces, and whether its bytes still are what callers read."""
    if not to_contract(payload, operation.reply_element, operation.reply_shape):
        return reply, same
    return replace(reply, notes=(*reply.notes, note("reply_namespace", "not the contract's"))), False


def _mapped(document: Document, reply: Message, operation: Operation) -> Document:
    try:
        for step in operation.reply:
            document = step(document)
    except AnswerRefused as refusal:
        # Its own code may be any text, which a SOAP subcode may not.
        raise ProviderFault(
            str(refusal), http_status=reply.status, code="Server.Refused", reason=_words(refusal)
        ) from refusal
    return document


def _words(refusal: AnswerRefused) -> str:
    return f"{refusal.code}: {refusal.reason}" if refusal.code and refusal.reason else refusal.reason or refusal.code


def _in_form(document: Document, operation: Operation) -> Document:
    convert = operation.reply_to_xml if operation.form == "xml" else operation.reply_to_json
    if convert is None:
        raise MappingFailed(
            f"the reply of {operation.service}.{operation.name} stays in a form that its contract does not speak",
            step="reply",
        )
    return convert(document)
