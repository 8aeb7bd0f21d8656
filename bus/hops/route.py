"""Now, or accepted durably for later: a workflow started, an event raised, a message put aside for delivery."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from lxml import etree
from msgspec import structs

from bus import parcel
from bus.backbone.topology import COUNTED, DELIVER, OPERATION, SUPERSEDES, SYSTEM
from bus.hops.fallback import fallback, remembering
from bus.hops.stage import content_of, operation_of, version_of
from bus.message import Content, Message
from bus.orchestration.letters import event_letter, start_letter
from bus.payload import off_loop
from bus.ports import Letter, Next, Ports
from registry.model import Operation
from transformers import ns
from transformers.document import Document, Element, Json, is_xml
from transformers.errors import MappingFailed
from transformers.identity import canonical


async def route(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass a synchronous call on; accept any other in the outbox and answer an acknowledgement.

    Raises MappingFailed, StateUnavailable, BacklogFull where there is no room for what the message asks, and
    PlannedDowntime where the system is down and nothing else is agreed.
    """
    operation = operation_of(message)
    durably = operation.mode == "async" or message.respond_async
    shortage = ports.pressure.shortage
    if shortage is not None and message.door != "workflow":  # what was taken must go on, or nothing would get less
        shortage.refuse(operation, durably=durably)
    if operation.starts or operation.raises:
        write = _engine_letter
    elif durably:
        write = _deliver_letter
    else:
        if (down := ports.downtimes.down) and (system := version_of(message).system) in down:
            return await fallback(message, operation, down[system], ports)
        if operation.policy.downtime == "cached":
            return await remembering(message, onward, ports)
        return await onward(message)
    letter = await off_loop(content_of(message).size, write, message, operation)
    await ports.outbox.post((_addressed(letter, message, operation),))
    # A SOAP call is answered with 200 (WS-I Basic Profile 1.1 R1111): clients take an envelope under 202 for a fault.
    status = 200 if message.door == "soap" else 202
    return structs.replace(
        message,
        content=Content(_acknowledgement(message)),
        body=b"",
        status=status,
        accepted=True,
        wire=None,
        headers={},
    )


def _deliver_letter(message: Message, operation: Operation) -> Letter:
    headers = {SYSTEM: version_of(message).system}
    if operation.supersedes and (value := dict(reversed(message.keys)).get(operation.supersedes)):
        headers[SUPERSEDES] = f"{operation.service}.{operation.name}/{value}"
    return Letter(message.id, DELIVER, parcel.pack(message), headers)


def _engine_letter(message: Message, operation: Operation) -> Letter:
    document = _for_workflow(message, operation)
    if operation.starts:
        return start_letter(operation.starts, document, message_id=message.id, flow=message.flow, keys=message.keys)
    return event_letter(operation.raises, document, message_id=message.id, flow=message.flow, keys=message.keys)


def _for_workflow(message: Message, operation: Operation) -> Json:
    document = content_of(message).document
    for step in operation.request:
        document = step(document)
    if is_xml(document):
        if operation.to_json is None:
            raise MappingFailed(f"{operation.service}.{operation.name} feeds a workflow, and its mapping leaves XML")
        document = operation.to_json(document)
    return document  # type: ignore[return-value]


def _addressed(letter: Letter, message: Message, operation: Operation) -> Letter:
    """The letter under its own id, in the lane and for as long as its operation says."""
    expires = operation.policy.expires
    return replace(
        letter,
        id=_letter_id(letter, message),
        headers={**letter.headers, **_headers(message, operation)},
        lane=_lane(message, operation),
        expires_at=message.received_at + expires if expires else 0.0,
    )


def _headers(message: Message, operation: Operation) -> dict[str, str]:
    headers = {"flow": message.flow, OPERATION: f"{operation.service}.{operation.name}"}
    return headers | {COUNTED: operation.service} if operation.policy.backlog else headers


def _letter_id(letter: Letter, message: Message) -> str:
    """The letter's own id; for a caller that names its attempt, the same id for every repetition of it."""
    if not message.idempotency_key or message.consumer is None:
        return letter.id
    operation = operation_of(message)
    name = "\n".join((message.consumer.name, operation.service, operation.name, message.idempotency_key))
    return f"once-{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def _lane(message: Message, operation: Operation) -> str:
    """``<service>/<key>=<value>`` by the first value of the key that the operation orders by; empty without one."""
    key = operation.order_by
    value = next((value for name, value in message.keys if name == key.name), "") if key is not None else ""
    if key is None or not value:
        return ""
    # One person's 15 and 18 digit numbers are one lane.
    return f"{operation.service}/{key.name}={(key.identity and canonical(value)) or value}"


def _acknowledgement(message: Message) -> Document:
    """What the caller gets instead of a reply, in its own protocol."""
    if message.door != "soap":
        return {"message_id": message.id, "flow_id": message.flow, "status": "accepted"}
    accepted: Element = etree.Element(ns.clark(ns.MERIDIAN, "Accepted"), nsmap={"m": ns.MERIDIAN})
    etree.SubElement(accepted, ns.clark(ns.MERIDIAN, "messageId")).text = message.id
    etree.SubElement(accepted, ns.clark(ns.MERIDIAN, "flowId")).text = message.flow
    return accepted
