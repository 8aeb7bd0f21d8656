"""Old callers that break a rule of SOAP or HTTP are served, each by its own profile, and nobody else is."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from asgi_caller import Response, call, gateway
from gateway_worlds import SOAP, rest, rest_world, soap, soap_world
from twins import KIOSK, LAB, ORDER, PLACED, SOAP12, WSSE, World, envelope

from bus.quirks import read_notes
from registry.claims import claims_of
from registry.credentials import hash_key
from registry.model import Consumer, Credential
from registry.quirks import Place, Quirks


def quirky(one: World, *, key: str = "kiosk", **profile: Any) -> World:
    """The world with a kiosk that has a profile."""
    consumer = replace(
        KIOSK,
        quirks=Quirks(**profile),
        credentials=(Credential("api-key", sha256=hash_key(key)), Credential("basic", username="kiosk")),
    )
    return known(one, consumer)


def known(one: World, *consumers: Consumer) -> World:
    """The world in which these consumers are registered, each with its name as its key."""
    one.identities.consumers.update({each.name: each for each in consumers})
    named = {each.name: each for each in consumers}
    one.snapshot = replace(one.snapshot, consumers=named, claims=claims_of(named.values()))
    return one


def noted(one: World) -> dict[str, str]:
    return dict(read_notes(one.journal.outcomes[-1].detail))


@pytest.mark.parametrize(
    "media", ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "application/soap+xml", ""]
)
async def test_a_wrong_content_type_is_read_as_what_the_body_is(media: str) -> None:
    one = quirky(soap_world(), content_type="any")
    response = await soap(one, content_type=media)
    assert (response.status, response.text("order_no")) == (200, "A1")
    assert noted(one)["content_type"] == f"{media or 'none'} read as text/xml"


async def test_the_same_wrong_content_type_is_refused_to_everybody_else() -> None:
    one = known(soap_world(), replace(KIOSK, name="other", quirks=Quirks(content_type="any")), KIOSK)
    response = await soap(one, content_type="text/plain")
    assert response.status == 415
    assert not one.connector.sent


async def test_a_soap_12_envelope_under_the_media_type_of_11_is_answered_as_12() -> None:
    one = quirky(soap_world(), content_type="any")
    response = await soap(one, envelope(ORDER, namespace=SOAP12))
    assert response.xml.tag == f"{{{SOAP12}}}Envelope"
    assert noted(one)["content_type"] == "text/xml read as application/soap+xml"


async def test_json_posted_as_a_form_is_read_as_json_at_the_rest_door() -> None:
    one = quirky(rest_world(), content_type="any")
    response = await rest(one, content_type="application/x-www-form-urlencoded")
    assert (response.status, one.connector.sent[0].body) == (200, b'{"visit_no":"V1"}')


async def test_gbk_that_happens_to_be_valid_utf_8_is_read_in_the_profile_s_charset() -> None:
    # The bytes of 通 in GBK (CD A8) are well-formed UTF-8 too: no detection can tell, only a profile.
    one = quirky(soap_world(), charset="gb18030")
    body = envelope(ORDER.replace("V1", "通")).encode("gbk")
    response = await soap(one, body, content_type="text/xml; charset=utf-8")
    assert response.headers["content-type"] == "text/xml; charset=GB18030"
    assert "通" in one.connector.sent[0].body.decode("utf-8")
    assert noted(one)["charset"] == "read in GB18030, looked like UTF-8"


async def test_bytes_that_are_not_in_the_profile_s_charset_are_refused_and_not_guessed() -> None:
    one = quirky(soap_world(), charset="utf-8")
    response = await soap(one, envelope(ORDER.replace("V1", "镕")).encode("gbk"))
    assert response.status == 500
    assert response.text("code") == "charset"


async def test_a_charset_that_lies_is_noted_for_callers_without_a_profile_too() -> None:
    one = soap_world()
    response = await soap(one, envelope(ORDER.replace("V1", "王晓东")).encode("gbk"))
    assert response.status == 200
    assert noted(one)["charset"] == "declared UTF-8, is GB18030"


async def test_a_wrong_soap_action_is_ignored_where_the_profile_says_so() -> None:
    one = quirky(soap_world(), soap_action="ignore")
    response = await soap(one, soapaction='"urn:lab/Cancel"')
    assert (response.status, noted(one)) == (200, {"soap_action": "not the one of PlaceOrder"})
    strict = await soap(soap_world(), soapaction='"urn:lab/Cancel"')
    assert strict.text("code") == "bad-request"


async def test_a_missing_soap_action_is_carried_for_everybody_and_noted() -> None:
    one = soap_world()
    response = await soap(one)
    assert (response.status, noted(one)) == (200, {"soap_action": "missing"})
    one = soap_world()
    assert (await soap(one, soapaction='"urn:lab/PlaceOrder"')).status == 200
    assert noted(one) == {}


async def test_a_payload_in_a_drifted_namespace_reaches_the_provider_in_the_contract_s() -> None:
    one = quirky(soap_world(), namespace="tolerant")
    response = await soap(one, envelope(ORDER.replace(LAB, "http://tempuri.org/")))
    assert response.status == 200
    assert LAB.encode() in one.connector.sent[0].body
    assert b"tempuri" not in one.connector.sent[0].body
    assert response.xml.find(f".//{{{LAB}}}order_no").text == "A1"
    assert noted(one)["namespace"] == "its root not in the contract's"


async def test_a_mirrored_caller_reads_its_reply_in_the_namespace_it_knows() -> None:
    one = quirky(soap_world(reply_element=f"{{{LAB}}}PlaceOrderResponse"), namespace="mirror")
    response = await soap(one, envelope(ORDER.replace(LAB, "http://tempuri.org/")))
    assert response.xml.find(".//{http://tempuri.org/}order_no").text == "A1"


async def test_a_caller_without_namespaces_is_mirrored_without_namespaces() -> None:
    one = quirky(soap_world(reply_element=f"{{{LAB}}}PlaceOrderResponse"), namespace="mirror")
    response = await soap(one, envelope("<PlaceOrder><visit_no>V1</visit_no></PlaceOrder>"))
    assert response.xml.find(".//PlaceOrderResponse/order_no").text == "A1"


async def test_a_drifted_namespace_is_an_unknown_operation_without_a_profile() -> None:
    response = await soap(soap_world(), envelope(ORDER.replace(LAB, "http://tempuri.org/")))
    assert response.text("code") == "unknown-operation"


async def test_an_old_client_reads_its_faults_under_status_200() -> None:
    one = quirky(soap_world(), fault_status=200)
    response = await soap(one, envelope("<Unknown/>"))
    assert (response.status, response.text("code")) == (200, "unknown-operation")


async def test_even_a_refusal_before_anybody_is_known_has_the_fault_status_of_the_claimed_profile() -> None:
    one = quirky(soap_world(), fault_status=200)
    response = await soap(one, b"not xml")
    assert (response.status, response.text("code")) == (200, "malformed")


async def test_a_byte_order_mark_is_sent_to_those_who_want_one_and_taken_from_everybody() -> None:
    one = quirky(soap_world(), bom=True)
    response = await soap(one, b"\xef\xbb\xbf" + envelope(ORDER).encode())
    assert response.body.startswith(b"\xef\xbb\xbf<")
    assert int(response.headers["content-length"]) == len(response.body)
    plain = await soap(soap_world(), b"\xef\xbb\xbf" + envelope(ORDER).encode())
    assert (plain.status, plain.body[:1]) == (200, b"<")


async def test_a_caller_that_cannot_keep_a_connection_is_told_that_it_closes() -> None:
    assert (await soap(quirky(soap_world(), keep_alive=False))).headers["connection"] == "close"
    assert "connection" not in (await soap(soap_world())).headers


TOKEN = (
    f'<w:Security xmlns:w="{WSSE}"><w:UsernameToken><w:Username>{{}}</w:Username>'
    "<w:Password>p</w:Password></w:UsernameToken></w:Security>"
)


async def from_place(one: World, user: str, *, address: str = "10.20.0.7", listener: str = "main") -> Response:
    app = gateway(one)

    async def placed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (address, 40000), "meridian.listener": listener}, receive, send)

    body = envelope(ORDER, header=TOKEN.format(user)).encode()
    return await call(placed, "POST", "/soap/lis", body, {"content-type": "text/plain"})


@pytest.mark.parametrize(
    "place", [Place((ip_network("10.20.0.0/24"),)), Place(listeners=frozenset({"old"})), Place(paths=("/soap/lis",))]
)
async def test_a_caller_whose_credential_is_in_its_body_is_known_by_where_it_comes_from(place: Place) -> None:
    one = quirky(soap_world(), content_type="any", place=place)
    assert (await from_place(one, "kiosk", listener="old")).status == 200


async def test_a_place_that_does_not_fit_gives_no_profile() -> None:
    one = quirky(soap_world(), content_type="any", place=Place((ip_network("10.21.0.0/24"),)))
    assert (await from_place(one, "kiosk")).status == 415


async def test_a_place_proves_nothing_and_another_s_profile_does_not_carry() -> None:
    one = quirky(soap_world(), content_type="any", place=Place(paths=("/",)))
    known(one, one.identities.consumers["kiosk"], replace(KIOSK, name="stranger"))
    refused = await from_place(one, "nobody")
    assert (refused.status, refused.text("code")) == (401, "not-authenticated")
    borrowed = await from_place(one, "stranger")
    assert (borrowed.status, borrowed.text("code")) == (401, "not-authenticated")
    assert not one.connector.sent


async def test_a_place_that_two_profiles_claim_belongs_to_neither() -> None:
    one = soap_world()
    for name in ("kiosk", "twin"):
        one.identities.consumers[name] = replace(
            KIOSK, name=name, quirks=Quirks(content_type="any", place=Place(paths=("/",)))
        )
    known(one, *one.identities.consumers.values())
    assert (await from_place(one, "kiosk")).status == 415


async def test_a_basic_user_name_claims_its_profile_before_its_password_is_checked() -> None:
    one = quirky(soap_world(), content_type="any")
    basic = b64encode(b"kiosk:x").decode()
    headers = {"content-type": "text/plain", "authorization": f"Basic {basic}"}
    response = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), headers)
    # The twin of authentication knows no Basic: what matters is that the body was read, and the caller refused.
    assert (response.status, response.text("code")) == (401, "not-authenticated")


async def test_a_refused_exchange_keeps_the_notes_of_what_was_tolerated() -> None:
    one = quirky(soap_world(), content_type="any")
    await soap(one, envelope("<Unknown/>"), content_type="text/plain")
    assert noted(one) == {"content_type": "text/plain read as text/xml"}


async def test_without_any_profile_nobody_looks_for_one() -> None:
    one = soap_world()
    assert one.snapshot.claims is None
    assert (await soap(one, content_type=SOAP["content-type"])).status == 200
    assert PLACED in one.connector.reply(one.connector.sent[0]).body.decode()
