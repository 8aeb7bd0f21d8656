"""Attachments through the gateway: streamed, or in the document, as each side takes them; and their record."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from asgi_caller import Response, call, gateway
from gateway_worlds import JSON, SOAP
from lxml import etree
from msgspec import structs
from twins import LAB, SOAP11, SOAP12, World, envelope, operation, snapshot

from bus.attachments import Attachments
from bus.errors import ProviderLied, ProviderUnreachable
from bus.message import Message
from bus.settings import Settings
from registry.attachments import binaries
from registry.model import AttachmentRules, Check
from registry.shapes import by_shape
from transformers.errors import PackageInvalid, Violation
from transformers.multipart import Event, Part
from transformers.related import RelatedReader, RelatedWriter, Style
from transformers.xml_json import shape_from_xsd

XOP = "http://www.w3.org/2004/08/xop/include"
SCAN = b"\x89PNG" + bytes(range(256)) * 8
TEXT = b64encode(SCAN).decode()

SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{LAB}"
 elementFormDefault="qualified">
<xs:element name="PlaceOrder"><xs:complexType><xs:sequence><xs:element name="visit_no" type="xs:string"/>
<xs:element name="scan" type="xs:base64Binary" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="PlaceOrderResponse"><xs:complexType><xs:sequence><xs:element name="report" type="xs:base64Binary"/>
</xs:sequence></xs:complexType></xs:element></xs:schema>""".encode()
REQUEST, REPLY = (shape_from_xsd(SCHEMA, root=name) for name in ("PlaceOrder", "PlaceOrderResponse"))


def order(scan: str, namespace: str = SOAP11) -> str:
    inner = f'<PlaceOrder xmlns="{LAB}"><visit_no>V1</visit_no><scan>{scan}</scan></PlaceOrder>'
    return envelope(inner, namespace=namespace)


def placed(report: str) -> str:
    return envelope(f'<PlaceOrderResponse xmlns="{LAB}"><report>{report}</report></PlaceOrderResponse>')


def include(key: str) -> str:
    return f'<x:Include xmlns:x="{XOP}" href="cid:{key}"/>'


Parts = Mapping[str, bytes]


def package(style: Style, root_type: str, root: str, parts: Parts) -> tuple[str, bytes]:
    writer = RelatedWriter(style, root_type)
    body = writer.root() + root.encode()
    for key, data in parts.items():
        body += writer.part(key, {"content-type": "image/png"}) + data
    return writer.content_type, body + writer.end()


def opened(content_type: str, body: bytes) -> tuple[str, bytes, list[bytes]]:
    reader = RelatedReader(content_type)
    parts: list[bytes] = []
    for event in reader.feed(body):
        if isinstance(event, Part):
            parts.append(b"")
        else:
            parts[-1] += event
    reader.close()
    return reader.style, parts[0], parts[1:]


class Provider:
    """A connector that reads what streams to it and answers as it was told; ``breaks`` after its first block."""

    def __init__(self, reply: str = "", parts: Parts | None = None, style: Style = "mtom") -> None:
        self.reply = reply or placed("")
        self.parts = parts
        self.style = style
        self.sent: list[Message] = []
        self.received: dict[str, bytes] = {}
        self.breaks: Callable[[], Exception] | None = None

    async def send(self, message: Message) -> Message:
        self.sent.append(message)
        if message.attachments is not None:
            async for key, event in message.attachments.read():
                self.received[key] = self.received.get(key, b"") + (b"" if isinstance(event, Part) else event)
        attachments = None
        if self.parts is not None:
            blame: Callable[[Any], Any] = lambda error: ProviderLied(str(error))  # noqa: E731
            attachments = Attachments(self.style, self._events(), limit=1 << 20, blame=blame)
        return structs.replace(
            message,
            body=self.reply.encode(),
            content_type="text/xml; charset=utf-8",
            status=200,
            charset="utf-8",
            content=None,
            wire=None,
            headers={},
            attachments=attachments,
        )

    async def _events(self) -> AsyncIterator[Event]:
        for key, data in (self.parts or {}).items():
            yield Part({"content-id": f"<{key}>", "content-type": "image/png"})
            yield data[:100]
            if self.breaks is not None:
                raise self.breaks()
            yield data[100:]


