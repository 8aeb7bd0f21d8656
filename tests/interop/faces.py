"""The faces of a service as a caller without any stack meets them: both versions of SOAP, and REST."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import requests
import zeep
from interop.cases import Case
from interop.sample import Sample, from_json, from_xml, to_json
from served_bus import KEY

SOAP11, SOAP12 = b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: whether it is a refusal, its whole text, and the sample in it."""

    refused: bool
    text: str
    sample: Sample


@dataclass(frozen=True, slots=True)
class Face:
    """``call`` takes the address of a service at this face and a case."""

    name: str
    title: str
    path: str
    call: Callable[[str, Case], Answer]


@cache
def _client(address: str) -> zeep.Client:
    return zeep.Client(f"{address}?wsdl")


def _envelope(address: str, case: Case) -> bytes:
    """The case as zeep writes it from the published contract, in SOAP 1.1."""
    client = _client(address)
    given = {"sample": to_json(case.sample, nil=zeep.xsd.Nil)} if case.operation == "Echo" else dict(case.sample)
    message: bytes = zeep.wsdl.utils.etree_to_string(client.create_message(client.service, case.operation, **given))
    return message


def _soap(address: str, case: Case, soap: bytes, media: str, headers: dict[str, str]) -> Answer:
    body = _envelope(address, case).replace(SOAP11, soap)
    headers = {"Content-Type": f"{media}; charset=utf-8", "X-API-Key": KEY, **headers}
    reply = requests.post(address, data=body, headers=headers, timeout=60)
    refused = b"Fault>" in reply.content
    assert refused or (reply.status_code == 200 and reply.headers["Content-Type"].startswith(media)), reply.text[:500]
    assert soap in reply.content, reply.text[:500]
    return Answer(refused, reply.text, () if refused else from_xml(reply.content))


def _soap11(address: str, case: Case) -> Answer:
    return _soap(address, case, SOAP11, "text/xml", {"SOAPAction": f'"urn:example:lab/{case.operation}"'})


def _soap12(address: str, case: Case) -> Answer:
    return _soap(address, case, SOAP12, "application/soap+xml", {})


def _rest(address: str, case: Case) -> Answer:
    document = {"sample": to_json(case.sample)} if case.operation == "Echo" else dict(case.sample)
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": KEY}
    reply = requests.post(f"{address}/{case.operation}", data=body, headers=headers, timeout=60)
    refused = reply.status_code >= 400
    return Answer(refused, reply.text, () if refused else from_json(reply.content))


FACES = (
    Face("soap11", "SOAP 1.1", "soap", _soap11),
    Face("soap12", "SOAP 1.2, bridged to the 1.1 of the server", "soap", _soap12),
    Face("rest", "REST with JSON, by the contract alone", "rest", _rest),
)
