"""Errors as SOAP faults, in the version and the charset that the caller used."""

from __future__ import annotations

import copy
from typing import Literal

from lxml import etree

from bus.errors import ProviderFault, meaning
from bus.gateway.answer import Answer
from bus.gateway.explanations import explanation
from bus.gateway.words import Lang, error_headers, retry_after, without_trace
from bus.media import media
from bus.message import Message
from registry.contracts.openapi_errors import PASSED_ON
from transformers import charset as charsets
from transformers import ns
from transformers.document import Element, Json, is_xml
from transformers.errors import (
    AddressingInvalid,
    CharsetMismatch,
    ContractViolation,
    HeaderNotUnderstood,
    MappingFailed,
    MeridianError,
    VersionNotOffered,
    Violation,
)
from transformers.simple_json import simple_to_xml
from transformers.soap import Fault, SoapVersion, not_understood, seal_fault
from transformers.ws_addressing import reply_blocks
from transformers.xml import local_name

FaultSide = Literal["caller", "server", "version", "understand"]

#: Statuses that are about HTTP itself, and stay what they are in either SOAP version.
_TRANSPORT = frozenset({401, 405, 408, 413, 415, 431})

_SIDES: dict[str, FaultSide] = {
    "Client": "caller", "Server": "server", "VersionMismatch": "version", "MustUnderstand": "understand",
}  # fmt: skip

#: Where JSON errors say what happened, RFC 9457 first.
_REASONS = ("detail", "title", "reason", "message")

#: Children of a detail in which servers print where in their own code they failed.
_TRACES = frozenset({"stacktrace", "stack", "trace", "hostname"})


def soap_error(error: MeridianError, message: Message, lang: Lang) -> Answer:
    """Answer an error to a SOAP caller; ``message`` is as far as it came."""
    version, charset = soap_version(message), reply_charset(message)
    if isinstance(error, VersionNotOffered):
        # SOAP 1.2 part 1, appendix A: both kinds of node read SOAP 1.1. Its Upgrade header is left out, since gSOAP
        # refuses the envelope for it.
        version = SoapVersion.V11
    row = meaning(error)
    fault = None
    if isinstance(error, ProviderFault):
        fault = _provider_fault(error, message) or _declared_fault(error, message, version)
    if fault is None:
        title = row.zh if lang == "zh" else row.en
        problem = problem_element(error, message.id)
        subcode = (error.subcode if isinstance(error, AddressingInvalid) else "") or row.code
        side, words = _rest_words(error) if isinstance(error, ProviderFault) else (row.side, str(error))
        fault = Fault(side, f"{title}: {words}", subcode=subcode, detail=problem)
    status = row.status
    if status not in _TRANSPORT:
        status = 400 if version is SoapVersion.V12 and fault.code == "caller" else 500
    return Answer(
        status,
        f"{version.media_type}; charset={charsets.wire_name(charset)}",
        seal_fault(version, fault, charset=charset, lang=lang, headers=_headers(error, message, version)),
        error_headers(error),
    )


def _headers(error: MeridianError, message: Message, version: SoapVersion) -> tuple[Element, ...]:
    """What goes into a fault's own Header: which block nobody understood, and which request it answers."""
    blocks: tuple[Element, ...] = ()
    if isinstance(error, HeaderNotUnderstood) and version is SoapVersion.V12 and ns.split(error.header)[0]:
        blocks = (not_understood(error.header),)
    if message.addressing is not None:
        own = isinstance(error, AddressingInvalid)
        blocks += reply_blocks(message.addressing, message.id, fault="addressing" if own else "soap")
    return blocks


def soap_version(message: Message) -> SoapVersion:
    """The version the caller used: its envelope's, or what its content type says where there is no envelope."""
    envelope = message.content.envelope if message.content is not None else None
    if envelope is not None:
        return envelope.version
    # Anywhere in it: a package of attachments names the type of its envelope in a parameter.
    return SoapVersion.V12 if SoapVersion.V12.media_type in message.content_type.lower() else SoapVersion.V11


