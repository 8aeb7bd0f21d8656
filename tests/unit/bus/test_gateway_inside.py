"""A document inside a string is a contract of its own: checked, indexed, mapped, converted, and put back."""

from __future__ import annotations

import orjson
import pytest
from asgi_caller import Response, call, gateway
from catalogues import SYSTEM, compiled, problems, service
from gateway_worlds import JSON, SOAP, replying
from lxml import etree
from twins import SOAP12, World, envelope

from bus import parcel
from bus.conform.examine import examine
from bus.hops.transform import outgoing

XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Order"><xs:complexType><xs:sequence>
<xs:element name="no" type="xs:int"/><xs:element name="name" type="xs:string" minOccurs="0"/>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""
DONE = XSD.replace(b"Order", b"Done")
OPERATION = """
- name: Place
  form: xml
  soap: {element: "{http://tempuri.org/}Call", reply_element: "{http://tempuri.org/}CallResponse"}
  inside: {request: message, reply: CallResult}
  checks: {request: {xsd: order.xsd}, reply: {xsd: done.xsd}}
  keys: {order_no: /Order/no}
  reply_keys: {patient_id: /Done/name}
"""
FILES = {"order.xsd": XSD, "done.xsd": DONE}
CALL = '<Call xmlns="http://tempuri.org/"><action>A1</action><message>{}</message></Call>'
REPLY = '<CallResponse xmlns="http://tempuri.org/"><CallResult>{}</CallResult><code>7</code></CallResponse>'


def held(document: str, style: str) -> str:
    if style == "escaped":
        document = document.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f"<![CDATA[{document}]]>"
        if style == "cdata"
        else document.replace("<Order", '<Order xmlns=""').replace("<Done", '<Done xmlns=""')
        if style == "child"
        else document
    )


def world(
    body: str, operation: str = OPERATION, protocol: str = "soap11", media: str = "text/xml; charset=utf-8"
) -> World:
    made = compiled(SYSTEM, service(operation, protocol=protocol), files=FILES)
    return World(made.snapshot, connector=replying(body, media))


async def ask(one: World, inner: str, style: str = "cdata", **headers: str) -> Response:
    body = envelope(CALL.format(held(inner, style)))
    return await call(gateway(one), "POST", "/soap/lis", body.encode(), {**SOAP, **headers})


@pytest.mark.parametrize("mine", ["cdata", "escaped", "child"])
@pytest.mark.parametrize("theirs", ["cdata", "escaped", "child"])
async def test_a_reply_is_held_as_the_caller_holds_documents_whatever_the_provider_does(mine: str, theirs: str) -> None:
    reply = envelope(REPLY.format(held("<Done><no>1</no><name>张三</name></Done>", theirs)))
    one = world(reply)
    response = await ask(one, "<Order><no>5</no></Order>", mine)
    assert response.status == 200
    text = response.body.decode()
    assert ("<![CDATA[" in text, "&lt;" in text) == (mine == "cdata", mine == "escaped")
    assert "<code>7</code>" in text, "what stands beside the document comes along"
    assert (mine == theirs) is (text == reply)
    sent = one.connector.sent[0].body.decode()
    assert sent == envelope(CALL.format(held("<Order><no>5</no></Order>", mine))), "what need not change is not touched"
    record = one.journal.outcomes[0]
    assert record.keys == (("order_no", "5"), ("patient_id", "张三"))


@pytest.mark.parametrize("style", ["cdata", "escaped", "child"])
async def test_what_the_inner_document_breaks_is_reported_by_its_own_path(style: str) -> None:
    one = world("")
    response = await ask(one, "<Order><no>甲</no></Order>", style)
    assert (response.text("code"), response.text("path")) == ("contract", "/Order/no")
    assert "甲" not in response.body.decode()
    assert one.connector.sent == []


@pytest.mark.parametrize("inner", ["", "张三丰", "<Order>", "<!DOCTYPE a><Order/>"])
async def test_a_string_that_holds_no_document_breaks_the_contract_at_its_element(inner: str) -> None:
    response = await ask(world(""), inner, "cdata")
    assert (response.text("code"), response.text("path")) == ("contract", "message")
    assert "张三丰" not in response.body.decode()


async def test_a_provider_that_answers_no_document_is_told_apart_from_the_caller() -> None:
    response = await ask(world(envelope(REPLY.format("nothing"))), "<Order><no>5</no></Order>")
    assert response.text("code") == "provider-lied"


async def test_a_rest_caller_speaks_of_the_inner_document_alone() -> None:
    one = world(envelope(REPLY.format(held("<Done><no>1</no></Done>", "cdata"))))
    response = await call(gateway(one), "POST", "/rest/lis/Place", b'{"no": 5}', JSON)
    assert orjson.loads(response.body) == {"no": 1}
    sent = one.connector.sent[0].body.decode()
    assert '<Call xmlns="http://tempuri.org/"><message><![CDATA[<Order><no>5</no></Order>]]></message></Call>' in sent


async def test_a_rest_caller_that_sends_the_document_around_is_answered_with_one() -> None:
    one = world(envelope(REPLY.format(held("<Done><no>1</no></Done>", "cdata"))))
    body = CALL.format(held("<Order><no>5</no></Order>", "escaped")).encode()
    response = await call(gateway(one), "POST", "/rest/lis/Place", body, {**JSON, "content-type": "text/xml"})
    assert etree.fromstring(response.body).findtext("{*}CallResult") == "<Done><no>1</no></Done>"


