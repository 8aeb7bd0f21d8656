"""Callers and providers that speak differently understand each other."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from gateway_worlds import rest, rest_world, soap, soap_world
from lxml import etree
from twins import (
    ORDER,
    PLACED,
    SOAP11,
    SOAP12,
    World,
    envelope,
    operation,
    snapshot,
)

from registry.model import Call


async def test_a_soap_caller_reaches_a_rest_provider_by_schema_alone() -> None:
    one = rest_world()
    response = await soap(one)
    sent = one.connector.sent[0]
    assert (sent.body, sent.content_type) == (b'{"visit_no":"V1"}', "application/json")
    assert response.text("order_no") == "A1"
    assert response.headers["content-type"] == "text/xml; charset=UTF-8"
    stages = [body.stage for body in one.journal.outcomes[0].bodies]
    assert stages == ["request", "request.sent", "reply.received", "reply"]


async def test_a_rest_caller_reaches_a_soap_provider_by_schema_alone() -> None:
    one = soap_world(http_path="/orders")
    response = await rest(one)
    sent = etree.fromstring(one.connector.sent[0].body)
    assert sent.xpath("string(//*[local-name()='visit_no'])") == "V1"
    assert orjson.loads(response.body) == {"order_no": "A1"}
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("protocol", ["soap11", "soap12"])
async def test_either_soap_version_reaches_a_provider_of_the_other(protocol: str) -> None:
    one = soap_world(protocol=protocol)
    mine, media = (SOAP12, "application/soap+xml") if protocol == "soap11" else (SOAP11, "text/xml")
    response = await soap(one, envelope(ORDER, namespace=mine), content_type=media)
    assert response.xml.tag == f"{{{mine}}}Envelope"
    assert response.headers["content-type"].startswith(media)
    assert etree.fromstring(one.connector.sent[0].body).tag != response.xml.tag
    assert response.text("order_no") == "A1"


async def test_a_gbk_caller_is_answered_in_gbk_whatever_the_provider_speaks() -> None:
    one = soap_world(envelope(PLACED.replace("A1", "已受理 王晓东")))
    body = f'<?xml version="1.0" encoding="GBK"?>{envelope(ORDER.replace("V1", "门诊"))}'.encode("gbk")
    response = await soap(one, body, content_type="text/xml; charset=GBK")
    assert response.headers["content-type"] == "text/xml; charset=GBK"
    assert "已受理 王晓东" in response.body.decode("gbk")
    assert "门诊" in one.connector.sent[0].body.decode("utf-8")


async def test_a_gbk_caller_reads_its_errors_in_gbk_too() -> None:
    body = f'<?xml version="1.0" encoding="GBK"?>{envelope("<Unknown>门诊</Unknown>")}'.encode("gbk")
    response = await soap(soap_world(), body, content_type="text/xml; charset=GBK")
    assert response.headers["content-type"] == "text/xml; charset=GBK"
    assert "没有该操作" in response.body.decode("gbk")


async def test_a_caller_that_does_not_say_is_answered_in_its_registered_charset() -> None:
    one = soap_world(envelope(PLACED.replace("A1", "王")))
    one.identities.consumers["kiosk"] = replace(one.identities.consumers["kiosk"], charset="GB18030")
    response = await soap(one, content_type="text/xml")
    assert response.headers["content-type"] == "text/xml; charset=GB18030"
    assert "王" in response.body.decode("gb18030")


async def test_mappings_stand_between_the_contract_and_the_provider() -> None:
    one = rest_world(
        b'{"result":{"no":"A1"}}',
        request=(lambda document: {"visit": document["visit_no"]},),  # type: ignore[index, call-overload, list-item, dict-item]
        reply=(lambda document: {"order_no": document["result"]["no"]},),  # type: ignore[index, call-overload, list-item, dict-item]
    )
    response = await rest(one)
    assert one.connector.sent[0].body == b'{"visit":"V1"}'
    assert orjson.loads(response.body) == {"order_no": "A1"}


async def test_an_operation_without_a_schema_says_that_it_speaks_one_form_only() -> None:
    one = rest_world(to_json=None)
    response = await soap(one)
    assert (response.status, response.text("code")) == (500, "face-not-offered")


@pytest.mark.parametrize(
    ("face", "sent", "media", "wanted"),
    [("soap11", SOAP12, "application/soap+xml", "text/xml"), ("soap12", SOAP11, "text/xml", "application/soap+xml")],
)
async def test_an_envelope_of_the_other_soap_version_is_told_in_soap_11_which_one_to_send(
    face: str, sent: str, media: str, wanted: str
) -> None:
    one = World(snapshot(operation(), faces=(face,)))
    response = await soap(one, envelope(ORDER, namespace=sent), content_type=media)
    assert response.status == 500
    assert response.headers["content-type"].startswith("text/xml")
    assert response.text("faultcode").endswith(":VersionMismatch")
    assert response.text("faultstring").endswith(f"send {wanted}")
    assert one.connector.sent == []


async def test_a_service_without_a_soap_face_says_what_it_speaks() -> None:
    response = await soap(World(snapshot(operation(), faces=("rest",))))
    assert response.text("code") == "face-not-offered"
    assert "it speaks rest" in response.text("faultstring")


async def test_a_version_that_is_not_offered_over_rest_says_so() -> None:
    one = World(snapshot(operation(), faces=("soap11",)))
    response = await rest(one)
    assert (response.status, orjson.loads(response.body)["code"]) == (404, "face-not-offered")


async def test_fields_of_path_and_query_fill_the_providers_path_and_query() -> None:
    one = rest_world(http_method="GET", http_path="/visits/{visit_no}/orders", call=Call("GET", "/v/{visit_no}/o"))
    response = await rest(one, b"", "/visits/V%2F1%20%E7%94%B2/orders?code=a&code=b&days=3", "GET")
    assert response.status == 200
    sent = one.connector.sent[0]
    assert sent.wire is not None
    assert sent.wire.path == "/v/V%2F1%20%E7%94%B2/o?code=a&code=b&days=3"
    assert (sent.wire.method, sent.body) == ("GET", b"")
    request = one.journal.outcomes[0].bodies[0]
    assert orjson.loads(request.data) == {"code": ["a", "b"], "days": "3", "visit_no": "V/1 甲"}


async def test_a_field_that_the_path_took_does_not_go_into_the_body_again() -> None:
    one = rest_world(call=Call("PUT", "/api/{visit_no}"))
    await rest(one, b'{"visit_no":"V1","note":"x"}')
    assert one.connector.sent[0].body == b'{"note":"x"}'


async def test_a_field_given_twice_with_different_values_is_refused_by_name() -> None:
    one = rest_world(http_path="/visits/{visit_no}")
    response = await rest(one, b'{"visit_no":"V2"}', "/visits/V1")
    assert (response.status, orjson.loads(response.body)["code"]) == (400, "bad-request")
    assert "'visit_no'" in orjson.loads(response.body)["detail"]
    assert "V2" not in response.body.decode()


async def test_the_same_value_given_twice_is_no_conflict() -> None:
    one = rest_world(http_path="/visits/{visit_no}")
    assert (await rest(one, b'{"visit_no":"V1"}', "/visits/V1")).status == 200


@pytest.mark.parametrize("value", [b'".."', b'"."', b'""', b"null", b"[1]"])
async def test_a_value_that_would_move_the_providers_path_is_refused(value: bytes) -> None:
    one = rest_world(call=Call("POST", "/api/{visit_no}/items"))
    response = await rest(one, b'{"visit_no":' + value + b"}")
    assert orjson.loads(response.body)["code"] == "bad-request"
    assert one.connector.sent == []
