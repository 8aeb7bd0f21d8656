"""A request in its provider's wire form: an envelope in its version and charset, or a method, path, query and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from bus.errors import BadRequest
from bus.hops import attached
from bus.hops.header_blocks import declared, into_json
from bus.hops.inside import enclosed
from bus.hops.stage import content_of
from bus.message import Content, Message, Wire
from bus.payload import label, write
from registry.model import Operation, Protocol, Provider
from transformers.charset import codec_of
from transformers.document import Document, Json, is_xml
from transformers.errors import MappingFailed
from transformers.http_form import HttpForm, Split
from transformers.soap import SoapVersion, reversion, seal
from transformers.xml import serialise

#: Methods whose whole document stands in the address (RFC 9110 §9.3: content has no meaning there).
_BODILESS = frozenset({"GET", "DELETE", "HEAD"})


def soap_version(protocol: Protocol) -> SoapVersion:
    """The SOAP version of a SOAP provider."""
    return SoapVersion.V11 if protocol == "soap11" else SoapVersion.V12


def codec(provider: Provider) -> str:
    """The codec of what is sent to this provider."""
    return codec_of(provider.charset) or "utf-8"


def speaks_alike(message: Message, provider: Provider) -> bool:
    """Whether caller and provider use the same protocol and SOAP version, with nothing converted between them."""
    content = content_of(message)
    if provider.protocol == "rest":
        return (
            content.envelope is None
            and content.held is None
            and message.door in ("rest", "backbone")
            and not is_xml(content.document)
        )
    return content.envelope is not None and content.envelope.version is soap_version(provider.protocol)


def passes_out(message: Message, operation: Operation, provider: Provider) -> bool:
    """Whether the bytes received are the bytes to send."""
    if not message.body or message.charset != codec(provider) or not speaks_alike(message, provider):
        return False
    if _may_extract(message, operation):
        return False
    call = operation.call
    if provider.protocol != "rest":
        return True
    if call.form is not None and (call.form.fields or call.form.body or call.form.media or not call.form.has_body):
        return False
    return call.method not in _BODILESS and "{" not in call.path


def _may_extract(message: Message, operation: Operation) -> bool:
    """Whether these bytes may hold content that the provider wants attached."""
    rules = operation.attachments
    if rules is None or rules.style == "inline" or message.attachments is not None:
        return False
    return len(message.body) >= rules.threshold if rules.style == "mtom" else b";base64," in message.body


def soap_wire(message: Message, document: Document, operation: Operation, provider: Provider) -> Message:
    """The message as an envelope for a SOAP provider. Raises MappingFailed for a document that stays JSON."""
    charset, version = codec(provider), soap_version(provider.protocol)
    content = content_of(message)
    if content.envelope is not None and document is content.document:
        # Nothing was mapped: header blocks for the provider travel on.
        root, message = attached.outgoing(message, reversion(content.envelope, version).root, operation)
        body = serialise(root, charset, declaration=True)
    else:
        document = payload = _xml(enclosed(message, document, operation) if operation.encloses else document, operation)
        if operation.call.encoding is not None and payload is not None:
            payload = operation.call.encoding.encode(payload, version.value)  # type: ignore[arg-type]
        if is_xml(payload):
            payload, message = attached.outgoing(message, payload, operation)  # type: ignore[arg-type]
        blocks = declared(content, operation.header, version)
        body = seal(payload, version, blocks, charset=charset)  # type: ignore[arg-type]
    return replace(
        message,
        body=body,
        content=Content(document, None, content.size),
        charset=charset,
        content_type=f"{version.media_type}; charset={charset}",
        wire=Wire("POST", operation.call.path),
    )


def rest_wire(message: Message, document: Document, operation: Operation, provider: Provider) -> Message:
    """The message as an HTTP request for a REST provider. Raises MappingFailed or BadRequest."""
    call = operation.call
    document = into_json(_json(document, operation), content_of(message), operation.header)
    if call.form is not None:
        return _by_form(message, document, operation, provider, call.form)
    path, rest = filled(call.path, document, operation) if "{" in call.path else (call.path, document)
    content = Content(document, None, content_of(message).size)
    if call.method in _BODILESS:
        search = query(rest, operation)
        joint = "&" if "?" in path else "?"
        return replace(
            message,
            body=b"",
            content=content,
            content_type="",
            wire=Wire(call.method, f"{path}{joint}{search}" if search else path),
        )
    charset = codec(provider)
    return replace(
        message,
        body=write(rest, charset),
        content=content,
        charset=charset,
        content_type=label(rest, charset),
        wire=Wire(call.method, path),
    )


def _by_form(message: Message, document: Json, operation: Operation, provider: Provider, form: HttpForm) -> Message:
    """The message with every field where the provider's contract wants it."""
    if not isinstance(document, dict):
        if form.fields or form.body or not form.has_body:
            raise MappingFailed(
                f"{operation.service}.{operation.name} is called with fields, which a JSON object holds"
            )
        split = Split({}, "", {}, document)
    else:
        split = form.split(document)
    path = "".join(literal + (_part(name, split.path) if name else "") for literal, name in _parts(operation.call.path))
    joint = "&" if "?" in path else "?"
    charset = codec(provider)
    sends = form.has_body and split.body is not None
    return replace(
        message,
        body=write(split.body, charset) if sends else b"",
        content=Content(document, None, content_of(message).size),
        charset=charset if sends else message.charset,
        content_type=(form.media or label(split.body, charset)) if sends else "",
        wire=Wire(operation.call.method, f"{path}{joint}{split.query}" if split.query else path, split.headers),
    )


