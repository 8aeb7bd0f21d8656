"""Bytes → text → one hardened parse; the SOAP envelope opened."""

from __future__ import annotations

from msgspec.structs import replace

from bus.errors import UnsupportedMedia
from bus.hops.attached import noted
from bus.media import Media, media
from bus.message import Content, Message
from bus.payload import forwardable, has_cdata, off_loop, read_json, read_text, read_xml
from bus.ports import Next, Ports
from bus.quirks import note, straightened
from transformers import charset as charsets
from transformers import form_data
from transformers.charset import Decoded
from transformers.errors import DocumentTooLarge, EnvelopeInvalid, VersionMismatch
from transformers.soap import SoapVersion, open_envelope

_SOAP_MEDIA = {version.media_type: version for version in SoapVersion}


async def decode(message: Message, onward: Next, ports: Ports) -> Message:
    """Read the body. ``charset`` becomes the one to answer in, or stays empty for a caller that did not say.

    Raises UnsupportedMedia, CharsetMismatch, MalformedDocument, UnsafeDocument, DocumentTooLarge,
    EnvelopeInvalid or VersionMismatch.
    """
    limit = ports.settings.max_body
    if len(message.body) > limit:
        raise DocumentTooLarge(f"the body has {len(message.body)} bytes; at most {limit} are accepted")
    return await onward(await off_loop(len(message.body), decoded, message, limit))


def decoded(message: Message, limit: int) -> Message:
    """Answer the message with its content, its body emptied where nobody else would read it as we did."""
    if message.claimed is not None and message.claimed.quirks is not None:
        message = straightened(message, message.claimed.quirks)
    if message.door != "soap" and not message.body:
        return replace(message, content=Content({}), charset="")
    kind = media(message.content_type)
    if kind.name == form_data.MEDIA and message.door == "rest":
        form = form_data.read_form(message.content_type, message.body)
        return replace(message, content=Content(form, None, len(message.body)), body=b"", charset="")
    _check_media(message, kind)
    text = read_text(message.body, message.content_type)
    size = len(message.body)
    if message.door == "soap":
        envelope = open_envelope(read_xml(text, limit))
        if envelope.version is not _SOAP_MEDIA[kind.name]:
            raise VersionMismatch(
                f"the envelope is SOAP {_name(envelope.version)}, but {kind.name} says SOAP "
                f"{_name(_SOAP_MEDIA[kind.name])}; make them agree"
            )
        content = Content(envelope.payload, envelope, size, cdata=has_cdata(text.text_utf8))
    else:
        document = read_xml(text, limit) if kind.kind == "xml" else read_json(text, limit)
        content = Content(document, None, size, cdata=kind.kind == "xml" and has_cdata(text.text_utf8))
    if message.attachments is not None:
        noted(message, content)
    body = message.body if forwardable(text, message.body, content) else b""
    unsaid = not text.declared and text.charset == "utf-8" and message.body.isascii()
    notes = (*message.notes, _lie(text)) if text.lied else message.notes
    return replace(message, content=content, body=body, charset="" if unsaid else text.charset, notes=notes)


def _lie(text: Decoded) -> str:
    declared = charsets.wire_name(text.declared) if charsets.codec_of(text.declared) else "an unknown charset"
    return note("charset", f"declared {declared}, is {charsets.wire_name(text.charset)}")


def _check_media(message: Message, kind: Media) -> None:
    if kind.name.startswith("multipart/"):
        raise UnsupportedMedia(f"{kind.name} is not read here; send one document, or multipart/related")
    if message.door == "soap":
        if not message.body:
            raise EnvelopeInvalid("the request has no body; send a SOAP envelope")
        if kind.name not in _SOAP_MEDIA:
            raise UnsupportedMedia(
                f"a SOAP door reads text/xml (1.1) and application/soap+xml (1.2), not {_given(kind)}"
            )
    elif kind.kind not in ("json", "xml"):
        raise UnsupportedMedia(f"a REST door reads application/json and application/xml, not {_given(kind)}")


def _given(kind: Media) -> str:
    return kind.name[:60] if kind.name else "a body without a content type"


def _name(version: SoapVersion) -> str:
    return "1.1" if version is SoapVersion.V11 else "1.2"