def world(style: Any = "mtom", provider: Provider | None = None, protocol: str = "soap11", **changes: Any) -> World:
    request, reply = by_shape(REQUEST), by_shape(REPLY)
    rules = None if style is None else AttachmentRules(style, threshold=64)
    one = operation(
        attachments=rules,
        binaries=binaries(REQUEST),
        reply_binaries=binaries(REPLY),
        to_json=request.to_json,
        to_xml=request.to_xml,
        reply_to_json=reply.to_json,
        reply_to_xml=reply.to_xml,
        http_path="/orders",
        **changes,
    )
    return World(snapshot(one, protocol=protocol), connector=provider or Provider())  # type: ignore[arg-type]


async def post(
    one: World, content_type: str, body: bytes, path: str = "/soap/lis", step: int = 1000, **headers: str
) -> Response:
    blocks = [body[at : at + step] for at in range(0, len(body), step)] or [b""]
    given = {**SOAP, **headers, "content-type": content_type}
    return await call(gateway(one), "POST", path, blocks, given)


def attached_facts(one: World, stage: str) -> list[dict[str, Any]]:
    (record,) = one.journal.outcomes
    return next((json.loads(body.data) for body in record.bodies if body.stage == stage), [])


def provider_of(one: World) -> Provider:
    return one.connector  # type: ignore[return-value]


