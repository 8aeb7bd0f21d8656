"""The document that a contract speaks of, where a recorded body holds it inside another one."""

from __future__ import annotations

from typing import Final

from bus.conform.finding import Stage
from registry.model import Operation, ServiceVersion
from transformers.document import Document, Element, is_xml
from transformers.hip.calls import read_call, read_result
from transformers.xml import local_name

#: The element of a call, and the start of the name of its answer.
CARRIER: Final = "HIPMessageServer"


def document_inside(document: Document, stage: Stage, version: ServiceVersion, operation: Operation) -> Document:
    """The document in the string or the child that the operation's ``inside``, or a HIPMessageServer, has it in.

    Any other document as it is; None where a HIPMessageServer answered an acknowledgement of the bus's own.
    Raises ContractViolation where none can be read.
    """
    if not is_xml(document):
        return document
    ours = stage in ("request", "reply")
    if ours and (version.hip is not None or _carried(document, operation)):  # type: ignore[arg-type]
        if stage == "request":
            return read_call(document).body  # type: ignore[arg-type]
        answer = read_result(document)  # type: ignore[arg-type]
        return answer if operation.reply_check is not None else None
    if stage.startswith("request"):
        inside = operation.request_inside if ours or operation.encloses else None
    else:
        inside = operation.reply_inside if ours or operation.discloses else None
    return document if inside is None else inside.holder.open(document)[0]  # type: ignore[arg-type]


def _carried(document: Element, operation: Operation) -> bool:
    """Whether the operation was called through a HIPMessageServer, which belongs to another service."""
    name = local_name(document)
    return name.startswith(CARRIER) and not operation.element.rpartition("}")[2].startswith(CARRIER)
