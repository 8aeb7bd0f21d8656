"""Trouble that is switched on in a running simulated system: what was done, what was not, and what the caller sees."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.simulators import emr
from services.simulators.context import Context
from services.simulators.ledger import Ledger
from services.simulators.trouble import Trouble

pytestmark = pytest.mark.integration

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def done() -> list[bytes]:
    """What the system has done."""
    return []


@pytest.fixture
async def client(done: list[bytes]) -> AsyncIterator[Client]:
    async def work(request: web.Request) -> web.Response:
        done.append(await request.read())
        return web.Response(text="done")

    app = web.Application()
    app.router.add_post("/work", work)
    Trouble().install(app)
    async with TestClient(TestServer(app, host="127.0.0.1")) as made:
        yield made


async def switch(client: Client, kind: str, seconds: float, **more: float) -> None:
    answer = await client.put("/trouble", json={"kind": kind, "seconds": seconds, **more})
    assert answer.status == 200


async def test_a_refusing_system_does_nothing_and_says_so(client: Client, done: list[bytes]) -> None:
    await switch(client, "refuse", 5)
    assert (await client.post("/work")).status == 503
    assert done == []


async def test_a_rejecting_system_answers_a_good_request_with_a_conflict(client: Client, done: list[bytes]) -> None:
    await switch(client, "reject", 5)
    assert (await client.post("/work")).status == 409
    assert done == []


async def test_a_breaking_system_does_the_work_and_cuts_the_connection(client: Client, done: list[bytes]) -> None:
    await switch(client, "break", 5)
    with pytest.raises(aiohttp.ClientError):
        await client.post("/work", data=b"1")
    assert done[0] == b"1"


async def test_a_mute_system_does_the_work_and_answers_at_the_end(client: Client, done: list[bytes]) -> None:
    await switch(client, "mute", 0.5)
    with pytest.raises(TimeoutError):
        await client.post("/work", data=b"1", timeout=aiohttp.ClientTimeout(total=0.2))
    assert done == [b"1"]
    assert await (await client.post("/work", data=b"2")).text() == "done"


async def test_a_hanging_system_never_does_the_work_of_a_caller_that_left(client: Client, done: list[bytes]) -> None:
    await switch(client, "hang", 0.5)
    with pytest.raises(TimeoutError):
        await client.post("/work", data=b"left", timeout=aiohttp.ClientTimeout(total=0.2))
    assert await (await client.post("/work", data=b"stayed")).text() == "done"
    assert done == [b"stayed"]


async def test_a_slow_system_answers_later_and_trouble_ends_by_itself(client: Client, done: list[bytes]) -> None:
    await switch(client, "slow", 0.3, delay=0.4)
    began = time.monotonic()
    assert (await client.post("/work")).status == 200
    assert time.monotonic() - began >= 0.4
    began = time.monotonic()
    assert (await client.post("/work")).status == 200
    assert time.monotonic() - began < 0.3


async def test_an_unknown_kind_of_trouble_is_refused_with_the_known_ones(client: Client) -> None:
    answer = await client.put("/trouble", json={"kind": "fire", "seconds": 1})
    assert answer.status == 400
    assert "slow, hang, mute, refuse, break, reject" in (await answer.json())["error"]


async def test_trouble_is_ordered_past_the_guards_of_a_system(tmp_path: Path) -> None:
    context = Context(Ledger(tmp_path / "emr.db"), "", environ={"EMR_TOKEN": "secret"})
    app = emr.application(context)
    Trouble().install(app)
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        await switch(client, "refuse", 5)
        assert (await client.get("/fhir/Patient/1")).status == 503
    await context.close(app)