async def test_a_provider_of_the_other_soap_version_and_charset_is_sent_the_callers_own_style() -> None:
    one = world(
        envelope(REPLY.format(held("<Done><no>1</no></Done>", "cdata")), namespace=SOAP12),
        protocol="soap12",
        media="application/soap+xml",
    )
    inner = held("<Order><no>5</no><name>镕</name></Order>", "cdata")
    body = f'<?xml version="1.0" encoding="GBK"?>{envelope(CALL.format(inner))}'
    response = await call(
        gateway(one), "POST", "/soap/lis", body.encode("gbk"), {**SOAP, "content-type": "text/xml; charset=gbk"}
    )
    assert response.status == 200
    assert "<![CDATA[<Order><no>5</no><name>镕</name></Order>]]>" in one.connector.sent[0].body.decode()
    assert "<![CDATA[<Done>" in response.body.decode("gbk")


async def test_a_mapping_speaks_of_the_inner_document_and_what_stands_beside_it_is_kept() -> None:
    codes = """
kind: CodeTable
name: numbers
columns: [a, b]
rows: [["5", "55"]]
"""
    operation = OPERATION + "  request: [{codes: {table: numbers, from: a, to: b, at: /Order/no}}]\n"
    made = compiled(SYSTEM, codes, service(operation, protocol="soap11"), files=FILES)
    one = World(
        made.snapshot, connector=replying(envelope(REPLY.format(held("<Done><no>1</no></Done>", "cdata"))), "text/xml")
    )
    await ask(one, "<Order><no>5</no></Order>", "escaped")
    sent = one.connector.sent[0].body.decode()
    assert "<action>A1</action><message>&lt;Order&gt;&lt;no&gt;55&lt;/no&gt;&lt;/Order&gt;</message>" in sent


async def test_a_rest_provider_is_sent_the_inner_document_and_its_answer_goes_back_inside() -> None:
    one = world('{"no":1,"name":"王"}', protocol="rest", media="application/json")
    response = await ask(one, "<Order><no>5</no></Order>", "cdata")
    assert one.connector.sent[0].body == b'{"no":5}'
    assert "<CallResult><![CDATA[<Done><no>1</no><name>王</name></Done>]]></CallResult>" in response.body.decode()


JSON_INSIDE = (
    OPERATION.replace("form: xml", "form: json")
    .replace("order.xsd", "order.json")
    .replace("xsd: done.xsd", "json_schema: order.json")
    .replace("xsd: order.json", "json_schema: order.json")
    .replace("/Order/no", ".order_no")
    .replace("/Done/name", ".order_no")
)


@pytest.mark.parametrize("style", ["cdata", "escaped"])
async def test_json_inside_a_string_is_a_contract_like_any_other(style: str) -> None:
    reply = envelope(REPLY.format(held('{"order_no":"R&1"}', "escaped")))
    one = world(reply, JSON_INSIDE)
    response = await ask(one, '{"order_no":"O1"}', style)
    assert response.xml.findtext(".//{*}CallResult") == '{"order_no":"R&1"}'
    assert (b"<![CDATA[" in response.body) is (style == "cdata")
    assert one.journal.outcomes[0].keys == (("order_no", "O1"), ("patient_id", "R&1"))
    refused = await ask(one, '{"sex":"1"}', style)
    assert refused.text("code") == "contract"


async def test_an_accepted_message_is_delivered_with_all_that_stood_around_its_document() -> None:
    one = world(
        "", OPERATION.replace("- name: Place", "- name: Place\n  mode: async").replace(", reply: {xsd: done.xsd}", "")
    )
    response = await ask(one, "<Order><no>5</no></Order>")
    assert response.text("messageId")
    message = parcel.unpack(one.outbox.letters[0].body, one.snapshot)
    assert message.content is not None
    assert message.content.document.tag == "Order"  # type: ignore[union-attr]
    assert message.operation is not None
    assert message.version is not None
    assert message.version.provider is not None
    sent = outgoing(message, message.operation, message.version.provider).body.decode()
    assert "<action>A1</action>" in sent
    assert "<![CDATA[<Order>" in sent


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("inside: {request: message", "inside: {request: '//message'"), "element names joined by /"),
        (("form: xml", "form: json"), "an XML Schema, but the contract speaks json"),
        (("request: message", "request: {at: message, style: provider}"), "a request has no provider's style"),
        (("{xsd: order.xsd}", "{wsdl: true}"), "wsdl: true checks the element around"),
    ],
)
def test_what_contradicts_inside_is_a_problem_with_its_line(change: tuple[str, str], says: str) -> None:
    found = problems(SYSTEM, service(OPERATION.replace(*change), protocol="soap11"), files=FILES)
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    ("inner", "reply", "said"),
    [
        ("<Order><no>5</no></Order>", "<Done><no>1</no></Done>", []),
        ("<Order><no>5</no></Order>", "<Done><no>x</no></Done>", [("provider", "/Done/no")]),
        ("<Order><no>x</no></Order>", "<Done><no>1</no></Done>", [("caller", "/Order/no")]),
        ("nothing", "<Done><no>1</no></Done>", [("caller", "message")]),
    ],
)
async def test_a_recorded_exchange_is_held_against_the_contract_of_the_document_inside(
    inner: str, reply: str, said: list[tuple[str, str]]
) -> None:
    gates = OPERATION.replace("{xsd: order.xsd}", "{xsd: order.xsd, gate: warn}").replace(
        "{xsd: done.xsd}", "{xsd: done.xsd, gate: warn}"
    )
    one = world(envelope(REPLY.format(held(reply, "cdata"))), gates)
    await ask(one, inner, "cdata")
    version = one.snapshot.services["lis"].versions["1"]
    examined = examine(one.journal.outcomes[0], version, version.operations["Place"])
    assert [(finding.side, finding.path) for finding in examined.findings] == said
