"""An accepted message ↔ the bytes of its letter, so that any worker can carry it on where ``route`` left it."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Any

import orjson

from bus.errors import BusError, UnknownOperation
from bus.hops.inside import opened
from bus.hops.resolve import find_version
from bus.hops.stage import content_of, operation_of
from bus.media import media
from bus.message import Content, Message, Target
from bus.payload import has_cdata, label, read_json, read_text, read_xml, write
from registry.model import Consumer, Operation, Snapshot
from transformers.document import is_xml
from transformers.errors import MalformedDocument, MeridianError
from transformers.soap import open_envelope, seal

_FORMAT = 1
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")


def pack(message: Message) -> bytes:
    """Write a routed message: its body as received where that still holds, else its document in UTF-8."""
    operation = operation_of(message)
    content = content_of(message)
    body, content_type, charset = message.body, message.content_type, message.charset
    held, envelope = content.held is not None, content.envelope
    enveloped = envelope is not None and (bool(body) if not held else operation.request_inside is not None)
    if envelope is not None and enveloped and not body:
        # What stands beside the document that is held is the provider's too.
        body, content_type, charset = seal(envelope.payload, envelope.version), envelope.version.media_type, "utf-8"
    elif not enveloped and (held or not body):
        body, content_type, charset = write(content.document, "utf-8"), label(content.document, "utf-8"), "utf-8"
    return orjson.dumps(
        {
            "format": _FORMAT,
            "id": message.id,
            "flow": message.flow,
            "service": operation.service,
            "version": operation.version,
            "operation": operation.name,
            "consumer": message.consumer.name if message.consumer else "",
            "kind": "envelope" if enveloped else "xml" if is_xml(content.document) else "json",
            "content_type": content_type,
            "charset": charset,
            "received_at": message.received_at,
            "idempotency_key": message.idempotency_key or message.id,
            "keys": message.keys,
            "body": b64encode(body).decode("ascii"),
        }
    )


def read(data: bytes) -> dict[str, Any]:
    """The fields of a parcel that ``pack`` wrote, ``body`` as bytes.

    Raises MalformedDocument for other bytes, and BusError for another format.
    """
    try:
        parcel = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedDocument("the letter is not an accepted message: it is not JSON") from error
    if not isinstance(parcel, dict) or "format" not in parcel:
        raise MalformedDocument("the letter is not an accepted message: it is no object with a field 'format'")
    if parcel["format"] != _FORMAT:
        raise BusError(f"the letter is of format {str(parcel['format'])[:20]}; this version reads {_FORMAT}")
    try:
        return parcel | {"body": b64decode(parcel["body"], validate=True)}
    except KeyError as error:
        raise MalformedDocument("the letter is not an accepted message: it has no field 'body'") from error
    except (TypeError, ValueError) as error:
        raise MalformedDocument("the letter is not an accepted message: its field 'body' is not base64") from error


def with_text(data: bytes, text: str) -> bytes:
    """The parcel with another body of the same kind, in UTF-8. Raises MalformedDocument or BusError."""
    parcel = read(data)
    name = media(parcel["content_type"]).name
    if parcel["kind"] != "json":
        name, text = f"{name}; charset=utf-8", _DECLARATION.sub("", text)  # it may name the charset of before
    body = b64encode(text.encode()).decode("ascii")
    return orjson.dumps(parcel | {"body": body, "charset": "utf-8", "content_type": name})


def unpack(data: bytes, snapshot: Snapshot) -> Message:
    """Read a message that ``pack`` wrote, against the services of today; its door is ``backbone``.

    Raises MalformedDocument for other bytes, BusError for another format, UnknownService, UnknownVersion or
    UnknownOperation for what is gone.
    """
    parcel = read(data)
    try:
        body = parcel["body"]
        name = parcel["operation"]
        version = find_version(snapshot, parcel["service"], parcel["version"])
        operation = version.operations.get(name)
        if operation is None:
            raise UnknownOperation(f"{version.service} version {version.version} has no operation {name} any more")
        consumer = snapshot.consumers.get(parcel["consumer"]) or Consumer(parcel["consumer"], {})
        return Message(
            id=parcel["id"],
            flow=parcel["flow"],
            door="backbone",
            target=Target(version.service, version.version, name),
            body=body,
            content_type=parcel["content_type"],
            charset=parcel["charset"],
            received_at=parcel["received_at"],
            content=opened(_content(body, parcel["content_type"], parcel["kind"]), operation),
            consumer=consumer,
            version=version,
            operation=operation,
            keys=tuple((key, value) for key, value in parcel["keys"]),
            idempotency_key=parcel["idempotency_key"],
        )
    except KeyError as error:
        raise MalformedDocument(f"the letter is not an accepted message: it has no field {error.args[0]!r}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise MalformedDocument("the letter is not an accepted message: a field is not of its type") from error


def operation_in(data: bytes, snapshot: Snapshot) -> Operation | None:
    """The operation that a packed message calls; None where it is gone, or where these are other bytes."""
    try:
        parcel = read(data)
        version = find_version(snapshot, parcel["service"], parcel["version"])
        return version.operations.get(parcel["operation"])
    except (MeridianError, KeyError, TypeError):
        return None


def _content(body: bytes, content_type: str, kind: str) -> Content:
    text, size = read_text(body, content_type), len(body)
    # It was measured when it was accepted; the limit of today must not lose it.
    limit = max(size, 1)
    if kind == "json":
        return Content(read_json(text, limit), None, size)
    root = read_xml(text, limit)
    if kind == "xml":
        return Content(root, None, size)
    envelope = open_envelope(root)
    return Content(envelope.payload, envelope, size, cdata=has_cdata(text.text_utf8))
