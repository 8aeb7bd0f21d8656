"""rpc bindings: messages are checked and converted like any other; SOAP's own encoding is read and written."""

from __future__ import annotations

from typing import Any

import pytest
from catalogues import SYSTEM, compiled
from lxml import etree
from rpc_contract import ENC, MESSAGES, ORDER, SOAP11, envelope, wsdl

from registry.model import Operation
from transformers.errors import EnvelopeInvalid
from transformers.soap import open_envelope
from transformers.xml import parse

SERVICE = """
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {wsdl: c/lab.wsdl}
    provider: {protocol: soap11, endpoints: [{url: "http://lab.example/"}]}
    operations:
      - {name: Place, effect: write, checks: {request: {wsdl: true}, reply: {wsdl: true}}}
      - {name: Ping, effect: read}
"""


def operations(use: str) -> Any:
    made = compiled(SYSTEM, SERVICE, files={"c/lab.wsdl": wsdl(use)})
    assert made.warnings == ()
    return made.snapshot.services["lis"].versions["1"].operations


@pytest.fixture(scope="module")
def place() -> Operation:
    found: Operation = operations("encoded")["Place"]
    return found


def decoded(place: Operation, message: bytes) -> Any:
    payload = open_envelope(parse(message)).payload
    assert place.encoding is not None
    assert payload is not None
    return place.encoding.decode(payload)


@pytest.mark.parametrize("stack", MESSAGES)
def test_the_encoded_messages_of_old_stacks_say_the_same(place: Operation, stack: str) -> None:
    document = decoded(place, MESSAGES[stack])
    assert place.to_json is not None
    assert place.request_check is not None
    assert place.request_check.validator(document) == ()
    assert place.to_json(document) == ORDER


def test_what_is_written_in_soaps_encoding_names_every_type_and_length(place: Operation) -> None:
    assert place.to_xml is not None
    assert place.encoding is not None
    made = place.encoding.encode(place.to_xml(ORDER), SOAP11)  # type: ignore[arg-type]
    again = parse(etree.tostring(made))
    assert again.get(f"{{{SOAP11}}}encodingStyle") == ENC
    items = again.find("items")
    assert items is not None
    xsi = "{http://www.w3.org/2001/XMLSchema-instance}"
    assert items.get(f"{xsi}type") == "soapenc:Array"
    assert items.get(f"{{{ENC}}}arrayType", "").endswith(":Item[2]")
    assert [child.get(f"{xsi}type", "").partition(":")[2] for child in items[0]] == ["string", "int", "decimal"]
    assert place.to_json(place.encoding.decode(again)) == ORDER  # type: ignore[misc]


def test_a_derived_type_in_an_array_keeps_its_name_and_its_members(place: Operation) -> None:
    panel = {"@xsi:type": "PanelItem", "code": "A", "count": 1, "price": "1", "panel": "血常规"}
    assert place.to_xml is not None
    assert place.encoding is not None
    document = place.to_xml({**ORDER, "items": [panel]})
    made = place.encoding.encode(document, SOAP11)  # type: ignore[arg-type]
    assert place.to_json(place.encoding.decode(parse(etree.tostring(made)))) == {**ORDER, "items": [panel]}  # type: ignore[misc]


def test_one_value_that_several_refer_to_is_read_in_each_place(place: Operation) -> None:
    message = envelope("""
        <n:Place xmlns:n="urn:lab:2003"><items><i href="#a"/><i href="#a"/></items></n:Place>
        <v id="a"><code>X</code><count>1</count><price>1</price></v>""")
    assert place.to_json is not None
    value: Any = place.to_json(decoded(place, message))
    assert [item["code"] for item in value["items"]] == ["X", "X"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<n:Place xmlns:n="urn:lab:2003"><items href="#a"/></n:Place><v id="a"><i href="#a"/></v>', "leads to itself"),
        ('<n:Place xmlns:n="urn:lab:2003"><items id="a"><i href="#a"/></items></n:Place>', "leads to itself"),
        ('<n:Place xmlns:n="urn:lab:2003"><items href="#b"/></n:Place><v id="a"/>', "not in this message"),
        ('<n:Place xmlns:n="urn:lab:2003"><items href="http://x/"/></n:Place>', "not in this message"),
        ('<n:Place xmlns:n="urn:lab:2003"/><v/>', "more than one child"),
    ],
)
def test_references_that_lead_nowhere_or_in_circles_are_refused(place: Operation, body: str, says: str) -> None:
    with pytest.raises(EnvelopeInvalid, match=says):
        decoded(place, envelope(body))


def test_shared_values_that_would_multiply_without_end_are_refused(place: Operation) -> None:
    levels = "".join(f'<v id="l{n}"><i href="#l{n + 1}"/>' + f'<i href="#l{n + 1}"/>' * 9 + "</v>" for n in range(9))
    message = envelope(f'<n:Place xmlns:n="urn:lab:2003"><items href="#l0"/></n:Place>{levels}<v id="l9"/>')
    with pytest.raises(EnvelopeInvalid, match="more than 200000 elements"):
        decoded(place, message)


def test_an_rpc_literal_message_is_checked_and_converted_by_its_parts() -> None:
    place = operations("literal")["Place"]
    assert place.encoding is None
    value = {**ORDER, "items": {"item": ORDER["items"]}}
    document = place.to_xml(value)
    assert [child.tag for child in document] == ["visitNo", "items", "urgent"]
    assert place.request_check.validator(document) == ()
    assert place.to_json(document) == value
    assert place.request_check.validator(parse(b'<n:Place xmlns:n="urn:lab:2003"><visitNo/></n:Place>')) != ()


@pytest.mark.parametrize("use", ["literal", "encoded"])
def test_an_rpc_operation_without_parts_has_an_empty_wrapper(use: str) -> None:
    ping = operations(use)["Ping"]
    assert (ping.element, ping.reply_element) == ("{urn:lab:2003}Ping", "{urn:lab:2003}PingResponse")
    assert ping.reply_to_json(parse(b'<n:PingResponse xmlns:n="urn:lab:2003"/>')) == {}
