"""What the bus writes into a provider's envelope, and which replies it believes: signatures, encryption, addressing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from certificates import identity
from msgspec import structs
from provider_messages import ENVELOPE, message_to

from bus.connectors.connector import ProviderConnector
from bus.errors import ProviderLied
from bus.message import Message
from bus.ports import Inbound, Outbound
from registry.model import Auth, Security
from transformers import ns
from transformers.certificates import Pin, Pins
from transformers.soap import open_envelope
from transformers.ws_addressing import add_blocks, read_addressing, reply_blocks
from transformers.ws_message import open_message, protect
from transformers.xml import parse, serialise

BUS, LIS, STRANGER = identity("bus"), identity("lis"), identity("stranger")
ID = "0192f0c1" + "0" * 24
REPLY = ENVELOPE.replace(b'<a xmlns="urn:lab"/>', b'<b xmlns="urn:lab">7</b>')
FAULT = ENVELOPE.replace(b'<a xmlns="urn:lab"/>', b"<soap:Fault><faultcode>soap:Server</faultcode></soap:Fault>")

Answer = Callable[[Outbound], Inbound]


class Provider:
    """Answers by a function, and keeps what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[Outbound] = []

    async def send(self, outbound: Outbound) -> Inbound:
        self.sent.append(outbound)
        return self.answer(outbound)


def plain(body: bytes = REPLY, status: int = 200, kind: str = "text/xml; charset=utf-8") -> Answer:
    return lambda _: Inbound(status, {"content-type": kind}, body)


def signed(body: bytes = REPLY, signer: Any = LIS, **options: Any) -> Answer:
    def answer(_: Outbound) -> Inbound:
        root = parse(body)
        protect(root, signer, time.time(), **options)
        return Inbound(200, {"content-type": "text/xml; charset=utf-8"}, serialise(root))

    return answer


def message(give: str = "signature", require: str = "signature", *, addressing: bool = False, **fields: Any) -> Message:
    security = Security(BUS, LIS.certificate, frozenset(give.split()), frozenset(require.split()))
    auth = Auth("wss-x509", security=security) if give else Auth()
    made = structs.replace(message_to("http://lis/api", auth=auth, **fields), id=ID)
    assert made.version is not None
    assert made.version.provider is not None
    provider = replace(made.version.provider, addressing=addressing)
    return structs.replace(made, version=replace(made.version, provider=provider))


async def sent(provider: Provider, one: Message) -> Message:
    return await ProviderConnector(provider).send(one)


def opened(outbound: Outbound) -> Any:
    pins = Pins([Pin(BUS.certificate.sha256, BUS.certificate)])
    return open_message(open_envelope(parse(outbound.body)), pins, LIS, time.time())


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
async def test_a_request_is_signed_in_the_providers_charset_and_its_reply_verified(charset: str) -> None:
    body = ENVELOPE.decode().replace('<a xmlns="urn:lab"/>', '<a xmlns="urn:lab">血常规</a>').encode(charset)
    provider = Provider(signed())
    reply = await sent(provider, message(charset=charset, body=body))
    assert b"Security" not in reply.body
    assert b">7<" in reply.body
    outbound = structs.replace(provider.sent[0], body=provider.sent[0].body.decode(charset).encode())
    envelope, proof = opened(outbound)
    assert (proof.certificate.sha256, proof.encrypted) == (BUS.certificate.sha256, False)
    assert envelope.payload.text == "血常规"


async def test_a_request_is_encrypted_for_the_provider_and_its_reply_decrypted() -> None:
    provider = Provider(signed(encrypt_for=BUS.certificate))
    reply = await sent(provider, message("signature encryption", "signature encryption"))
    assert b">7<" in reply.body
    assert b"urn:lab" not in provider.sent[0].body
    assert opened(provider.sent[0])[1].encrypted


@pytest.mark.parametrize(
    ("answer", "require"),
    [
        (plain(), "signature"),
        (plain(FAULT, 500), "signature"),
        (signed(signer=STRANGER), "signature"),
        (signed(), "signature encryption"),
        (plain(b"<html/>", kind="text/html"), "signature"),
        (plain(b"", kind=""), "signature"),
        (plain(b"<a/>"), "signature"),
    ],
    ids=["unsigned", "unsigned-fault", "stranger", "not-encrypted", "html", "empty", "no-envelope"],
)
async def test_a_reply_that_is_not_signed_as_agreed_is_not_believed(answer: Answer, require: str) -> None:
    with pytest.raises(ProviderLied):
        await sent(Provider(answer), message(require=require))


async def test_a_changed_reply_is_not_believed() -> None:
    def changed(outbound: Outbound) -> Inbound:
        inbound = signed()(outbound)
        return structs.replace(inbound, body=inbound.body.replace(b">7<", b">8<"))

    with pytest.raises(ProviderLied, match="does not fit"):
        await sent(Provider(changed), message())


async def test_an_unsigned_reply_passes_where_the_manifest_asks_for_none() -> None:
    assert b">7<" in (await sent(Provider(plain()), message(require=""))).body


def relating(to: str) -> Answer:
    def answer(outbound: Outbound) -> Inbound:
        request = read_addressing(open_envelope(parse(outbound.body)))
        assert request is not None
        root = parse(REPLY)
        add_blocks(
            root, open_envelope(root).version, reply_blocks(replace(request, message_id=to or request.message_id), ID)
        )
        return Inbound(200, {"content-type": "text/xml"}, serialise(root))

    return answer


async def test_a_request_with_addressing_says_what_it_is_and_where_its_reply_goes() -> None:
    provider = Provider(relating(""))
    reply = await sent(provider, message("", "", addressing=True))
    found = read_addressing(open_envelope(parse(provider.sent[0].body)))
    assert found is not None
    assert (found.action, found.reply_to) == ("urn:lab/PlaceOrder", None)
    assert b"http://lis/api" in provider.sent[0].body
    assert ns.WSA.encode() not in reply.body


async def test_a_reply_to_another_request_is_not_believed() -> None:
    with pytest.raises(ProviderLied, match="another request"):
        await sent(Provider(relating("urn:uuid:other")), message("", "", addressing=True))


async def test_addressing_is_written_before_the_signature_and_covered_by_it() -> None:
    provider = Provider(signed())
    await sent(provider, message(addressing=True))
    envelope, _ = opened(provider.sent[0])
    assert ns.clark(ns.WSA, "MessageID") in [block.tag for block in envelope.headers]
