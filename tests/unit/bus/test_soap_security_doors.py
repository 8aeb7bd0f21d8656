"""WS-Security and WS-Addressing at the SOAP door: who is let in, what goes on, and what the reply bears."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgi_caller import Response, call, gateway
from certificates import identity
from lxml import etree
from twins import KIOSK, ORDER, PLACED, SOAP11, SOAP12, CannedConnector, World, answered, envelope, operation, snapshot

from bus.security.identities import CredentialIdentities
from bus.security.passwords import Passwords
from bus.settings import Settings
from bus.state.store import State
from registry.credentials import hash_key
from registry.model import Consumer, Credential, Security, Snapshot
from transformers import ns
from transformers.certificates import Pin, Pins
from transformers.soap import open_envelope
from transformers.ws_message import open_message, protect
from transformers.xml import parse, serialise

HIS, BUS, STRANGER = identity("his"), identity("bus"), identity("stranger")
PIN = Pin(HIS.certificate.sha256, HIS.certificate)
HIS_CONSUMER = Consumer(
    "his",
    {},
    credentials=(Credential("x509", pin=PIN), Credential("username-token", username="his", secret="s3cret")),
    grants=KIOSK.grants,
)
KIOSK_CONSUMER = replace(KIOSK, credentials=(Credential("api-key", sha256=hash_key("kiosk")),))


def registered(security: Security | None = None, consumer: Consumer = HIS_CONSUMER, **changes: Any) -> Snapshot:
    """The service ``lis`` with this security, and two consumers: one by certificate, one by API key."""
    plain = snapshot(operation(**changes))
    service = plain.services["lis"]
    version = replace(service.versions["1"], security=security)
    return replace(
        plain,
        services={"lis": replace(service, versions={"1": version})},
        consumers={"his": consumer, "kiosk": KIOSK_CONSUMER},
        pins=Pins([PIN]),
    )


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    state = State(Settings(data=tmp_path))
    await state.start()
    yield state
    await state.aclose()


def world(state: State, registry: Snapshot) -> World:
    reply = envelope(PLACED).encode()
    return World(
        registry,
        identities=CredentialIdentities(state, passwords=Passwords()),  # type: ignore[arg-type]
        connector=CannedConnector(lambda message: answered(message, reply, "text/xml; charset=utf-8")),
    )


def signed(document: str = "", signer: Any = HIS, **options: Any) -> bytes:
    root = parse((document or envelope(ORDER)).encode())
    protect(root, signer, options.pop("now", time.time()), **options)
    return serialise(root)


async def post(one: World, body: bytes | str, **headers: str) -> Response:
    given = {"content-type": "text/xml; charset=utf-8", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await call(gateway(one), "POST", "/soap/lis", body.encode() if isinstance(body, str) else body, given)


def code(response: Response) -> str:
    return response.text("code")


# ── who is let in ────────────────────────────────────────────────────────────────────────────────────


async def test_a_signature_by_a_pinned_certificate_is_a_credential(state: State) -> None:
    one = world(state, registered())
    response = await post(one, signed())
    assert response.status == 200, response.body
    assert one.journal.outcomes[0].consumer == "his"
    sent = one.connector.sent[0]
    assert b"Security" not in sent.body
    assert b"V1" in sent.body


async def test_a_signed_message_that_comes_twice_is_refused_the_second_time(state: State) -> None:
    one, body = world(state, registered()), signed()
    assert (await post(one, body)).status == 200
    again = await post(one, body.replace(b"</ds:SignatureValue>", b"\n</ds:SignatureValue>"))
    assert (again.status, code(again)) == (401, "not-authenticated")
    assert "sent before" in again.text("faultstring")
    assert len(one.connector.sent) == 1


async def test_a_stranger_and_a_forger_learn_that_the_header_does_not_hold(state: State) -> None:
    for body in (signed(signer=STRANGER), signed().replace(b"V1", b"V2"), signed(now=time.time() - 900)):
        one = world(state, registered())
        response = await post(one, body)
        assert (response.status, code(response)) == (401, "security")
        assert one.journal.outcomes[0].error == "security"
        assert one.connector.sent == []


async def test_a_signature_beside_another_credential_must_be_of_the_same_caller(state: State) -> None:
    one = world(state, registered())
    assert code(await post(one, signed(), x_api_key="kiosk")) == "not-authenticated"
    assert one.connector.sent == []


async def test_an_operation_that_wants_a_signature_takes_nothing_else(state: State) -> None:
    registry = registered(Security(identity=BUS), require=frozenset({"signature"}))
    one = world(state, registry)
    assert code(await post(one, envelope(ORDER), x_api_key="kiosk")) == "security"
    rest = await call(
        gateway(one),
        "POST",
        "/rest/lis/PlaceOrder",
        b"<a/>",
        {"content-type": "application/xml", "x-api-key": "kiosk"},
    )
    assert rest.status == 401
    assert one.connector.sent == []
    assert (await post(one, signed())).status == 200


async def test_an_operation_that_wants_encryption_is_not_content_with_a_signature(state: State) -> None:
    registry = registered(Security(identity=BUS), require=frozenset({"signature", "encryption"}))
    one = world(state, registry)
    assert code(await post(one, signed())) == "security"
    response = await post(one, signed(encrypt_for=BUS.certificate))
    assert response.status == 200, response.body
    assert b"V1" in one.connector.sent[0].body


async def test_an_encrypted_message_for_a_service_without_a_key_is_refused(state: State) -> None:
    one = world(state, registered())
    assert code(await post(one, signed(encrypt_for=BUS.certificate))) == "security"


async def test_a_signature_that_nobody_here_can_judge_is_not_taken_for_understood(state: State) -> None:
    one = world(state, replace(registered(), pins=Pins(())))
    response = await post(one, signed(), x_api_key="kiosk")
    assert code(response) == "must-understand"
    assert one.connector.sent == []


async def test_a_security_header_that_the_manifest_passes_on_reaches_the_provider_untouched(state: State) -> None:
    registry = registered()
    service = registry.services["lis"]
    version = replace(service.versions["1"], headers=frozenset({ns.clark(ns.WSSE, "Security")}))
    one = world(state, replace(registry, services={"lis": replace(service, versions={"1": version})}))
    body = signed(signer=STRANGER)
    assert (await post(one, body, x_api_key="kiosk")).status == 200
    assert one.connector.sent[0].body == body


async def test_a_stale_timestamp_is_refused_even_where_nothing_is_signed(state: State) -> None:
    def stamped(created: str) -> str:
        return envelope(
            ORDER,
            header=f'<w:Security xmlns:w="{ns.WSSE}" xmlns:u="{ns.WSU}" s:mustUnderstand="1"><u:Timestamp>'
            f"<u:Created>{created}</u:Created></u:Timestamp></w:Security>",
        )

    one = world(state, registered())
    assert code(await post(one, stamped("2020-01-01T00:00:00Z"), x_api_key="kiosk")) == "security"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert (await post(one, stamped(now), x_api_key="kiosk")).status == 200
    assert b"Security" not in one.connector.sent[0].body


# ── what the reply bears ─────────────────────────────────────────────────────────────────────────────


async def test_a_reply_is_signed_and_encrypted_for_whoever_asked(state: State) -> None:
    one = world(state, registered(Security(identity=BUS, give=frozenset({"signature", "encryption"}))))
    response = await post(one, signed())
    assert response.status == 200
    assert b"order_no" not in response.body
    opened, proof = open_message(
        open_envelope(parse(response.body)),
        Pins([Pin(BUS.certificate.sha256, BUS.certificate)]),
        HIS,
        time.time(),
    )
    assert proof.certificate is not None
    assert proof.encrypted
    assert opened.payload is not None
    assert etree.QName(opened.payload).localname == "PlaceOrderResponse"


async def test_a_reply_that_could_not_be_encrypted_is_refused_before_anything_is_done(state: State) -> None:
    one = world(state, registered(Security(identity=BUS, give=frozenset({"signature", "encryption"}))))
    assert code(await post(one, envelope(ORDER), x_api_key="kiosk")) == "security"
    assert one.connector.sent == []


def addressed(blocks: str, namespace: str = ns.WSA, soap: str = SOAP11) -> str:
    header = f'<h xmlns="urn:h"/>{blocks}'.replace(
        "<a:",
        "<a:",
    )
    return envelope(ORDER, header=header, namespace=soap).replace("<s:Header>", f'<s:Header xmlns:a="{namespace}">')


@pytest.mark.parametrize("namespace", [ns.WSA, ns.WSA_2004])
async def test_a_reply_names_the_request_that_it_answers(state: State, namespace: str) -> None:
    one = world(state, registered())
    body = addressed("<a:MessageID>urn:m:1</a:MessageID><a:Action>urn:lab/PlaceOrder</a:Action>", namespace)
    response = await post(one, body, x_api_key="kiosk")
    assert response.status == 200, response.body
    assert response.text("RelatesTo") == "urn:m:1"
    assert response.text("Action") == "urn:lab/PlaceOrderResponse"
    assert b"urn:m:1" not in one.connector.sent[0].body
    assert b"urn:h" in one.connector.sent[0].body


async def test_a_fault_names_the_request_that_it_answers(state: State) -> None:
    one = world(state, registered())
    body = addressed("<a:MessageID>urn:m:1</a:MessageID>").replace("PlaceOrder", "Unheard")
    response = await post(one, body, x_api_key="kiosk")
    assert code(response) == "unknown-operation"
    assert (response.text("RelatesTo"), response.text("Action")) == ("urn:m:1", f"{ns.WSA}/soap/fault")


async def test_a_reply_with_addressing_is_signed_over_it(state: State) -> None:
    one = world(state, registered(Security(identity=BUS, give=frozenset({"signature"}))))
    response = await post(one, signed(addressed("<a:MessageID>urn:m:1</a:MessageID>")))
    assert response.status == 200
    opened, _ = open_message(
        open_envelope(parse(response.body)), Pins([Pin(BUS.certificate.sha256)]), None, time.time()
    )
    assert ns.clark(ns.WSA, "RelatesTo") in [block.tag for block in opened.headers]


async def test_an_addressing_action_finds_the_operation_where_soapaction_is_missing(state: State) -> None:
    one = world(state, registered(element="{urn:other}X"))
    body = addressed("<a:Action>urn:lab/PlaceOrder</a:Action>")
    assert (await post(one, body, x_api_key="kiosk")).status == 200
    assert code(await post(one, envelope(ORDER), x_api_key="kiosk")) == "unknown-operation"


async def test_an_addressing_action_of_another_operation_is_refused(state: State) -> None:
    plain = snapshot(operation(), operation("CancelOrder"))
    one = world(state, replace(plain, consumers={"kiosk": KIOSK_CONSUMER}))
    body = addressed("<a:Action>urn:lab/CancelOrder</a:Action>")
    assert code(await post(one, body, x_api_key="kiosk")) == "bad-request"
    assert code(await post(one, body, x_api_key="kiosk", soapaction='"urn:lab/PlaceOrder"')) == "bad-request"
    assert one.connector.sent == []


# ── replies that go elsewhere ────────────────────────────────────────────────────────────────────────

LISTED = replace(KIOSK_CONSUMER, reply_to=("http://his.example:8080/replies/",))


def reply_to(address: str) -> str:
    return addressed(f"<a:MessageID>urn:m:1</a:MessageID><a:ReplyTo><a:Address>{address}</a:Address></a:ReplyTo>")


async def test_a_listed_reply_address_gets_the_reply_through_the_outbox(state: State) -> None:
    one = world(state, replace(registered(), consumers={"kiosk": LISTED}))
    response = await post(one, reply_to("http://his.example:8080/replies/7"), x_api_key="kiosk")
    assert (response.status, response.body) == (202, b"")
    (letter,) = one.outbox.letters
    assert letter.queue == "replies"
    assert b"http://his.example:8080/replies/7" in letter.body


@pytest.mark.parametrize(
    "address",
    [
        "http://his.example:8080/", "http://his.example/replies/7", "https://his.example:8080/replies/7",
        "http://his.example:8080/replies/../admin", "http://his.example:8080@evil.example/replies/7",
        "http://his.example:8080.evil.example/replies/", "http://evil.example/http://his.example:8080/replies/",
        "http://his.example:8080/replies/#x", "http://his.example:8080/replies/%2e%2e/admin",
        "http://[::1/replies/", "",
    ],
)  # fmt: skip
async def test_an_address_that_is_only_like_a_listed_one_gets_nothing(state: State, address: str) -> None:
    one = world(state, replace(registered(), consumers={"kiosk": LISTED}))
    assert code(await post(one, reply_to(address), x_api_key="kiosk")) == "addressing"
    assert (one.connector.sent, one.outbox.letters) == ([], [])


async def test_a_caller_that_wants_no_reply_gets_none(state: State) -> None:
    one = world(state, registered())
    response = await post(one, reply_to(f"{ns.WSA}/none"), x_api_key="kiosk")
    assert (response.status, response.body, one.outbox.letters) == (202, b"", [])
    assert len(one.connector.sent) == 1


async def test_a_message_id_counts_once_where_the_manifest_says_so(state: State) -> None:
    once = replace(KIOSK_CONSUMER, message_ids_once=True)
    one = world(state, replace(registered(), consumers={"kiosk": once}))
    body = addressed("<a:MessageID>urn:m:1</a:MessageID>")
    assert (await post(one, body, x_api_key="kiosk")).status == 200
    assert code(await post(one, body, x_api_key="kiosk")) == "not-authenticated"
    assert code(await post(one, envelope(ORDER), x_api_key="kiosk")) == "not-authenticated"
    assert len(one.connector.sent) == 1


# ── mustUnderstand ───────────────────────────────────────────────────────────────────────────────────


async def test_a_soap_12_fault_names_the_block_that_nobody_understood(state: State) -> None:
    one = world(state, registered())
    body = envelope(ORDER, header='<t:Tx xmlns:t="urn:tx" s:mustUnderstand="true"/>', namespace=SOAP12)
    response = await post(one, body, x_api_key="kiosk", content_type="application/soap+xml")
    (block,) = response.xml.iter(f"{{{SOAP12}}}NotUnderstood")
    prefix, _, name = block.get("qname").partition(":")
    assert (block.nsmap[prefix], name) == ("urn:tx", "Tx")


async def test_a_mandatory_block_that_the_contract_declares_goes_on_to_the_provider(state: State) -> None:
    registry = registered()
    service = registry.services["lis"]
    version = replace(service.versions["1"], headers=frozenset({"{urn:tx}Tx"}))
    one = world(state, replace(registry, services={"lis": replace(service, versions={"1": version})}))
    body = envelope(ORDER, header='<t:Tx xmlns:t="urn:tx" s:mustUnderstand="1"/>')
    assert (await post(one, body, x_api_key="kiosk")).status == 200
    assert one.connector.sent[0].body == body.encode()


async def test_multi_reference_bodies_and_cycles_of_href_end_as_faults(state: State) -> None:
    cycle = '<PlaceOrder xmlns="urn:lab" href="#a"/><m xmlns="urn:lab" id="a" href="#a"/>'
    one = world(state, registered())
    response = await post(one, envelope(cycle), x_api_key="kiosk")
    assert code(response) in ("envelope", "malformed", "contract")
    assert one.connector.sent == []
