"""The variants of HIPMessageServer that platforms offer, as the bus calls them: requests written, answers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Document, Element, is_xml
from transformers.errors import AnswerRefused, MappingFailed
from transformers.held import Manner, Style, put
from transformers.hip import dhc, ewell, ipaas
from transformers.hip.calls import read_result
from transformers.hip.families import family_of
from transformers.hip.hl7v3 import Edition, with_heading
from transformers.hip.model import Stamp
from transformers.xml import local_name


@dataclass(frozen=True, slots=True)
class Variant:
    """One vendor's shape. ``payload`` says what stands in the message: HL7 V3 as it is, or the vendor's own frame."""

    namespace: str
    operation: str = "HIPMessageServer"
    action: str = "action"
    message: str = "message"
    third: str = ""
    qualified: bool = True
    soap_action: str = ""
    payload: str = "plain"


#: By name. ``ipaas`` is JSON over REST and has none of these parameters.
VARIANTS: Mapping[str, Variant] = {
    # A: the standard's own contract, children without a namespace (zebone, NHIS)
    "standard": Variant(ns.HL7V3, qualified=False, soap_action="urn:hl7-org:v3/HIPMessageServer"),
    # B: the same with qualified children
    "qualified": Variant(ns.HL7V3, soap_action="urn:hl7-org:v3/HIPMessageServer"),
    # C: an ASMX service
    "asmx": Variant("http://tempuri.org/", soap_action="http://tempuri.org/HIPMessageServer"),
    # D: 东华 DHC
    "dhc": Variant(
        "http://www.dhcc.com.cn",
        action="input1",
        message="input2",
        soap_action="http://www.dhcc.com.cn/DHC.Published.PUB0013.BS.PUB0013.HIPMessageServer",
        payload="dhc",
    ),
    # E: 医惠 ewell, whose entry names the action
    "ewell": Variant("http://esb.ewell.cc", action="", message="input", payload="ewell"),
    # F: with a token as third argument
    "token": Variant("http://tempuri.org/", "HIPMessageServer2016Ext", third="token",
                     soap_action="http://tempuri.org/HIPMessageServer2016Ext"),
}  # fmt: skip

#: H: what the ``variant`` of a REST provider is called.
IPAAS = "ipaas"


@dataclass(frozen=True, slots=True)
class Writing:
    """How one operation's requests are written: who receives them, under which action, and what is fixed."""

    action: str
    receiver: str = ""
    token: str = ""
    style: Style = "cdata"
    edition: Edition | None = None


def write_call(variant: Variant, document: Element, how: Writing, stamp: Stamp) -> Element:
    """The call element that carries this document. A document without a header gets one where ``edition`` says so."""
    document = _headed(document, how, stamp)
    if variant.payload == "ewell" and local_name(document) != "ESBEntry":
        document = ewell.dressed(document, how.action, how.receiver, stamp)
    elif variant.payload == "dhc" and ns.split(document.tag)[0] != ns.HL7V3 and local_name(document) != "Request":
        document = dhc.dressed(document, stamp)
    prefixes: Any = {None if variant.qualified else "urn": variant.namespace}
    call: Element = etree.Element(ns.clark(variant.namespace, variant.operation), nsmap=prefixes)
    inside = variant.namespace if variant.qualified else ""
    if variant.action:
        etree.SubElement(call, ns.clark(inside, variant.action)).text = how.action
    put(etree.SubElement(call, ns.clark(inside, variant.message)), document, Manner(how.style))
    if variant.third:
        etree.SubElement(call, ns.clark(inside, variant.third)).text = how.token
    return call


def write_post(document: Element, how: Writing, stamp: Stamp) -> Document:
    """The JSON message of an integration platform that carries this document."""
    document = _headed(document, how, stamp)
    return ipaas.written(how.action, document, stamp, sender=stamp.device, receiver=how.receiver)


def read_answer(answer: Document) -> Document:
    """The document in a platform's answer, whatever the variant: in a response element, bare, or in JSON.

    None where the answer is empty. Raises AnswerRefused where it says no (an acknowledgement AE or AR in either
    style, ResultCode -1, a RetCode of refusal), MappingFailed where no document is found.
    """
    if isinstance(answer, dict):
        document: Element | None = ipaas.read_post(answer).document
    elif is_xml(answer):
        wrapped = local_name(answer).endswith("Response") and local_name(answer) != "Response"  # type: ignore[arg-type]
        document = read_result(answer) if wrapped else answer  # type: ignore[arg-type,assignment]
    else:
        raise MappingFailed("the platform's answer is neither XML nor a JSON object", step="hip")
    if document is None:
        return None
    family = family_of(document)
    verdict = family.verdict(document)
    if verdict is not None and verdict.code != "AA":
        raise AnswerRefused("the platform refused the message", code=verdict.code, reason=verdict.text)
    return family.body(document)


def _headed(document: Element, how: Writing, stamp: Stamp) -> Element:
    if how.edition is None or ns.split(document.tag)[0] != ns.HL7V3:
        return document
    return with_heading(document, how.edition, stamp, how.receiver)
