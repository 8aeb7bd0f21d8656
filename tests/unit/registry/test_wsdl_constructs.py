"""What contracts of real vendors are made of: DataSets, imports that say nothing, headers, faults, several ports."""

from __future__ import annotations

from typing import Any

import pytest
from catalogues import SYSTEM, compiled

from registry.catalogue import Catalogue
from registry.contracts.wsdl import read_wsdl
from transformers.xml import parse, serialise

HEAD = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"
  xmlns:tns="http://tempuri.org/" xmlns:o="urn:other" targetNamespace="http://tempuri.org/">"""


def wsdl(types: str, *, parts: str = "", header: str = "", fault: str = "") -> bytes:
    """A .NET-like WSDL of one operation ``Get`` with the elements ``Get`` and ``GetResponse``."""
    bound = (
        f'<wsdl:input>{header}<soap:body use="literal"/></wsdl:input>'
        '<wsdl:output><soap:body use="literal"/></wsdl:output>'
    )
    named = '<wsdl:fault name="Bad"><soap:fault name="Bad" use="literal"/></wsdl:fault>' if fault else ""
    declared = '<wsdl:fault name="Bad" message="tns:Bad"/>' if fault else ""
    return f"""{HEAD}<wsdl:types>{types}</wsdl:types>
 <wsdl:message name="In"><wsdl:part name="parameters" element="tns:Get"/>{parts}</wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="parameters" element="tns:GetResponse"/></wsdl:message>{fault}
 <wsdl:portType name="P"><wsdl:operation name="Get"><wsdl:input message="tns:In"/><wsdl:output message="tns:Out"/>
  {declared}</wsdl:operation></wsdl:portType>
 <wsdl:binding name="B" type="tns:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Get"><soap:operation soapAction="http://tempuri.org/Get" style="document"/>{bound}{named}
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="B" binding="tns:B"><soap:address location="http://x/"/></wsdl:port>
 </wsdl:service></wsdl:definitions>""".encode()


def schema(inside: str, namespace: str = "http://tempuri.org/", attributes: str = "") -> str:
    return f'<s:schema elementFormDefault="qualified" targetNamespace="{namespace}"{attributes}>{inside}</s:schema>'


GET = '<s:element name="Get"><s:complexType/></s:element>'
DATASET = schema(
    GET + '<s:element name="GetResponse"><s:complexType><s:sequence><s:element minOccurs="0" name="GetResult">'
    '<s:complexType><s:sequence><s:element ref="s:schema"/><s:any/></s:sequence></s:complexType></s:element>'
    "</s:sequence></s:complexType></s:element>"
)
SERVICE = """
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {wsdl: c.wsdl}
    provider: {protocol: soap11, endpoints: [{url: "http://x.example/"}]}
    operations: [{name: Get, effect: read, checks: {request: {wsdl: true}, reply: {wsdl: true}}}]
"""


def get(contract: bytes, **files: bytes) -> Any:
    made = compiled(SYSTEM, SERVICE, files={"c.wsdl": contract, **files})
    assert made.warnings == ()
    return made.snapshot.services["lis"].versions["1"].operations["Get"]


def test_a_dataset_of_dotnet_is_checked_and_survives_json() -> None:
    operation = get(wsdl(DATASET))
    document = parse(
        b'<GetResponse xmlns="http://tempuri.org/"><GetResult>'
        b'<xs:schema id="D" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="d"/></xs:schema>'
        b'<diffgr:diffgram xmlns:diffgr="urn:schemas-microsoft-com:xml-diffgram-v1"><NewDataSet xmlns="">'
        b'<T diffgr:id="T1"><code>A1</code></T><T diffgr:id="T2"><code>B2</code></T></NewDataSet></diffgr:diffgram>'
        b"</GetResult></GetResponse>"
    )
    assert operation.reply_check.validator(document) == ()
    value = operation.reply_to_json(document)
    rows = value["GetResult"]["{urn:schemas-microsoft-com:xml-diffgram-v1}diffgram"]["{}NewDataSet"]["T"]
    assert [row["code"] for row in rows] == ["A1", "B2"]
    again = parse(serialise(operation.reply_to_xml(value)))
    assert operation.reply_check.validator(again) == ()
    assert operation.reply_to_json(again) == value


OTHER = schema(
    '<s:complexType name="T"><s:sequence><s:element name="x" type="s:int"/></s:sequence></s:complexType>', "urn:other"
)
REFERS = schema(
    GET + '<s:element name="GetResponse"><s:complexType><s:sequence><s:element name="t" type="o:T"/></s:sequence>'
    "</s:complexType></s:element>"
)


def test_a_schema_that_refers_to_another_without_an_import_is_understood() -> None:
    operation = get(wsdl(REFERS + OTHER))
    document = operation.reply_to_xml({"t": {"x": 1}})
    assert operation.reply_check.validator(document) == ()
    assert document[0][0].tag == "{urn:other}x"


@pytest.mark.parametrize("location", ["", ' schemaLocation="http://www.w3.org/2001/xml.xsd"'])
def test_the_attributes_of_xml_itself_need_no_file_of_the_vendors(location: str) -> None:
    types = schema(
        f'<s:import namespace="http://www.w3.org/XML/1998/namespace"{location}/>' + GET +
        '<s:element name="GetResponse"><s:complexType><s:attribute ref="xml:lang"/></s:complexType></s:element>'
    )  # fmt: skip
    operation = get(wsdl(types))
    document = operation.reply_to_xml({"@lang": "zh"})
    assert operation.reply_check.validator(document) == ()
    assert document.get("{http://www.w3.org/XML/1998/namespace}lang") == "zh"


ANSWER = '<s:element name="GetResponse"><s:complexType/></s:element>'
HEADED = wsdl(
    schema(GET + ANSWER + '<s:element name="Auth" type="s:string"/><s:element name="BadOrder" type="s:string"/>'),
    parts='<wsdl:part name="auth" element="tns:Auth"/>',
    header='<soap:header message="tns:In" part="auth" use="literal"/>',
    fault='<wsdl:message name="Bad"><wsdl:part name="detail" element="tns:BadOrder"/></wsdl:message>',
)


def test_headers_and_faults_of_a_binding_are_known_by_their_elements() -> None:
    operation = read_wsdl(Catalogue({"c.wsdl": HEADED}), "c.wsdl").operations["Get"]
    assert (operation.element, operation.style) == ("{http://tempuri.org/}Get", "document")
    assert operation.headers == ("{http://tempuri.org/}Auth",)
    assert operation.reply_headers == ()
    assert operation.faults == {"Bad": "{http://tempuri.org/}BadOrder"}
