"""Namespace drift: a caller's payload in a wrong namespace brought to the contract's, and its reply back again."""

from __future__ import annotations

from msgspec.structs import replace

from bus.hops.stage import content_of
from bus.message import Content, Message
from bus.quirks import note
from registry.model import Operation, ServiceVersion
from registry.quirks import Quirks
from transformers import ns
from transformers.document import Element
from transformers.namespaces import move, namespace_of, qualify
from transformers.shape import Shape
from transformers.xml import local_name

#: ``Message.drift`` of a caller whose elements have no namespace at all.
NOWHERE = "{}"


def brought_home(message: Message, payload: Element, version: ServiceVersion, quirks: Quirks) -> Message:
    """Answer the message with its payload in the contract's namespaces, if it is not there already.

    The element is known by its local name; one that several operations share stays as it is.
    """
    known = payload.tag in version.by_element
    operation = version.by_element[payload.tag] if known else _by_local_name(payload, version)
    if operation is None:
        return message
    theirs = namespace_of(payload)
    if not to_contract(payload, operation.element, operation.shape):
        return message
    content = content_of(message)
    where = "its root" if not known else "elements inside"
    return replace(
        message,
        content=Content(payload, content.envelope, content.size),
        body=b"",
        drift=theirs or NOWHERE if quirks.namespace == "mirror" and not known else "",
        notes=(*message.notes, note("namespace", f"{where} not in the contract's")),
    )


def to_contract(payload: Element, element: str, shape: Shape | None) -> bool:
    """Bring a payload to the namespaces of ``shape``, or of the name ``element`` where no schema tells more.

    Answers whether anything was changed. A payload of another local name is not the contract's, and stays.
    """
    name = shape.tag if shape is not None else element
    if ns.split(name)[1] != local_name(payload):
        return False
    return qualify(payload, shape) if shape is not None else move(payload, namespace_of(payload), ns.split(name)[0])


def mirrored(payload: Element, message: Message, operation: Operation) -> Element:
    """The reply's payload in the namespace that the caller took for the contract's."""
    ours = ns.split(operation.reply_element or operation.element)[0]
    move(payload, ours, "" if message.drift == NOWHERE else message.drift)
    return payload


def _by_local_name(payload: Element, version: ServiceVersion) -> Operation | None:
    name = local_name(payload)
    found = [operation for tag, operation in version.by_element.items() if ns.split(tag)[1] == name]
    return found[0] if len(found) == 1 else None
