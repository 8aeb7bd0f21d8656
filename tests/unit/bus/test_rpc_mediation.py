"""rpc/encoded services: passed through untouched, offered as JSON, and put before JSON providers."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from contract_worlds import contract_world
from gateway_worlds import rest, soap
from lxml import etree
from rpc_contract import ENC, MESSAGES, ORDER, envelope, wsdl
from twins import World

REPLY = envelope(f"""
    <ns1:PlaceResponse soapenv:encodingStyle="{ENC}" xmlns:ns1="urn:lab:2003">
     <PlaceReturn href="#id0"/></ns1:PlaceResponse>
    <multiRef id="id0" SOAP-ENC:root="0" xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[2]">
     <x xsi:type="xsd:string">血常规</x><x xsi:type="xsd:string">肝功能</x></multiRef>""")


def world(protocol: str, reply: bytes = REPLY, media: str = "text/xml; charset=utf-8") -> World:
    manifest = f"""
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {{wsdl: c/lab.wsdl}}
    provider: {{protocol: {protocol}, endpoints: [{{url: "http://lab.example/"}}]}}
    operations:
      - {{name: Place, effect: write, checks: {{request: {{wsdl: true}}, reply: {{wsdl: true}}}},
          keys: {{visit_no: //visitNo}}}}
"""
    return contract_world(manifest, {"c/lab.wsdl": wsdl("encoded")}, reply, media)


@pytest.mark.parametrize("stack", MESSAGES)
async def test_encoded_bytes_pass_through_untouched_and_are_checked_and_indexed(stack: str) -> None:
    one = world("soap11")
    response = await soap(one, MESSAGES[stack], soapaction='""')
    assert response.status == 200, response.body
    assert one.connector.sent[0].body == MESSAGES[stack]
    assert response.body == REPLY
    assert ("visit_no", "V1") in one.journal.outcomes[0].keys


async def test_a_rest_caller_reaches_an_encoded_provider_in_its_encoding() -> None:
    one = world("soap11")
    response = await rest(one, json.dumps(ORDER).encode(), "/Place")
    assert orjson.loads(response.body) == {"PlaceReturn": ["血常规", "肝功能"]}
    sent = etree.fromstring(one.connector.sent[0].body)
    assert sent.xpath("string(//visitNo/@*[local-name()='type'])") == "xs:string"
    assert sent.xpath("string(//items/@*[local-name()='arrayType'])").endswith(":Item[2]")


@pytest.mark.parametrize("stack", MESSAGES)
async def test_an_encoded_caller_reaches_a_json_provider_and_reads_its_own_encoding(stack: str) -> None:
    one = world("rest", orjson.dumps({"PlaceReturn": ["血常规"]}), "application/json")
    response = await soap(one, MESSAGES[stack], soapaction='""')
    assert orjson.loads(one.connector.sent[0].body) == ORDER
    returned: Any = response.xml.find(".//PlaceReturn")
    assert returned.get(f"{{{ENC}}}arrayType") == "xs:string[1]"
    assert [item.text for item in returned] == ["血常规"]


async def test_a_reference_that_leads_nowhere_is_the_callers_fault() -> None:
    one = world("soap11")
    body = envelope('<n:Place xmlns:n="urn:lab:2003"><items href="#nowhere"/></n:Place>')
    response = await soap(one, body, soapaction='""')
    assert response.text("code") == "envelope"
    assert one.connector.sent == []


async def test_a_reply_whose_references_are_broken_is_the_providers_lie() -> None:
    reply = envelope('<n:PlaceResponse xmlns:n="urn:lab:2003"><PlaceReturn href="#x"/></n:PlaceResponse>')
    response = await rest(world("soap11", reply), json.dumps(ORDER).encode(), "/Place")
    assert orjson.loads(response.body)["code"] == "provider-lied"
