"""Providers that break a rule of SOAP or HTTP are understood, each by its own profile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway_worlds import rest, rest_world, soap, soap_world
from msgspec import structs
from provider_messages import message_to
from twins import LAB, PLACED, World, envelope

from bus.connectors.headers import outbound_headers
from bus.quirks import read_notes
from registry.quirks import ProviderQuirks


def with_quirks(one: World, **profile: Any) -> World:
    """The world whose provider has a profile."""
    service = one.snapshot.services["lis"]
    version = service.versions["1"]
    provider = replace(version.provider, quirks=ProviderQuirks(**profile))  # type: ignore[type-var]
    versions = {"1": replace(version, provider=provider)}
    one.snapshot = replace(one.snapshot, services={"lis": replace(service, versions=versions)})
    return one


def noted(one: World) -> dict[str, str]:
    return dict(read_notes(one.journal.outcomes[-1].detail))


async def test_an_envelope_sent_as_html_is_read_as_what_it_is_and_the_caller_gets_xml() -> None:
    one = with_quirks(soap_world(), content_type="any")
    one.connector.reply = lambda message: structs.replace(
        message, body=envelope(PLACED).encode(), content_type="text/html"
    )
    response = await soap(one, soapaction="urn:lab/PlaceOrder")
    assert (response.status, response.text("order_no")) == (200, "A1")
    assert response.headers["content-type"].startswith("text/xml")
    assert noted(one) == {"content_type": "text/html read as text/xml"}


async def test_the_same_reply_is_the_provider_s_fault_without_a_profile() -> None:
    one = soap_world()
    one.connector.reply = lambda message: structs.replace(
        message, body=envelope(PLACED).encode(), content_type="text/html"
    )
    assert (await soap(one)).text("code") == "provider-lied"


async def test_json_sent_as_html_is_read_as_json() -> None:
    one = with_quirks(rest_world(media="text/html"), content_type="any")
    response = await rest(one)
    assert (response.status, response.body) == (200, b'{"order_no":"A1"}')
    assert response.headers["content-type"] == "application/json"


async def test_a_reply_in_a_charset_that_only_the_profile_knows_is_read_in_it() -> None:
    one = with_quirks(soap_world(), charset="gb18030")
    body = envelope(PLACED.replace("A1", "通")).encode("gbk")
    one.connector.reply = lambda message: structs.replace(message, body=body, content_type="text/xml; charset=utf-8")
    response = await soap(one, soapaction="urn:lab/PlaceOrder")
    assert "通" in response.body.decode("utf-8")
    assert noted(one) == {"charset": "read in GB18030, looked like UTF-8"}
    received = next(each for each in one.journal.outcomes[-1].bodies if each.stage == "reply.received")
    assert received.data == body


async def test_a_reply_in_a_drifted_namespace_is_brought_to_the_contract_s() -> None:
    one = with_quirks(soap_world(reply_element=f"{{{LAB}}}PlaceOrderResponse"), namespace="tolerant")
    drifted = envelope(PLACED.replace(LAB, "http://tempuri.org")).encode()
    one.connector.reply = lambda message: structs.replace(message, body=drifted, content_type="text/xml; charset=utf-8")
    response = await soap(one, soapaction="urn:lab/PlaceOrder")
    assert response.xml.find(f".//{{{LAB}}}order_no").text == "A1"
    assert noted(one) == {"reply_namespace": "not the contract's"}


def test_an_action_goes_without_quotes_to_a_server_that_compares_it_as_it_is() -> None:
    message = message_to("soap11", action="urn:lab/PlaceOrder")
    provider = replace(message.version.provider, quirks=ProviderQuirks(soap_action="unquoted"))  # type: ignore
    assert outbound_headers(message, provider, message.operation)["SOAPAction"] == "urn:lab/PlaceOrder"  # type: ignore


def test_a_provider_that_cannot_keep_a_connection_is_asked_to_close_it() -> None:
    message = message_to("soap11")
    provider = replace(message.version.provider, quirks=ProviderQuirks(keep_alive=False))  # type: ignore
    assert outbound_headers(message, provider, message.operation)["Connection"] == "close"  # type: ignore
    assert "Connection" not in outbound_headers(message, message.version.provider, message.operation)  # type: ignore
