"""One recorded body, read again as its receiver read it, with what that already says against its writer."""

from __future__ import annotations

from dataclasses import dataclass

from bus.conform.finding import WRITERS, Finding, Stage
from bus.media import media
from bus.ports import Body
from transformers import charset as charsets
from transformers import json_text, xml
from transformers.charset import Decoded
from transformers.document import Document
from transformers.errors import DocumentError
from transformers.soap import Envelope, SoapVersion, open_envelope, read_fault


@dataclass(frozen=True, slots=True)
class Reading:
    """A body as a document. ``document`` is None where there is none, or nothing readable."""

    text: str
    document: Document = None
    envelope: Envelope | None = None
    fault: bool = False
    findings: tuple[Finding, ...] = ()


def read(body: Body, stage: Stage, *, soap: bool) -> Reading:
    """Read a body that should be an envelope (``soap``) or a plain document; what is wrong with it is found."""
    decoded = charsets.read_lenient(body.data, media(body.content_type).charset)
    found = _charset(decoded, stage)
    try:
        if soap:
            return _envelope(body, decoded, stage, found)
        document, wrong = _plain(body, decoded, stage)
        return Reading(decoded.text, document, findings=(*found, *wrong))
    except DocumentError as error:
        line = getattr(error, "line", None)
        unreadable = Finding(WRITERS[stage], stage, "unreadable", _words(error), line=line)
        return Reading(decoded.text, findings=(*found, unreadable))


def _envelope(body: Body, decoded: Decoded, stage: Stage, found: tuple[Finding, ...]) -> Reading:
    envelope = open_envelope(xml.parse(decoded.text_utf8))
    name, wanted = media(body.content_type).name, envelope.version.media_type
    if name != wanted:
        other = any(name == version.media_type for version in SoapVersion)
        text = f"{_shown(name)} announces an envelope that is {wanted}"
        found = (*found, Finding(WRITERS[stage], stage, "soap_version" if other else "content_type", text))
    fault = read_fault(envelope) is not None
    return Reading(decoded.text, envelope.payload, envelope, fault, found)


def _plain(body: Body, decoded: Decoded, stage: Stage) -> tuple[Document, tuple[Finding, ...]]:
    kind = media(body.content_type)
    markup = decoded.text_utf8.lstrip()[:1] == b"<"
    document: Document = xml.parse(decoded.text_utf8) if markup else json_text.loads(decoded.text_utf8)
    if kind.kind == ("xml" if markup else "json"):
        return document, ()
    text = f"{_shown(kind.name)} announces a body that is {'XML' if markup else 'JSON'}"
    return document, (Finding(WRITERS[stage], stage, "content_type", text),)


def _charset(decoded: Decoded, stage: Stage) -> tuple[Finding, ...]:
    if decoded.replaced:
        return (Finding(WRITERS[stage], stage, "charset", "the bytes are in no charset that is known here"),)
    if not decoded.lied:
        return ()
    declared = charsets.wire_name(decoded.declared) if charsets.codec_of(decoded.declared) else "an unknown charset"
    text = f"declares {declared} and is {charsets.wire_name(decoded.charset)}"
    return (Finding(WRITERS[stage], stage, "charset", text),)


def _shown(name: str) -> str:
    return name[:60] or "no content type"


def _words(error: DocumentError) -> str:
    return str(error)[:200]
