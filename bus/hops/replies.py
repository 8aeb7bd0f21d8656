"""What a provider's answer really is: a document, a fault of its own, or not what it claims to be."""

from __future__ import annotations

from typing import NoReturn

from bus.errors import ProviderFault, ProviderLied
from bus.hops.attached import answers_package
from bus.hops.wire import speaks_alike
from bus.media import media
from bus.message import Content, Message
from bus.payload import forwardable, has_cdata, prolog_charset, read_json, read_text, read_xml
from registry.model import Operation, Provider
from transformers.charset import Decoded, codec_of
from transformers.document import Document
from transformers.encoded import SoapEncoding
from transformers.errors import DocumentError
from transformers.soap import open_envelope, read_fault

#: The words of SOAP 1.1 for whose doing a fault is; a provider's own code follows them behind a dot.
FAULT_WORDS = {"caller": "Client", "server": "Server", "version": "VersionMismatch", "understand": "MustUnderstand"}

#: A fault is the first thing in a Body, and few headers are longer than this.
_FAULT_WITHIN = 2048

#: What a JSON text can begin with (RFC 8259 §2, §3): anything else is read, and found to be something else.
_JSON_STARTS = frozenset(bytes([byte]) for byte in b'{["-0123456789tfn')


def passes_back(message: Message, reply: Message, operation: Operation, provider: Provider) -> bool:
    """Whether the reply's bytes can go to the caller unread."""
    if operation.reply or operation.reply_keys or reply.status >= 300 or not reply.body:
        return False
    if operation.policy.downtime == "cached":  # it is remembered as a document
        return False
    if message.drift or provider.quirks is not None:
        return False
    if operation.attachments is not None and (reply.attachments is not None or answers_package(message, operation)):
        return False
    if operation.reply_check is not None and operation.reply_check.gate != "off":
        return False
    if operation.reply_inside is not None and operation.discloses and operation.reply_inside.style != "provider":
        return False
    if codec_of(reply.charset) != message.charset or not speaks_alike(message, provider):
        return False
    kind = media(reply.content_type).kind
    if provider.protocol == "rest":
        return kind == "json" and message.door != "workflow" and reply.body[:64].lstrip()[:1] in _JSON_STARTS
    body = reply.body
    if kind != "xml" or body.find(b"Envelope", 0, _FAULT_WITHIN) < 0 or body.find(b"Fault", 0, _FAULT_WITHIN) >= 0:
        return False
    return body[:1] == b"<" and (body.find(b"encoding", 0, 120) < 0 or prolog_charset(body) == message.charset)


def read_reply(message: Message, reply: Message, provider: Provider, limit: int) -> tuple[Content, bool]:
    """The reply's content, and whether its bytes are as the caller reads them.

    Raises ProviderFault or ProviderLied.
    """
    if not reply.body:
        if reply.status >= 300:
            _failed(reply)
        return Content(None), True
    if provider.protocol != "rest":
        content, text = _soap(reply, limit)
    elif reply.status >= 300:
        _failed(reply, _detail(reply, limit))
    else:
        content, text = _plain(reply, limit)
    alike = (
        message.door != "workflow"
        and not message.drift
        and speaks_alike(message, provider)
        and text.charset == message.charset
    )
    return content, alike and forwardable(text, reply.body, content)


def decoded_reply(content: Content, encoding: SoapEncoding) -> Content:
    """The content of a reply in SOAP's own encoding as a plain document. Raises ProviderLied."""
    try:
        return Content(encoding.decode(content.document), content.envelope, content.size)  # type: ignore[arg-type]
    except DocumentError as error:
        raise ProviderLied(f"the provider's answer is not in SOAP's own encoding: {error}") from error


def _soap(reply: Message, limit: int) -> tuple[Content, Decoded]:
    kind = media(reply.content_type)
    if kind.kind != "xml":
        if reply.status >= 300:
            _failed(reply)
        raise ProviderLied(f"the provider answered {kind.name or 'no content type'} where a SOAP envelope was due")
    try:
        text = read_text(reply.body, reply.content_type)
        envelope = open_envelope(read_xml(text, limit))
    except DocumentError as error:
        if reply.status >= 300:
            _failed(reply)
        raise ProviderLied(f"the provider's answer is no SOAP envelope: {error}") from error
    fault = read_fault(envelope)
    if fault is not None:
        raise ProviderFault(
            f"the provider answered with a SOAP fault ({fault.code})",
            http_status=reply.status,
            code=FAULT_WORDS[fault.code] + (f".{fault.subcode}" if fault.subcode else ""),
            reason=fault.reason,
            detail=fault.detail,
        )
    if reply.status >= 300:
        _failed(reply)
    return Content(envelope.payload, envelope, len(reply.body), cdata=has_cdata(text.text_utf8)), text


def _plain(reply: Message, limit: int) -> tuple[Content, Decoded]:
    kind = media(reply.content_type)
    if kind.kind == "other":
        raise ProviderLied(f"the provider answered {kind.name[:60]} where JSON was due")
    try:
        text = read_text(reply.body, reply.content_type)
        document: Document = read_xml(text, limit) if kind.kind == "xml" else read_json(text, limit)
    except DocumentError as error:
        raise ProviderLied(f"the provider says {kind.name or 'nothing'} and sent something else: {error}") from error
    return Content(document, None, len(reply.body)), text


def _detail(reply: Message, limit: int) -> Document:
    """The body of an HTTP error, when it is JSON; what cannot be read explains nothing."""
    if media(reply.content_type).kind != "json":
        return None
    try:
        return read_json(read_text(reply.body, reply.content_type), limit)
    except DocumentError:
        return None


def _failed(reply: Message, detail: Document = None) -> NoReturn:
    raise ProviderFault(
        f"the provider answered HTTP {reply.status}",
        http_status=reply.status,
        code=f"HTTP-{reply.status}",
        detail=detail,
    )
