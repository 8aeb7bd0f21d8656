"""document/literal beyond the wrapped style: bare elements, one way, parts that have no element, several ports."""

from __future__ import annotations

from typing import Any

from catalogues import SYSTEM, compiled

from registry.compile import Compiled
from transformers.xml import parse, serialise

SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP12 = "http://schemas.xmlsoap.org/wsdl/soap12/"


def wsdl(request: str, reply: str = '<wsdl:part name="r" element="tns:R"/>', *, one_way: bool = False) -> bytes:
    """A WSDL of one operation, bound to SOAP 1.1 and 1.2 on a port each, with these parts."""
    output = "" if one_way else '<wsdl:output message="tns:Out"/>'

    def binding(name: str, soap: str) -> str:
        answer = "" if one_way else '<wsdl:output><s:body use="literal"/></wsdl:output>'
        return f"""<wsdl:binding name="{name}" type="tns:P" xmlns:s="{soap}">
  <s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/><wsdl:operation name="Ask">
   <s:operation soapAction="urn:bare/Ask"/><wsdl:input><s:body use="literal"/></wsdl:input>{answer}</wsdl:operation>
  </wsdl:binding>"""

    return f"""<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:x="http://www.w3.org/2001/XMLSchema"
  xmlns:tns="urn:bare" targetNamespace="urn:bare"><wsdl:types>
  <x:schema targetNamespace="urn:bare" elementFormDefault="qualified">
   <x:element name="Q" type="x:string"/><x:element name="R" type="x:decimal" nillable="true"/>
   <x:element name="Item" type="tns:Item"/>
   <x:complexType name="Item"><x:sequence><x:element name="code" type="x:string"/></x:sequence></x:complexType>
  </x:schema></wsdl:types>
 <wsdl:message name="In">{request}</wsdl:message><wsdl:message name="Out">{reply}</wsdl:message>
 <wsdl:portType name="P"><wsdl:operation name="Ask"><wsdl:input message="tns:In"/>{output}</wsdl:operation></wsdl:portType>
 {binding("B11", SOAP)}{binding("B12", SOAP12)}
 <wsdl:service name="S"><wsdl:port name="A" binding="tns:B11"><s:address xmlns:s="{SOAP}" location="http://x/"/></wsdl:port>
  <wsdl:port name="B" binding="tns:B12"><s:address xmlns:s="{SOAP12}" location="http://y/"/></wsdl:port></wsdl:service>
</wsdl:definitions>""".encode()  # noqa: E501


def made(contract: bytes) -> Compiled:
    manifest = """
kind: Service
name: lis
system: lis
versions:
  - {version: "1", contract: {wsdl: c.wsdl}, provider: {protocol: soap12, endpoints: [{url: "http://x.example/"}]}}
"""
    return compiled(SYSTEM, manifest, files={"c.wsdl": contract})


def ask(found: Compiled) -> Any:
    return found.snapshot.services["lis"].versions["1"].operations["Ask"]


BARE = '<wsdl:part name="q" element="tns:Q"/>'


def test_a_bare_text_is_a_json_text_and_a_bare_number_keeps_its_digits() -> None:
    operation = ask(made(wsdl(BARE)))
    assert (operation.element, operation.reply_element) == ("{urn:bare}Q", "{urn:bare}R")
    assert operation.to_json(parse(b'<Q xmlns="urn:bare">V1</Q>')) == "V1"
    assert serialise(operation.to_xml("V1")) == b'<Q xmlns="urn:bare">V1</Q>'
    assert operation.reply_to_json(parse(b'<R xmlns="urn:bare">5.60</R>')) == "5.60"
    assert operation.reply_to_json(operation.reply_to_xml(None)) is None


def test_a_bare_structure_is_its_members() -> None:
    operation = ask(made(wsdl('<wsdl:part name="i" element="tns:Item"/>')))
    assert operation.to_json(operation.to_xml({"code": "A"})) == {"code": "A"}


def test_an_operation_of_one_way_has_no_reply_to_convert() -> None:
    operation = ask(made(wsdl(BARE, one_way=True)))
    assert (operation.reply_element, operation.reply_to_json) == ("", None)


def test_a_part_that_has_a_type_and_no_element_is_said_to_have_no_json() -> None:
    found = made(wsdl('<wsdl:part name="q" type="tns:Item"/>'))
    assert ask(found).to_json is None
    assert any("only for SOAP callers" in str(warning) for warning in found.warnings)


def test_operations_of_several_ports_are_one_with_all_their_protocols() -> None:
    found = made(wsdl(BARE))
    assert found.warnings == ()
    assert ask(found).effect == "write"
