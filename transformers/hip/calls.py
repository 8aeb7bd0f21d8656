"""A call of HIPMessageServer as it is received, whatever its namespace and parameters, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Element
from transformers.errors import ContractViolation, Violation
from transformers.held import Holder, Manner, put
from transformers.hip.families import family_of
from transformers.hip.model import Stamp
from transformers.hip.received import Received
from transformers.xml import local_name


@dataclass(frozen=True, slots=True)
class Frame:
    """How one vendor names the parameters of the call and the result; ``{}`` stands for the operation's name.

    ``action`` is empty where the document itself names its action.
    """

    action: str
    message: str
    token: str = ""
    result: str = "{}Result"


#: Tried in this order: the first whose message parameter is there is the caller's.
FRAMES = (
    Frame("action", "message", "token"),  # the standard's own, ASMX, and their extensions with a token
    Frame("input1", "input2"),  # 东华 DHC
    Frame("", "input", result="output"),  # 医惠 ewell
    Frame("action", "payload", result="payload"),  # older editions of the specification
)


@dataclass(frozen=True, slots=True)
class SoapCall(Received):
    """A call in a SOAP Body: the qualified name of its element, its parameters, and how the document was held."""

    operation: str
    frame: Frame
    manner: Manner

    def answer(self, document: Element | None, stamp: Stamp) -> Element:
        """The response element in the caller's namespace and style, with this document, or none, as its result."""
        namespace, name = ns.split(self.operation)
        prefixes: Any = {None if self.manner.qualified else "m": namespace} if namespace else None
        response: Element = etree.Element(ns.clark(namespace, f"{name}Response"), nsmap=prefixes)
        inside = namespace if self.manner.qualified else ""
        result = etree.SubElement(response, ns.clark(inside, self.frame.result.format(name)))
        if document is not None:
            put(result, document, self.manner)
        return response


def read_call(payload: Element, *, cdata: bool = False) -> SoapCall:
    """Read a call from the SOAP Body's child; ``cdata`` says whether the body had CDATA sections.

    Raises ContractViolation where no parameter holds a readable document.
    """
    names = {local_name(child) for child in payload if isinstance(child.tag, str)}
    frame = next((frame for frame in FRAMES if frame.message in names), None)
    if frame is None:
        known = ", ".join(dict.fromkeys(frame.message for frame in FRAMES))
        message = f"no parameter of the call holds the message; it is one of {known}"
        raise ContractViolation(message, (Violation(local_name(payload), message, "message"),))
    document, manner = Holder((frame.message,)).open(payload, cdata=cdata)
    action = payload.findtext(f"{{*}}{frame.action}", "") if frame.action else ""
    family = family_of(document)  # type: ignore[arg-type]
    return SoapCall(action.strip() or family.action(document), document, str(payload.tag), frame, manner)  # type: ignore[arg-type]


def read_result(payload: Element) -> Element | None:
    """The document in a provider's response, held as text or as a child; None where the result is empty.

    Raises ContractViolation for a result that is no document.
    """
    results = [child for child in payload if isinstance(child.tag, str)]
    named = [child for child in results if local_name(child).endswith("Result") or local_name(child) in _RESULTS]
    found = (named or results)[:1]
    if not found or (not len(found[0]) and not (found[0].text or "").strip()):
        return None
    document, _ = Holder(()).open(found[0])
    return document  # type: ignore[return-value]


_RESULTS = frozenset({"output", "payload", "return", "out"})


def is_response(document: Element) -> bool:
    """Whether a document is the response element of such an operation, as another platform answers."""
    name = local_name(document)
    return name.endswith("Response") and len(name) > len("Response") and len(document) == 1
