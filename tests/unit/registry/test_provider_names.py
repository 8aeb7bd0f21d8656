"""A provider with other names than its contract: another WSDL, another style, another namespace, by manifest alone."""

from __future__ import annotations

from typing import Any

import pytest
from catalogues import SYSTEM, compiled, problems
from rpc_contract import wsdl as rpc_wsdl

from transformers.xml import parse, serialise

MODERN = b"""<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="urn:lab:2026" targetNamespace="urn:lab:2026">
 <wsdl:types><s:schema elementFormDefault="qualified" targetNamespace="urn:lab:2026">
  <s:complexType name="Item"><s:sequence><s:element name="code" type="s:string"/><s:element name="count" type="s:int"/>
   <s:element name="price" type="s:decimal" nillable="true"/></s:sequence></s:complexType>
  <s:element name="PlaceOrder"><s:complexType><s:sequence><s:element name="visitNo" type="s:string"/>
   <s:element name="items" type="tns:Item" maxOccurs="unbounded"/><s:element name="urgent" type="s:boolean"/>
   </s:sequence></s:complexType></s:element>
  <s:element name="PlaceOrderResponse"><s:complexType><s:sequence>
   <s:element name="PlaceReturn" type="s:string" maxOccurs="unbounded"/></s:sequence></s:complexType></s:element>
 </s:schema></wsdl:types>
 <wsdl:message name="In"><wsdl:part name="parameters" element="tns:PlaceOrder"/></wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="parameters" element="tns:PlaceOrderResponse"/></wsdl:message>
 <wsdl:portType name="P"><wsdl:operation name="PlaceOrder"><wsdl:input message="tns:In"/>
  <wsdl:output message="tns:Out"/></wsdl:operation></wsdl:portType>
 <wsdl:binding name="B" type="tns:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="PlaceOrder"><soap:operation soapAction="urn:lab:2026/PlaceOrder"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="B" binding="tns:B"><soap:address location="http://x/"/></wsdl:port>
 </wsdl:service></wsdl:definitions>"""
FILES = {"c/new.wsdl": MODERN, "c/old.wsdl": rpc_wsdl("encoded"), "c/literal.wsdl": rpc_wsdl("literal")}
VALUE = {"visitNo": "V1", "items": [{"code": "A1", "count": 2, "price": "5.60"}], "urgent": True}


def service(contract: str, provider: str, operation: str) -> str:
    own = f"contract: {{wsdl: {provider}}}, " if provider else ""
    return f"""
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {{wsdl: {contract}}}
    provider: {{protocol: soap12, {own}endpoints: [{{url: "http://lab.example/"}}]}}
    operations: [{operation}]
"""


def made(contract: str, provider: str, operation: str) -> Any:
    text = service(contract, provider, operation)
    found = compiled(SYSTEM, text, files=FILES).snapshot.services["lis"].versions["1"].operations
    return next(iter(found.values()))


def through(steps: Any, document: Any) -> Any:
    for step in steps:
        document = step(document)
    return document


def test_a_document_contract_reaches_an_rpc_provider_by_the_providers_own_wsdl() -> None:
    operation = made("c/new.wsdl", "c/old.wsdl", "{name: PlaceOrder, effect: write, call: {operation: Place}}")
    sent = through(operation.request, operation.to_xml(VALUE))
    assert (sent.tag, [child.tag for child in sent]) == ("{urn:lab:2003}Place", ["visitNo", "items", "urgent"])
    assert operation.call.encoding is not None
    assert operation.encoding is None
    reply = through(operation.reply, parse(
        b'<r:PlaceResponse xmlns:r="urn:lab:2003"><PlaceReturn><item>x</item><item>y</item></PlaceReturn>'
        b"</r:PlaceResponse>"))  # fmt: skip
    expected = b"<PlaceReturn>x</PlaceReturn><PlaceReturn>y</PlaceReturn>"
    assert serialise(reply) == b'<PlaceOrderResponse xmlns="urn:lab:2026">' + expected + b"</PlaceOrderResponse>"


def test_an_rpc_contract_reaches_a_document_provider_by_the_providers_own_wsdl() -> None:
    operation = made("c/old.wsdl", "c/new.wsdl", "{name: Place, effect: write, call: {operation: PlaceOrder}}")
    sent = through(operation.request, operation.to_xml(VALUE))
    assert (sent.tag, sent[0].tag) == ("{urn:lab:2026}PlaceOrder", "{urn:lab:2026}visitNo")
    assert operation.call.action == "urn:lab:2026/PlaceOrder"
    assert operation.call.encoding is None
    assert operation.encoding is not None
    answer = parse(b'<PlaceOrderResponse xmlns="urn:lab:2026"><PlaceReturn>x</PlaceReturn></PlaceOrderResponse>')
    assert operation.reply_to_json(through(operation.reply, answer)) == {"PlaceReturn": ["x"]}


@pytest.mark.parametrize(("style", "child"), [("document", "{urn:vendor}visitNo"), ("rpc", "visitNo")])
def test_a_provider_of_other_names_is_reached_by_its_names_alone(style: str, child: str) -> None:
    call = f"{{element: '{{urn:vendor}}DoPlace', style: {style}, action: 'urn:vendor#DoPlace'}}"
    operation = made("c/new.wsdl", "", f"{{name: PlaceOrder, effect: write, call: {call}}}")
    original = operation.to_xml(VALUE)
    before = serialise(original)
    sent = through(operation.request, original)
    assert (sent.tag, sent[0].tag) == ("{urn:vendor}DoPlace", child)
    assert serialise(original) == before
    home = "v:" if style == "document" else ""
    reply = f'<v:DoPlaceResponse xmlns:v="urn:vendor"><{home}PlaceReturn>x</{home}PlaceReturn></v:DoPlaceResponse>'
    back = through(operation.reply, parse(reply.encode()))
    assert back.tag == "{urn:lab:2026}PlaceOrderResponse"
    assert back[0].tag == "{urn:lab:2026}PlaceReturn"


@pytest.mark.parametrize(
    ("provider", "operation", "says"),
    [
        ("c/old.wsdl", "{name: PlaceOrder, call: {operation: Plcae}}", "no operation 'Plcae' (did you mean Place?)"),
        ("c/old.wsdl", "{name: PlaceOrder}", "the provider's WSDL c/old.wsdl binds no operation 'PlaceOrder'"),
        ("", "{name: PlaceOrder, call: {operation: Place}}", "the provider has no WSDL of its own"),
        ("", "{name: PlaceOrder, call: {style: rpc}}", "a style without an element"),
        ("c/old.wsdl", "{name: PlaceOrder, call: {operation: Place, element: '{u}X'}}", "contradict each other"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere_are_problems_with_their_line(provider: str, operation: str, says: str) -> None:
    found = problems(SYSTEM, service("c/new.wsdl", provider, operation), files=FILES)
    assert any(says in problem for problem in found), found
