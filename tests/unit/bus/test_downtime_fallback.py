"""What a synchronous caller gets while a system is down: an error with its end, or what was good last, marked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from catalogues import SYSTEM, operation_of, problems, service
from gateway_worlds import rest, rest_world, soap, soap_world
from sqlalchemy import func, select
from twins import LAB, KeyIdentities, envelope

from bus.downtime.absent import View
from bus.downtime.memory import ReplyMemory
from bus.downtime.period import Downtime
from bus.downtime.tables import cached_reply
from bus.settings import Settings
from bus.state.store import State
from registry.model import Consumer, Policy

CACHED = Policy(downtime="cached")


def down(system: str = "lis", seconds: float = 600.0) -> View:
    now = time.time()
    one = Downtime(1, system, now - 60, now + seconds, "the vendor's secret upgrade", "li", now - 60)
    return View({system: one}, (one,))


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[ReplyMemory]:
    state = State(Settings(data=tmp_path))
    await state.start()
    kept = ReplyMemory(state)
    await kept.start()
    yield kept
    await kept.stop()
    await state.aclose()


async def kept(memory: ReplyMemory) -> int:
    """How many replies are on disk, once the writer has been by."""
    await memory.stop()
    await memory.start()
    return await memory._state.read(lambda c: c.scalar(select(func.count()).select_from(cached_reply)) or 0)


# ── the error ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rest_caller_gets_503_with_retry_after_and_no_word_of_the_reason() -> None:
    world = rest_world()
    world.downtimes = down(seconds=600)
    answer = await rest(world, accept_language="en")
    assert answer.status == 503
    assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert b"lis is down for planned maintenance until 20" in answer.body
    assert b"+08:00" in answer.body
    assert b"urn:meridian:problem:planned-downtime" in answer.body
    assert b"secret" not in answer.body
    assert world.connector.sent == []
    (record,) = world.journal.outcomes
    assert (record.status, record.error) == ("error", "planned-downtime")


async def test_a_soap_caller_gets_a_fault_with_retry_after() -> None:
    world = soap_world()
    world.downtimes = down(seconds=600)
    answer = await soap(world)
    assert answer.status == 500
    assert answer.text("faultcode").endswith("Server")
    assert answer.text("code") == "planned-downtime"
    assert 590 <= int(answer.text("retryAfter")) <= 600
    assert answer.headers["retry-after"] == answer.text("retryAfter")


async def test_the_downtime_of_another_system_concerns_nobody_else() -> None:
    world = rest_world()
    world.downtimes = down("pacs")
    assert (await rest(world)).status == 200


async def test_what_is_accepted_for_later_is_accepted_all_the_same() -> None:
    world = rest_world(mode="async")
    world.downtimes = down()
    assert (await rest(world)).status == 202
    assert world.outbox.letters[0].headers["x-meridian-system"] == "lis"


# ── the cached read ──────────────────────────────────────────────────────────────────────────────────


async def test_a_cached_read_is_answered_in_every_protocol_and_says_how_old_it_is(memory: ReplyMemory) -> None:
    world = rest_world(policy=CACHED)
    world.memory = memory
    assert (await rest(world)).status == 200
    await asyncio.sleep(1.1)
    world.downtimes = down()
    answer = await rest(world, b'{ "visit_no": "V1" }')
    assert (answer.status, answer.body) == (200, b'{"order_no":"A1"}')
    assert answer.headers["cache-status"] == "meridian; hit; detail=planned-downtime"
    assert int(answer.headers["age"]) >= 1
    told = await soap(world)
    assert (told.status, told.text("order_no")) == (200, "A1")
    (block,) = told.xml.xpath("//*[local-name()='Header']/*[local-name()='cached']")
    assert int(block.get("age")) >= 1
    assert len(world.connector.sent) == 1
    assert world.journal.outcomes[-1].status == "ok"
    assert "answered from the cache of 20" in world.journal.outcomes[-1].detail


async def test_an_answer_of_now_is_never_marked_as_cached(memory: ReplyMemory) -> None:
    world = soap_world(policy=CACHED)
    world.memory = memory
    answer = await soap(world)
    assert "cache-status" not in answer.headers
    assert "age" not in answer.headers
    assert not answer.xml.xpath("//*[local-name()='cached']")


async def test_a_cached_xml_reply_of_soap_bytes_survives_on_disk(memory: ReplyMemory) -> None:
    world = soap_world(policy=CACHED)
    world.memory = memory
    await soap(world)
    assert await kept(memory) == 1
    world.downtimes = down()
    same = envelope(f'<x:PlaceOrder   xmlns:x="{LAB}"><x:visit_no>V1</x:visit_no></x:PlaceOrder>')
    assert (await soap(world, same)).text("order_no") == "A1"
    other = same.replace("V1", "V2")
    assert (await soap(world, other)).status == 500


async def test_another_request_is_not_answered_with_a_neighbours_reply(memory: ReplyMemory) -> None:
    world = rest_world(policy=CACHED)
    world.memory = memory
    await rest(world)
    world.downtimes = down()
    assert (await rest(world, b'{"visit_no":"V2"}')).status == 503


async def test_a_reply_that_is_too_old_is_not_given(memory: ReplyMemory) -> None:
    world = rest_world(policy=replace(CACHED, cached_for=0.05))
    world.memory = memory
    await rest(world)
    await asyncio.sleep(0.1)
    world.downtimes = down()
    assert (await rest(world)).status == 503


async def test_a_bad_reply_is_not_remembered(memory: ReplyMemory) -> None:
    world = rest_world(b'{"error":"no such visit"}', 404, policy=CACHED)
    world.memory = memory
    await rest(world)
    assert await kept(memory) == 0


async def test_nothing_is_kept_of_operations_that_do_not_declare_it(memory: ReplyMemory) -> None:
    world = rest_world()
    world.memory = memory
    await rest(world)
    assert await kept(memory) == 0


async def test_a_caller_without_a_grant_gets_nothing_from_the_cache(memory: ReplyMemory) -> None:
    stranger = Consumer("stranger", {})
    world = rest_world(policy=CACHED)
    world.memory, world.identities = (
        memory,
        KeyIdentities({"kiosk": world.identities.consumers["kiosk"], "x": stranger}),
    )
    await rest(world)
    world.downtimes = down()
    assert (await rest(world, x_api_key="x")).status == 403


async def test_a_cached_body_is_packed_and_no_patient_can_be_read_in_the_store(memory: ReplyMemory) -> None:
    world = rest_world(b'{"order_no":"A1","name":"' + "张三".encode() * 40 + b'"}', policy=CACHED)
    world.memory = memory
    await rest(world)
    assert await kept(memory) == 1
    body = await memory._state.read(lambda c: c.scalar(select(cached_reply.c.body)))
    assert "张三张三".encode() not in body
    assert len(body) < 120


async def test_the_store_keeps_the_newest_replies_and_no_more(
    memory: ReplyMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.downtime.memory.MOST", 3)
    world = rest_world(policy=CACHED)
    world.memory = memory
    for number in range(5):
        await rest(world, b'{"visit_no":"V%d"}' % number)
    assert await kept(memory) == 3
    world.downtimes = down()
    assert [(await rest(world, b'{"visit_no":"V%d"}' % number)).status for number in range(5)] == [
        503,
        503,
        200,
        200,
        200,
    ]


# ── the manifest ─────────────────────────────────────────────────────────────────────────────────────


def test_a_read_may_be_cached_and_a_write_or_an_asynchronous_one_may_not() -> None:
    policy = operation_of("- {name: A, effect: read, policy: {downtime: cached, cached_for: 60}}").policy
    assert (policy.downtime, policy.cached_for) == ("cached", 60)
    (problem,) = problems(SYSTEM, service("- {name: A, effect: write, policy: {downtime: cached}}"))
    assert "A is a write, and no cache can do it" in problem
    (problem,) = problems(SYSTEM, service("- {name: A, effect: read, mode: async, policy: {downtime: cached}}"))
    assert "A is asynchronous" in problem


def test_a_versions_cached_policy_is_meant_for_its_synchronous_reads() -> None:
    head = "policy: {downtime: cached}"
    assert operation_of("- {name: A, effect: read}", head=head).policy.downtime == "cached"
    assert operation_of("- {name: A, effect: write}", head=head).policy.downtime == "error"


def test_supersedes_names_a_key_of_the_operation() -> None:
    keys = "keys: {visit_no: .visit_no}"
    assert (
        operation_of(f"- {{name: A, effect: write, mode: async, {keys}, supersedes: visit_no}}").supersedes
        == "visit_no"
    )
    (problem,) = problems(SYSTEM, service(f"- {{name: A, effect: write, mode: async, {keys}, supersedes: visit}}"))
    assert "the operation has no key 'visit'" in problem
    assert "visit_no" in problem