def _part(name: str, parts: Mapping[str, str]) -> str:
    """One encoded part of a path. Raises BadRequest."""
    text = parts.get(name)
    if text is None:
        raise BadRequest(f"the field {name!r} is missing, and the provider's path needs it")
    # Servers and clients alike resolve dot segments (RFC 3986 §5.2.4), whether percent-encoded or not.
    if text in ("", ".", ".."):
        raise BadRequest(f"the field {name!r} holds what cannot stand in a path")
    return text


def filled(template: str, document: Json, operation: Operation) -> tuple[str, Json]:
    """The path with its ``{field}``s percent-encoded from the document, and the document without them."""
    if not isinstance(document, dict):
        raise MappingFailed(f"the path of {operation.service}.{operation.name} needs a JSON object to take fields from")
    rest = dict(document)
    parts: list[str] = []
    for literal, name in _parts(template):
        parts.append(literal)
        if name:
            parts.append(_segment(name, document.get(name)))
            rest.pop(name, None)
    return "".join(parts), rest


def query(document: Json, operation: Operation) -> str:
    """A flat object as a query string: lists repeat their name, nulls are left out."""
    if not document:
        return ""
    if not isinstance(document, dict):
        raise MappingFailed(
            f"{operation.service}.{operation.name} sends a query, so its document must be a JSON object"
        )
    pairs: list[tuple[str, str]] = []
    for name, value in document.items():
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict | list):
                raise MappingFailed(f"the field {name[:64]!r} is nested and cannot stand in a query; map it flat")
            if item is not None:
                pairs.append((name, _text(item)))
    return urlencode(pairs, quote_via=quote, safe="")


def _segment(name: str, value: Json) -> str:
    if value is None or isinstance(value, dict | list):
        raise BadRequest(f"the field {name!r} is missing or no plain value, and the provider's path needs it")
    text = _text(value)
    # Servers and clients alike resolve dot segments (RFC 3986 §5.2.4), whether percent-encoded or not.
    if text in ("", ".", ".."):
        raise BadRequest(f"the field {name!r} holds what cannot stand in a path")
    return quote(text, safe="")


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


@lru_cache(maxsize=1024)
def _parts(template: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    rest = template
    while rest:
        literal, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        found.append((literal, name))
    return tuple(found)


def _xml(document: Document, operation: Operation) -> Document:
    if document is None or is_xml(document):
        return document
    if operation.to_xml is None:
        raise MappingFailed(
            f"{operation.service}.{operation.name} goes to a SOAP provider, and its mapping leaves JSON"
        )
    return operation.to_xml(document)


def _json(document: Document, operation: Operation) -> Json:
    if document is None:
        return {}
    if not is_xml(document):
        return document  # type: ignore[return-value]
    if operation.to_json is None:
        raise MappingFailed(f"{operation.service}.{operation.name} goes to a REST provider, and its mapping leaves XML")
    return operation.to_json(document)  # type: ignore[return-value]
