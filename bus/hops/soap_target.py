"""The operation that a SOAP request means: its Body's child decides, SOAPAction may only agree."""

from __future__ import annotations

from typing import NoReturn

from msgspec.structs import replace

from bus.errors import BadRequest, FaceNotOffered, UnknownOperation
from bus.hops.drift import brought_home
from bus.hops.stage import content_of
from bus.hops.suggest import missing
from bus.media import media
from bus.message import Message
from bus.quirks import note
from registry.model import Operation, ServiceVersion
from transformers.document import Element
from transformers.errors import EnvelopeInvalid, VersionNotOffered
from transformers.soap import Envelope, SoapVersion, check_must_understand
from transformers.xml import local_name


def soap_target(message: Message, version: ServiceVersion) -> Message:
    """Answer the message with its operation.

    Raises FaceNotOffered, VersionNotOffered, HeaderNotUnderstood, UnknownOperation, EnvelopeInvalid (an empty Body
    where the contract has a child) or BadRequest (SOAPAction names another operation).
    """
    envelope = checked_envelope(message, version)
    quirks = message.consumer.quirks if message.consumer is not None else None
    if quirks is not None and quirks.namespace and envelope.payload is not None:
        message = brought_home(message, envelope.payload, version, quirks)
    asked = message.addressing.action if message.addressing is not None else ""
    action = message.target.action or asked
    try:
        operation = _operation(envelope.payload, action, version)
        if asked and asked != action:
            _operation(envelope.payload, asked, version)
    except BadRequest:
        if quirks is None or quirks.soap_action != "ignore":
            raise
        operation = _operation(envelope.payload, "", version)
    if envelope.headers:
        # What the bus understands itself has been taken off. A block that the contract declares, or the manifest
        # passes on, is the provider's: it travels on, and is understood there.
        known = version.headers | operation.header.tags if operation.header else version.headers
        check_must_understand(envelope, known)
    if envelope.shared and operation.encoding is None:
        raise EnvelopeInvalid(f"the Body has more than one child, and {operation.name} is not of SOAP's own encoding")
    if remark := _action_remark(message, operation):
        return replace(message, version=version, operation=operation, notes=(*message.notes, remark))
    return replace(message, version=version, operation=operation)


def checked_envelope(message: Message, version: ServiceVersion) -> Envelope:
    """The envelope, of a SOAP version that is a face of ``version``.

    Raises FaceNotOffered, VersionNotOffered or EnvelopeInvalid.
    """
    envelope = content_of(message).envelope
    if envelope is None:
        raise EnvelopeInvalid("a SOAP door needs an envelope")
    if not version.speaks(envelope.version):
        _refuse_version(envelope.version, version)
    return envelope


def _action_remark(message: Message, operation: Operation) -> str:
    """What is wrong with the SOAPAction of a call that is carried all the same; the value stays out of it."""
    action = message.target.action
    if action == operation.action or not operation.action:
        return ""
    if action:
        return note("soap_action", f"not the one of {operation.name}")
    # SOAP 1.1 §6.1.1 wants the header, if only empty; in SOAP 1.2 the action is optional.
    if "soapaction" in message.headers or media(message.content_type).name == SoapVersion.V12.media_type:
        return ""
    return note("soap_action", "missing")


def _refuse_version(spoken: SoapVersion, version: ServiceVersion) -> NoReturn:
    for other in SoapVersion:
        if version.speaks(other):
            raise VersionNotOffered(
                f"{version.service} does not read envelopes of {spoken.media_type}; send {other.media_type}"
            )
    raise FaceNotOffered(f"{version.service} is not offered over SOAP; it speaks {', '.join(sorted(version.faces))}")


def _operation(payload: Element | None, action: str, version: ServiceVersion) -> Operation:
    by_action = version.by_action.get(action) if action else None
    if payload is None:
        if by_action is None or by_action.element:
            raise EnvelopeInvalid("the Body is empty; put the operation's element into it")
        return by_action
    operation = version.by_element.get(payload.tag)
    if operation is None:
        if by_action is None:
            names = (name.rpartition("}")[2] for name in version.by_element)
            raise UnknownOperation(
                missing(f"operation of {version.service} for the element", local_name(payload), names)
            )
        return by_action
    if action and by_action is not operation and _contradicts(action, payload, operation, version):
        raise BadRequest(
            f"SOAPAction does not fit the Body, which holds {local_name(payload)}; send the action of {operation.name}"
        )
    return operation


def _contradicts(action: str, payload: Element, operation: Operation, version: ServiceVersion) -> bool:
    """Old stacks write anything: an action contradicts when another is declared, or when it names another operation."""
    last = action.rstrip("/#:").replace("#", "/").replace(":", "/").rpartition("/")[2]
    if last in (operation.name, local_name(payload)):
        return False
    return bool(operation.action) or action in version.by_action or last in version.operations
