"""The gateway with the SQLite journal on disk and a provider behind a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bus.connectors.connector import ProviderConnector
from bus.connectors.http import AioHttpClient
from bus.gateway.asgi import Gateway
from bus.journal.open import open_journal
from bus.journal.reader import Reader
from bus.message import Message
from bus.pipeline import Pipeline
from bus.ports import Letter, Ports
from bus.settings import Settings
from registry.model import (
    Call,
    Consumer,
    Endpoint,
    Grant,
    Operation,
    Policy,
    Provider,
    Service,
    ServiceVersion,
    Snapshot,
)

pytestmark = pytest.mark.integration

ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
ORDER = ENVELOPE.format('<PlaceOrder xmlns="urn:lab"><name>王晓东</name></PlaceOrder>').encode()
PLACED = ENVELOPE.format('<PlaceOrderResponse xmlns="urn:lab"><no>已受理</no></PlaceOrderResponse>').encode()
KIOSK = Consumer("kiosk", {"zh": "自助机", "en": "Kiosk"}, grants=(Grant("*", frozenset({"*"})),))


class Everybody:
    """Takes every caller for the kiosk, and admits it."""

    async def identify(self, message: Message, snapshot: Snapshot) -> Consumer:
        return KIOSK

    def admit(self, consumer: Consumer) -> None:
        return None


class NoOutbox:
    """Nothing is accepted for later here."""

    async def post(self, letters: list[Letter]) -> None:
        raise AssertionError("nothing may be posted")


@dataclass
class Source:
    snapshot: Snapshot


@dataclass
class Hospital:
    """One provider, the bus before it, and the provider's own book."""

    gateway: Gateway
    reader: Reader
    settings: Settings
    book: list[bytes]
    answers: list[tuple[int, bytes, str, float]]

    async def call(self, body: bytes = ORDER) -> tuple[int, bytes, str]:
        """Answer status, body and message id."""
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        await self.gateway(
            {
                "type": "http",
                "method": "POST",
                "path": "/soap/lis",
                "raw_path": b"/soap/lis",
                "query_string": b"",
                "headers": [(b"content-type", b"text/xml; charset=utf-8")],
            },
            receive,
            send,
        )
        return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])[b"x-meridian-message"].decode()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Hospital]:
    book: list[bytes] = []
    answers: list[tuple[int, bytes, str, float]] = []

    async def serve(request: web.Request) -> web.Response:
        book.append(await request.read())
        status, body, media, delay = answers.pop(0) if answers else (200, PLACED, "text/xml; charset=utf-8", 0.0)
        await asyncio.sleep(delay)
        return web.Response(status=status, body=body, headers={"Content-Type": media})

    application = web.Application()
    application.router.add_post("/lis", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    settings = replace(Settings(), data=folder)
    journal, reader = open_journal(settings)
    await journal.start()
    client = AioHttpClient(settings)
    everybody = Everybody()
    ports = Ports(
        settings=settings,
        registry=Source(_snapshot(f"http://127.0.0.1:{port}/lis")),
        journal=journal,
        identities=everybody,
        limiter=everybody,
        connector=ProviderConnector(client),
        outbox=NoOutbox(),  # type: ignore[arg-type]
    )

    async def ready() -> tuple[str, ...]:
        return ()

    try:
        yield Hospital(Gateway(Pipeline(ports), ports, ready=ready, metrics=bytes), reader, settings, book, answers)
    finally:
        await client.aclose()
        await journal.aclose()
        await runner.cleanup()


def _snapshot(url: str) -> Snapshot:
    place = Operation(
        service="lis", version="1", name="PlaceOrder", title={}, effect="write", mode="sync", form="xml",
        policy=Policy(timeout=0.5, retries=0), call=Call(), element="{urn:lab}PlaceOrder",
    )  # fmt: skip
    version = ServiceVersion(
        service="lis", version="1", system="lis", title={}, faces=frozenset({"soap11"}),
        provider=Provider("soap11", (Endpoint(url),)), operations={"PlaceOrder": place},
        by_element={place.element: place}, by_action={}, routes=(),
    )  # fmt: skip
    return Snapshot(revision=3, services={"lis": Service("lis", "1", {"1": version})})


async def test_an_exchange_is_read_back_from_disk_with_both_bodies_and_every_hop(tmp_path: Path) -> None:
    async with opened(tmp_path) as hospital:
        status, body, message_id = await hospital.call()
        assert (status, body) == (200, PLACED)
        assert hospital.book == [ORDER]
        record = await asyncio.to_thread(hospital.reader.message, message_id)
        assert record is not None
        assert {one.stage: one.data for one in record.bodies} == {"request": ORDER, "reply": PLACED}
        assert (record.status, record.attempts, record.revision, record.http_status) == ("ok", 1, 3, 200)
        assert len(record.hops) == 10
        assert record.sent_us > 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, PLACED, "text/xml", 2.0), "provider-timeout"),
        ((503, b"", "text/plain", 0.0), "provider-unavailable"),
        ((401, b"", "text/plain", 0.0), "provider-refused-us"),
        ((200, b"<html>login</html>", "text/html", 0.0), "provider-lied"),
        ((404, b"gone", "text/plain", 0.0), "provider-fault"),
    ],
)
async def test_every_trouble_behind_a_socket_is_told_apart_and_on_disk(
    tmp_path: Path, answer: tuple[int, bytes, str, float], code: str
) -> None:
    async with opened(tmp_path) as hospital:
        hospital.answers.append(answer)
        started = time.monotonic()
        status, body, message_id = await hospital.call()
        assert status == 500
        assert f"<m:code>{code}</m:code>".encode() in body
        assert time.monotonic() - started < 1.5
        record = await asyncio.to_thread(hospital.reader.message, message_id)
        assert record is not None
        assert record.error == code


async def test_many_callers_at_once_each_get_their_own_answer_and_record(tmp_path: Path) -> None:
    async with opened(tmp_path) as hospital:
        answers = await asyncio.gather(*(hospital.call() for _ in range(64)))
        assert {status for status, _, _ in answers} == {200}
        ids = {message_id for _, _, message_id in answers}
        assert len(ids) == len(hospital.book) == 64
        for message_id in ids:
            record = await asyncio.to_thread(hospital.reader.message, message_id)
            assert record is not None
            assert record.status == "ok"
