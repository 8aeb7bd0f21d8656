"""Now, or accepted durably for later: a workflow started, an event raised, a message put aside for delivery."""

from __future__ import annotations

import hashlib

import orjson
from lxml import etree

from bus import parcel
from bus.backbone.topology import DELIVER, ENGINE
from bus.hops.stage import content_of, operation_of
from bus.message import Content, Message
from bus.payload import off_loop
from bus.ports import Letter, Next, Ports
from registry.model import Operation
from transformers import ns
from transformers.document import Document, Element, is_xml
from transformers.errors import MappingFailed

#: The keys that tie messages together so closely that they must stay in order, the strongest first.
_LANES = ("visit_no", "order_no", "patient_id")


async def route(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass a synchronous call on; accept any other in the outbox and answer an acknowledgement.

    Raises MappingFailed, StateUnavailable.
    """
    operation = operation_of(message)
    if operation.starts or operation.raises:
        body = await off_loop(content_of(message).size, _engine_letter, message, operation)
        return await _accept(message, ENGINE, body, ports)
    if operation.mode == "async" or message.respond_async:
        return await _accept(message, DELIVER, await off_loop(content_of(message).size, parcel.pack, message), ports)
    return await onward(message)


async def _accept(message: Message, queue: str, body: bytes, ports: Ports) -> Message:
    letter = Letter(id=_letter_id(message), queue=queue, body=body, headers={"flow": message.flow}, lane=_lane(message))
    await ports.outbox.post((letter,))
    return message.evolve(
        content=Content(_acknowledgement(message)), body=b"", status=202, accepted=True, wire=None, headers={}
    )


def _engine_letter(message: Message, operation: Operation) -> bytes:
    document = content_of(message).document
    for step in operation.request:
        document = step(document)
    if is_xml(document):
        if operation.to_json is None:
            raise MappingFailed(f"{operation.service}.{operation.name} feeds a workflow, and its mapping leaves XML")
        document = operation.to_json(document)
    letter: dict[str, object] = {"flow": message.flow, "message_id": message.id, "keys": message.keys}
    if operation.starts:
        letter |= {"kind": "start", "workflow": operation.starts, "input": document}
    else:
        letter |= {"kind": "event", "name": operation.raises, "data": document}
    return orjson.dumps(letter)


def _letter_id(message: Message) -> str:
    """The message's own id; for a caller that names its attempt, the same id for every repetition of it."""
    if not message.idempotency_key or message.consumer is None:
        return message.id
    operation = operation_of(message)
    name = "\n".join((message.consumer.name, operation.service, operation.name, message.idempotency_key))
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _lane(message: Message) -> str:
    found = dict(reversed(message.keys))
    return next((f"{name}:{found[name]}" for name in _LANES if name in found), "")


def _acknowledgement(message: Message) -> Document:
    """What the caller gets instead of a reply, in its own protocol."""
    if content_of(message).envelope is None and message.door != "soap":
        return {"message_id": message.id, "flow_id": message.flow, "status": "accepted"}
    accepted: Element = etree.Element(ns.clark(ns.MERIDIAN, "Accepted"), nsmap={"m": ns.MERIDIAN})
    etree.SubElement(accepted, ns.clark(ns.MERIDIAN, "messageId")).text = message.id
    etree.SubElement(accepted, ns.clark(ns.MERIDIAN, "flowId")).text = message.flow
    return accepted