def reply_charset(message: Message) -> str:
    """The charset to answer in, found out anew for a message that was not decoded."""
    if message.content is not None:
        return message.charset or "utf-8"
    if message.claimed is not None and message.claimed.quirks is not None and message.claimed.quirks.charset:
        return message.claimed.quirks.charset
    try:
        return charsets.read(message.body[:65536], media(message.content_type).charset).charset
    except CharsetMismatch:
        return "utf-8"


def problem_element(error: MeridianError, message_id: str) -> Element:
    """``m:problem``: code, message id, violations and seconds to wait."""
    problem: Element = etree.Element(ns.clark(ns.MERIDIAN, "problem"), nsmap={"m": ns.MERIDIAN})
    _add(problem, "code", meaning(error).code)
    _add(problem, "messageId", message_id)
    violations: tuple[Violation, ...] = getattr(error, "violations", ())
    for violation in violations:
        entry = etree.SubElement(problem, ns.clark(ns.MERIDIAN, "violation"))
        _add(entry, "path", violation.path)
        _add(entry, "message", violation.message)
    seconds = retry_after(error)
    if seconds:
        _add(problem, "retryAfter", str(seconds))
    if isinstance(error, ProviderFault) and isinstance(error.detail, dict):
        _add_provider(problem, error)
    return problem


def _add_provider(problem: Element, error: ProviderFault) -> None:
    """``m:provider``: what a REST provider said, its JSON as elements."""
    told: Json = {"status": error.http_status, "detail": explanation(error.detail, None)}
    try:
        problem.append(simple_to_xml(told, ns.clark(ns.MERIDIAN, "provider")))
    except MappingFailed:
        return  # it holds what XML cannot: it explains nothing to this caller


def _provider_fault(error: ProviderFault, message: Message) -> Fault | None:
    """The provider's own fault, with our problem behind its detail; None for an HTTP error, which is none."""
    word, _, subcode = error.code.partition(".")
    if word not in _SIDES:
        return None
    detail: Element = etree.Element("detail")
    own = error.detail
    if is_xml(own):  # type: ignore[arg-type]
        entry = copy.deepcopy(own)
        _drop_traces(entry)  # type: ignore[arg-type]
        if local_name(entry).lower() == "detail":  # type: ignore[arg-type]
            detail.text = without_trace(entry.text or "")  # type: ignore[attr-defined]
            detail.extend(list(entry))  # type: ignore[call-overload]
        else:
            entry.tail = None  # type: ignore[attr-defined]
            detail.append(entry)  # type: ignore[arg-type]
    detail.append(problem_element(error, message.id))
    return Fault(_SIDES[word], without_trace(error.reason) or str(error), subcode=subcode, detail=detail)


def _declared_fault(error: ProviderFault, message: Message, version: SoapVersion) -> Fault | None:
    """The fault that a REST provider's error is, where a member of its JSON is named like a declared fault."""
    faults = message.operation.faults if message.operation is not None else None
    said = explanation(error.detail, None)
    if faults is None or not isinstance(said, dict) or not (named := faults.names(said)):
        return None
    detail: Element = etree.Element("detail")
    try:
        detail.extend(faults.to_xml(named, version.value))
    except ContractViolation:
        return None
    detail.append(problem_element(error, message.id))
    return Fault(*_rest_words(error), detail=detail)


def _rest_words(error: ProviderFault) -> tuple[FaultSide, str]:
    """Whose fault a REST provider's error is, and its reason: many callers of SOAP show their user nothing else."""
    said = explanation(error.detail, None)
    told = said if isinstance(said, dict) else {}
    reason = next((text for word in _REASONS if isinstance(text := told.get(word), str) and text), str(error))
    return ("caller" if error.http_status in PASSED_ON else "server"), reason


def _drop_traces(entry: Element) -> None:
    for element in list(entry.iter()):
        parent = element.getparent()
        if local_name(element).lower() in _TRACES and parent is not None:
            parent.remove(element)
        elif element.text:
            element.text = without_trace(element.text)


def _add(parent: Element, name: str, text: str) -> None:
    # A JSON name inside a path may hold what XML 1.0 §2.2 forbids.
    legal = text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
    etree.SubElement(parent, ns.clark(ns.MERIDIAN, name)).text = legal
