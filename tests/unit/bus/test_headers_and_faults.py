"""SOAP headers and faults that a contract declares have a JSON form, and JSON errors a fault form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from contract_worlds import contract_world
from gateway_worlds import rest, soap
from lxml import etree
from twins import SOAP11, SOAP12, World, envelope

from registry.contracts.json_schemas import reply_schema, request_schema

LAB = "urn:lab:h"
WSDL = f"""<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="{LAB}" targetNamespace="{LAB}">
 <wsdl:types><s:schema elementFormDefault="qualified" targetNamespace="{LAB}">
  <s:element name="Get"><s:complexType><s:sequence><s:element name="no" type="s:string"/></s:sequence></s:complexType>
  </s:element>
  <s:element name="GetResponse"><s:complexType><s:sequence><s:element name="state" type="s:string"/></s:sequence>
  </s:complexType></s:element>
  <s:element name="Session"><s:complexType><s:sequence><s:element name="user" type="s:string"/>
   <s:element name="level" type="s:int"/></s:sequence></s:complexType></s:element>
  <s:element name="Trace" type="s:string"/>
  <s:element name="BadOrder"><s:complexType><s:sequence><s:element name="line" type="s:int"/>
   <s:element name="codes" type="s:string" minOccurs="0" maxOccurs="unbounded"/></s:sequence></s:complexType>
  </s:element>
 </s:schema></wsdl:types>
 <wsdl:message name="In"><wsdl:part name="body" element="tns:Get"/><wsdl:part name="head" element="tns:Session"/>
 </wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="body" element="tns:GetResponse"/>
  <wsdl:part name="trace" element="tns:Trace"/></wsdl:message>
 <wsdl:message name="Bad"><wsdl:part name="detail" element="tns:BadOrder"/></wsdl:message>
 <wsdl:portType name="P"><wsdl:operation name="Get"><wsdl:input message="tns:In"/><wsdl:output message="tns:Out"/>
  <wsdl:fault name="Bad" message="tns:Bad"/></wsdl:operation></wsdl:portType>
 <wsdl:binding name="B" type="tns:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Get"><soap:operation soapAction="urn:lab:h/Get"/>
   <wsdl:input><soap:header message="tns:In" part="head" use="literal"/><soap:body parts="body" use="literal"/>
   </wsdl:input>
   <wsdl:output><soap:header message="tns:Out" part="trace" use="literal"/><soap:body parts="body" use="literal"/>
   </wsdl:output><wsdl:fault name="Bad"><soap:fault name="Bad" use="literal"/></wsdl:fault></wsdl:operation>
 </wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="B" binding="tns:B"><soap:address location="http://x/"/></wsdl:port>
 </wsdl:service></wsdl:definitions>""".encode()
GET = f'<Get xmlns="{LAB}"><no>7</no></Get>'
ANSWER = f'<GetResponse xmlns="{LAB}"><state>done</state></GetResponse>'
TRACE = f'<h:Trace xmlns:h="{LAB}">T1</h:Trace>'
SESSION = f'<h:Session xmlns:h="{LAB}" s:mustUnderstand="1"><h:user>u</h:user><h:level>3</h:level></h:Session>'
MEDIA = {SOAP11: "text/xml; charset=utf-8", SOAP12: "application/soap+xml; charset=utf-8"}


def world(reply: str | bytes = "", *, protocol: str = "soap11", status: int = 200) -> World:
    manifest = f"""
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {{wsdl: c.wsdl}}
    provider: {{protocol: {protocol}, endpoints: [{{url: "http://x.example/"}}]}}
    operations: [{{name: Get, effect: read}}]