class TestStreamed:
    """Both sides want the same style: the root is read, the rest passes by."""

    async def test_an_mtom_request_reaches_the_provider_as_it_was_sent(self) -> None:
        one = world()
        kind, body = package("mtom", "text/xml; charset=utf-8", order(include("a@x")), {"a@x": SCAN})
        response = await post(one, kind, body)
        assert response.status == 200
        (sent,) = provider_of(one).sent
        assert sent.body == order(include("a@x")).encode()
        assert provider_of(one).received == {"a@x": SCAN}

    async def test_soap_with_attachments_reaches_a_provider_that_takes_it(self) -> None:
        one = world("swa")
        kind, body = package("swa", "text/xml; charset=utf-8", order("cid:a@x"), {"a@x": SCAN, "b@x": b"extra"})
        assert (await post(one, kind, body)).status == 200
        assert provider_of(one).received == {"a@x": SCAN, "b@x": b"extra"}

    async def test_the_reply_streams_back_to_a_caller_that_sent_mtom(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        kind, body = package("mtom", "text/xml; charset=utf-8", order(include("a@x")), {"a@x": b"1"})
        response = await post(one, kind, body)
        assert opened(response.headers["content-type"], response.body) == (
            "mtom", placed(include("r@x")).encode(), [SCAN],
        )  # fmt: skip

    async def test_a_caller_of_soap_12_is_bridged_and_its_attachments_stream(self) -> None:
        one = world()
        kind, body = package("mtom", "application/soap+xml", order(include("a@x"), SOAP12), {"a@x": SCAN})
        assert (await post(one, kind, body)).status == 200
        (sent,) = provider_of(one).sent
        assert etree.fromstring(sent.body).tag == f"{{{SOAP11}}}Envelope"
        assert b":Include" in sent.body
        assert provider_of(one).received == {"a@x": SCAN}

    async def test_a_json_root_with_parts_streams_to_an_mtom_provider(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        kind, body = package("related", "application/json", '{"visit_no":"V1","scan":"cid:a@x"}', {"a@x": SCAN})
        response = await post(one, kind, body, "/rest/lis/orders", accept="multipart/related")
        (sent,) = provider_of(one).sent
        assert etree.fromstring(sent.body).find(f".//{{{XOP}}}Include").get("href") == "cid:a@x"  # type: ignore[union-attr]
        assert provider_of(one).received == {"a@x": SCAN}
        style, root, parts = opened(response.headers["content-type"], response.body)
        assert (style, json.loads(root), parts) == ("related", {"report": "cid:r@x"}, [SCAN])

    async def test_a_check_judges_the_document_without_what_is_attached(self) -> None:
        seen: list[str] = []

        def check(document: Any) -> tuple[Violation, ...]:
            seen.append(document.findtext(f"{{{LAB}}}scan"))
            return ()

        one = world(request_check=Check("reject", check))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        assert (await post(one, kind, body)).status == 200
        assert seen in ([""], [None])


class TestInTheDocument:
    """One side attaches and the other does not."""

    async def test_an_mtom_caller_reaches_a_provider_that_wants_base64(self) -> None:
        one = world("inline")
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        assert (await post(one, kind, body)).status == 200
        assert TEXT.encode() in provider_of(one).sent[0].body
        assert b"Include" not in provider_of(one).sent[0].body

    async def test_base64_of_a_plain_caller_is_attached_for_an_mtom_provider(self) -> None:
        one = world()
        assert (await post(one, "text/xml", order(TEXT).encode())).status == 200
        (sent,) = provider_of(one).sent
        assert TEXT.encode() not in sent.body
        assert b"Include" in sent.body
        assert list(provider_of(one).received.values()) == [SCAN]

    async def test_a_plain_caller_gets_what_an_mtom_provider_attached_in_base64(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        response = await post(one, "text/xml", order("").encode())
        assert response.headers["content-type"].startswith("text/xml")
        assert response.text("report") == TEXT

    async def test_an_mtom_caller_gets_parts_from_a_provider_that_answers_base64(self) -> None:
        one = world("inline", Provider(placed(TEXT)))
        kind, body = package("mtom", "text/xml", order(""), {})
        response = await post(one, kind, body)
        style, root, parts = opened(response.headers["content-type"], response.body)
        assert (style, parts) == ("mtom", [SCAN])
        assert b"Include" in root

    async def test_a_json_caller_sends_and_gets_base64(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        body = json.dumps({"visit_no": "V1", "scan": TEXT}).encode()
        response = await call(gateway(one), "POST", "/rest/lis/orders", body, JSON)
        assert json.loads(response.body) == {"report": TEXT}
        assert list(provider_of(one).received.values()) == [SCAN]

    async def test_a_form_with_a_file_is_a_document_with_base64(self) -> None:
        one = world("inline")
        body = (
            b'--b\r\nContent-Disposition: form-data; name="visit_no"\r\n\r\nV1\r\n--b\r\n'
            b'Content-Disposition: form-data; name="scan"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
            + SCAN
            + b"\r\n--b--\r\n"
        )
        response = await post(one, "multipart/form-data; boundary=b", body, "/rest/lis/orders")
        assert response.status == 200, response.body
        assert TEXT.encode() in provider_of(one).sent[0].body

    async def test_a_swa_provider_and_a_plain_caller_meet_in_data_urls(self) -> None:
        one = world("swa", Provider(placed("cid:r@x"), {"r@x": SCAN}, "swa"))
        response = await post(one, "text/xml", order(f"data:image/png;base64,{TEXT}").encode())
        assert list(provider_of(one).received.values()) == [SCAN]
        assert b">cid:" in provider_of(one).sent[0].body
        assert response.text("report") == f"data:image/png;base64,{TEXT}"

    async def test_an_accepted_message_takes_its_attachments_along(self) -> None:
        one = world(mode="async")
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        assert (await post(one, kind, body)).status == 200
        assert one.outbox.letters[0].body

    async def test_what_does_not_fit_into_a_document_is_refused(self) -> None:
        one = replace(world("inline"), settings=Settings(max_body=2000))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        assert (await post(one, kind, body)).text("code") == "too-large"


class TestRefused:
    """What is wrong with a package is said to whoever sent it."""

    async def test_an_operation_without_attachments_says_so(self) -> None:
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        response = await post(world(None), kind, body)
        assert (response.status, response.text("code")) == (415, "media-type")
        form = await post(world(None), "multipart/form-data; boundary=b", b"--b--", "/rest/lis/orders")
        assert form.status == 415

    @pytest.mark.parametrize(
        ("scan", "parts"),
        [
            (include("http://10.0.0.1/"), {}),
            (include("missing@x"), {"a@x": SCAN}),
            (include("a@x"), {}),
            (include("a&quot;]"), {"a@x": SCAN}),
        ],
    )
    @pytest.mark.parametrize("style", ["mtom", "inline"])
    async def test_references_that_lead_nowhere_are_refused(self, style: str, scan: str, parts: Parts) -> None:
        one = world(style)
        response = await post(one, *package("mtom", "text/xml", order(scan), parts))
        assert (response.status, response.text("code")) == (500, "attachments")
        (record,) = one.journal.outcomes
        assert (record.status, record.error) == ("error", "attachments")

    async def test_more_than_the_limit_is_refused_on_its_way(self) -> None:
        one = replace(world(), settings=Settings(max_attachments=1000))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        response = await post(one, kind, body)
        assert (response.status, response.text("code")) == (413, "too-large")

    async def test_a_root_over_the_limit_of_bodies_is_refused(self) -> None:
        one = replace(world(), settings=Settings(max_body=100))
        response = await post(one, *package("mtom", "text/xml", order(include("a@x")), {"a@x": b""}))
        assert (response.status, response.text("code")) == (413, "too-large")

    async def test_a_packed_package_is_refused(self) -> None:
        kind, body = package("mtom", "text/xml", order(""), {})
        response = await post(world(), kind, body, **{"content-encoding": "gzip"})
        assert response.status == 415

    async def test_a_caller_that_hangs_up_in_the_middle_is_journaled(self) -> None:
        one = world()
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        await call(gateway(one), "POST", "/soap/lis", [body[:-500]], {**SOAP, "content-type": kind}, leaves=True)
        (record,) = one.journal.outcomes
        assert record.error == "caller-gone"
        (fact,) = attached_facts(one, "request.attachments")
        assert (fact["sha256"], fact["size"] < len(SCAN)) == ("", True)


class TestJournal:
    """The outcome is on disk before the last block; the content of attachments never is."""

    async def test_it_keeps_the_roots_and_what_was_attached_but_not_its_content(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": SCAN})
        await post(one, kind, body)
        digest = hashlib.sha256(SCAN).hexdigest()
        fact = {"content_id": "a@x", "content_type": "image/png", "size": len(SCAN), "sha256": digest}
        assert attached_facts(one, "request.attachments") == [fact]
        assert attached_facts(one, "reply.attachments") == [{**fact, "content_id": "r@x"}]
        (record,) = one.journal.outcomes
        assert [entry.stage for entry in record.bodies] == [
            "request", "request.attachments", "reply", "reply.attachments",
        ]  # fmt: skip
        assert all(SCAN[:40] not in entry.data for entry in record.bodies)

    async def test_the_outcome_is_on_disk_before_the_closing_boundary_leaves(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": b"1"})
        seen: list[tuple[bytes, bool]] = []
        await stream(one, kind, body, lambda block: seen.append((block, bool(one.journal.outcomes))))
        assert [done for _, done in seen[:-2]] == [False] * (len(seen) - 2)
        assert (seen[-2][0].strip().endswith(b"--"), seen[-2][1]) == (True, True)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ProviderUnreachable("the connection broke"), "provider-unreachable"),
            (PackageInvalid("a part has no Content-ID"), "provider-lied"),
            (RuntimeError("a fault of ours"), "internal"),
        ],
    )
    async def test_a_reply_that_breaks_off_is_an_error_and_stays_visibly_incomplete(
        self, error: Exception, code: str
    ) -> None:
        provider = Provider(placed(include("r@x")), {"r@x": SCAN})
        provider.breaks = lambda: error
        one = world(provider=provider)
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": b"1"})
        seen: list[bytes] = []
        try:
            finished = await stream(one, kind, body, seen.append)
        except RuntimeError:
            finished = False
        assert not finished
        assert not b"".join(seen).rstrip().endswith(b"--")
        (record,) = one.journal.outcomes
        assert (record.status, record.error) == ("error", code)

    async def test_a_caller_that_leaves_during_the_reply_is_journaled(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        kind, body = package("mtom", "text/xml", order(include("a@x")), {"a@x": b"1"})
        assert not await stream(one, kind, body, lambda block: None, leaves=True)
        (record,) = one.journal.outcomes
        assert record.error == "caller-gone"

    async def test_a_caller_that_takes_nothing_for_too_long_is_left(self) -> None:
        one = world(provider=Provider(placed(include("r@x")), {"r@x": SCAN}))
        one.settings = Settings(body_timeout=0.05)
        kind, body = package("mtom", "text/xml; charset=utf-8", order(include("a@x")), {"a@x": b"1"})
        assert not await stream(one, kind, body, lambda block: None, stalls=True)
        (record,) = one.journal.outcomes
        assert record.error == "caller-gone"


async def stream(
    one: World,
    content_type: str,
    body: bytes,
    see: Callable[[bytes], None],
    *,
    leaves: bool = False,
    stalls: bool = False,
) -> bool:
    """Post a package and see each block of the answer; whether the answer came to its end."""
    events: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    ended = False

    async def receive() -> dict[str, Any]:
        if events:
            return events.pop(0)
        if not leaves:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        nonlocal ended
        await asyncio.sleep(0)
        if event["type"] == "http.response.body":
            if stalls:
                await asyncio.sleep(3600)
            see(event["body"])
            ended = not event.get("more_body", False)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/soap/lis",
        "raw_path": b"/soap/lis",
        "query_string": b"",
        "headers": [(b"content-type", content_type.encode()), (b"x-api-key", b"kiosk")],
    }
    await gateway(one)(scope, receive, send)
    return ended
