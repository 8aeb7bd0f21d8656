"""The operation that a HIPMessageServer call means: by its action, its document's root, and the site's own table."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import partial

from msgspec.structs import replace

from bus.errors import FaceNotOffered, UnknownOperation
from bus.hops.soap_target import checked_envelope
from bus.hops.stage import content_of
from bus.message import Content, Held, Message
from registry.model import Hip, ServiceVersion, Snapshot
from transformers.document import Document, Element, is_xml
from transformers.errors import ContractViolation
from transformers.held import Manner
from transformers.hip.actions import ActionUnclear
from transformers.hip.calls import SoapCall, is_response, read_call, read_result
from transformers.hip.ipaas import read_post
from transformers.hip.model import Stamp, Verdict
from transformers.hip.received import Received
from transformers.soap import check_must_understand

#: Documents of WS/T 846 carry local time without a zone, and China has one.
_CHINA = timezone(timedelta(hours=8))

_DONE = Verdict("AA", "处理成功")
_TAKEN = Verdict("AA", "已接收，稍后处理")


def hip_target(message: Message, version: ServiceVersion, hip: Hip, snapshot: Snapshot) -> Message:
    """Answer the message with the operation that its action means, and the document inside as its document.

    Raises UnknownOperation, FaceNotOffered, ContractViolation (no parameter holds a document), EnvelopeInvalid or
    HeaderNotUnderstood.
    """
    content = content_of(message)
    if content.envelope is not None:
        check_must_understand(checked_envelope(message, version), version.headers)
    elif "rest" not in version.faces:
        raise FaceNotOffered(f"{version.service} is offered over SOAP only")
    call = received(content)
    try:
        action = hip.table.find(call.action, call.heading.interaction, call.body)
    except ActionUnclear as unclear:
        raise UnknownOperation(str(unclear)) from unclear
    if not action.operation:
        raise UnknownOperation(f"{action.service} is known here, and no operation serves it")
    service, _, name = action.operation.rpartition(".")
    target = version
    if service != version.service:
        entry = snapshot.services[service]
        target = entry.versions[entry.default]
    operation = target.operations.get(name)
    if operation is None:
        raise UnknownOperation(f"{service} version {target.version} has no operation {name}")
    held = Held(
        call.manner if isinstance(call, SoapCall) else Manner(),
        partial(answered, call, stamp_of(message, hip)),
    )
    return replace(
        message, version=target, operation=operation, content=replace(content, document=call.body, held=held)
    )


def is_hip(message: Message) -> bool:
    """Whether a message to a HIPMessageServer is a call of it: any SOAP call, and a POST to its bare REST address."""
    return message.door == "soap" or (message.door == "rest" and message.target.path in ("/", "/HIPMessageServer"))


def received(content: Content) -> Received:
    """The call that a body holds. Raises ContractViolation where it holds none."""
    if content.envelope is None and not is_xml(content.document):
        return read_post(content.document)
    if content.document is None:
        raise ContractViolation("the Body is empty; put a HIPMessageServer call into it", ())
    return read_call(_payload(content), cdata=content.cdata)


def answered(call: Received, stamp: Stamp, document: Document, accepted: bool) -> Document:
    """An operation's answer as the caller reads it: a document of its own, or an acknowledgement for none."""
    if accepted:
        return call.answer(call.acknowledged(_TAKEN, stamp), stamp)
    if is_xml(document) and is_response(document):  # type: ignore[arg-type]
        document = read_result(document)  # type: ignore[arg-type]
    if document is None:
        return call.answer(call.acknowledged(_DONE, stamp), stamp)
    if not is_xml(document):
        raise ContractViolation("the operation answered JSON where a document of WS/T 846 was due", ())
    return call.answer(call.replied(document, stamp), stamp)  # type: ignore[arg-type]


def stamp_of(message: Message, hip: Hip) -> Stamp:
    """The identity of the answer to ``message``: the bus's own id for it, under which it is found again."""
    now = datetime.fromtimestamp(time.time(), _CHINA)
    return Stamp(message.id, now.strftime("%Y%m%d%H%M%S"), hip.device)


def _payload(content: Content) -> Element:
    if content.envelope is not None and content.envelope.payload is not None:
        return content.envelope.payload
    return content.document  # type: ignore[return-value]