"""
    version = SOAP12 if protocol == "soap12" else SOAP11
    body = reply or envelope(ANSWER, header=TRACE, namespace=version)
    media = "application/json" if protocol == "rest" else MEDIA[version]
    data = body.encode() if isinstance(body, str) else body
    return contract_world(manifest, {"c.wsdl": WSDL}, data, media, status)


async def test_a_rest_caller_sends_and_reads_declared_headers_as_json() -> None:
    one = world()
    body: Any = {"#header": {"Session": {"@soap:mustUnderstand": True, "user": "u", "level": 3}}, "no": "7"}
    response = await rest(one, orjson.dumps(body), "/Get")
    assert orjson.loads(response.body) == {"#header": {"Trace": "T1"}, "state": "done"}
    sent = etree.fromstring(one.connector.sent[0].body)
    block = sent[0][0]
    assert (block.tag, block.get(f"{{{SOAP11}}}mustUnderstand")) == (f"{{{LAB}}}Session", "1")
    assert [child.text for child in block] == ["u", "3"]
    assert sent[1][0][0].text == "7"


async def test_headers_of_a_rest_caller_speak_the_soap_version_of_the_provider() -> None:
    one = world(protocol="soap12")
    body: Any = {"#header": {"Session": {"@soap:mustUnderstand": True, "@soap:role": "next", "user": "u", "level": 3}}}
    await rest(one, orjson.dumps(body | {"no": "7"}), "/Get")
    block = etree.fromstring(one.connector.sent[0].body)[0][0]
    assert block.get(f"{{{SOAP12}}}mustUnderstand") == "true"
    assert block.get(f"{{{SOAP12}}}role") == "http://www.w3.org/2003/05/soap-envelope/role/next"


async def test_a_soap_callers_declared_headers_reach_a_json_provider_and_come_back() -> None:
    one = world(orjson.dumps({"#header": {"Trace": "T9"}, "state": "done"}), protocol="rest")
    response = await soap(one, envelope(GET, header=SESSION))
    assert orjson.loads(one.connector.sent[0].body) == {
        "#header": {"Session": {"@soap:mustUnderstand": True, "user": "u", "level": 3}}, "no": "7",
    }  # fmt: skip
    assert response.xml[0][0].tag == f"{{{LAB}}}Trace"
    assert response.xml[0][0].text == "T9"
    assert response.text("state") == "done"


async def test_a_json_caller_without_headers_gets_none_it_does_not_need() -> None:
    response = await rest(world(envelope(ANSWER)), b'{"no":"7"}', "/Get")
    assert orjson.loads(response.body) == {"state": "done"}


def test_the_published_schema_has_the_declared_headers() -> None:
    operation = world().snapshot.services["lis"].versions["1"].operations["Get"]
    headers = request_schema(operation)["properties"]["#header"]["properties"]
    assert headers["Session"]["properties"] == {"user": {"type": "string"}, "level": {"type": "integer"}}
    assert reply_schema(operation)["properties"]["#header"]["properties"] == {"Trace": {"type": "string"}}


async def test_a_header_that_is_no_object_is_the_callers_mistake() -> None:
    response = await rest(world(), b'{"#header":"x","no":"7"}', "/Get")
    assert orjson.loads(response.body)["code"] == "contract"


async def test_a_mandatory_header_that_no_contract_declares_is_still_refused() -> None:
    header = '<x:Other xmlns:x="urn:x" s:mustUnderstand="1"/>'
    assert (await soap(world(), envelope(GET, header=header))).text("code") == "must-understand"


DETAIL = f'<BadOrder xmlns="{LAB}"><line>4</line><codes>A</codes></BadOrder>'
FAULT11 = f"<s:Fault><faultcode>s:Client</faultcode><faultstring>bad</faultstring><detail>{DETAIL}</detail></s:Fault>"
FAULT12 = (
    '<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="zh">bad</s:Text></s:Reason>'
    f"<s:Detail>{DETAIL}</s:Detail></s:Fault>"
)


async def test_a_declared_fault_is_read_by_its_schema_in_a_problem() -> None:
    response = await rest(world(envelope(FAULT11), status=500), b'{"no":"7"}', "/Get")
    problem = orjson.loads(response.body)
    assert problem["provider"]["detail"] == {"BadOrder": {"line": 4, "codes": ["A"]}}
    assert problem["provider"]["reason"] == "bad"


async def test_an_undeclared_fault_detail_has_a_json_form_too() -> None:
    fault = FAULT11.replace(DETAIL, '<x:e xmlns:x="urn:x" k="1"><x:m>t</x:m><x:stackTrace>at X</x:stackTrace></x:e>')
    response = await rest(world(envelope(fault), status=500), b'{"no":"7"}', "/Get")
    assert orjson.loads(response.body)["provider"]["detail"] == {"{urn:x}e": {"@k": "1", "m": "t"}}


async def test_a_json_error_that_names_a_declared_fault_becomes_that_fault() -> None:
    error = {"title": "Bad order", "detail": "第四行有误", "BadOrder": {"line": 4, "codes": ["A", "B"]}}
    one = world(orjson.dumps(error), protocol="rest", status=422)
    response = await soap(one, envelope(GET))
    fault = response.xml.find(f".//{{{SOAP11}}}Fault")
    assert fault is not None
    assert (fault.findtext("faultcode"), fault.findtext("faultstring")) == ("soap:Client", "第四行有误")
    entry = fault.find(f"detail/{{{LAB}}}BadOrder")
    assert entry is not None
    assert [child.text for child in entry] == ["4", "A", "B"]
    assert response.text("code") == "provider-fault"


async def test_any_other_json_error_is_the_reason_and_stands_in_the_detail_of_a_fault() -> None:
    one = world(orjson.dumps({"title": "库存不足", "stack": "at x"}), protocol="rest", status=409)
    response = await soap(one, envelope(GET))
    assert response.xml.findtext(".//faultstring") == "对方系统返回错误: 库存不足"
    provider = response.xml.find(".//{urn:meridian:2026}provider")
    assert provider is not None
    assert [(child.tag.rpartition("}")[2], "".join(child.itertext())) for child in provider] == [
        ("status", "409"),
        ("detail", "库存不足"),
    ]


@pytest.mark.parametrize(
    ("status", "code"), [(400, "Client"), (404, "Client"), (422, "Client"), (401, "Server"), (500, "Server")]
)
async def test_an_error_over_rest_is_the_callers_fault_where_it_is_about_the_question(status: int, code: str) -> None:
    one = world(orjson.dumps({"issue": "x"}), protocol="rest", status=status)
    fault = (await soap(one, envelope(GET))).xml.find(f".//{{{SOAP11}}}Fault")
    assert fault is not None
    assert fault.findtext("faultcode") == f"soap:{code}"
    assert str(status) in (fault.findtext("faultstring") or "")


@pytest.mark.parametrize(("mine", "theirs"), [(SOAP11, "soap12"), (SOAP12, "soap11")])
async def test_a_fault_of_one_soap_version_is_told_in_the_other(mine: str, theirs: str) -> None:
    other = SOAP12 if theirs == "soap12" else SOAP11
    reply = envelope(FAULT12 if theirs == "soap12" else FAULT11, namespace=other)
    response = await soap(
        world(reply, protocol=theirs, status=500), envelope(GET, namespace=mine), content_type=MEDIA[mine]
    )
    assert response.xml.tag == f"{{{mine}}}Envelope"
    assert response.xml.find(f".//{{{LAB}}}BadOrder") is not None
    if mine == SOAP11:
        assert (response.status, response.xml.findtext(".//faultcode")) == (500, "soap:Client")
    else:
        assert (response.status, response.xml.findtext(f".//{{{SOAP12}}}Value")) == (400, "soap:Sender")


@pytest.mark.parametrize(("mine", "theirs"), [(SOAP11, "soap12"), (SOAP12, "soap11")])
async def test_mandatory_headers_keep_their_meaning_across_soap_versions(mine: str, theirs: str) -> None:
    other = SOAP12 if theirs == "soap12" else SOAP11
    actor = "actor" if mine == SOAP11 else "role"
    nexts = {SOAP11: "http://schemas.xmlsoap.org/soap/actor/next", SOAP12: f"{SOAP12}/role/next"}
    header = SESSION.replace("s:mustUnderstand", f's:{actor}="{nexts[mine]}" s:mustUnderstand')
    one = world(protocol=theirs)
    response = await soap(one, envelope(GET, header=header, namespace=mine), content_type=MEDIA[mine])
    block = etree.fromstring(one.connector.sent[0].body)[0][0]
    assert block.get(f"{{{other}}}mustUnderstand") == ("1" if other == SOAP11 else "true")
    assert block.get(f"{{{other}}}{'actor' if other == SOAP11 else 'role'}") == nexts[other]
    assert response.xml.tag == f"{{{mine}}}Envelope"
    assert response.xml[0][0].text == "T1"
    assert response.text("state") == "done"
