"""What every backbone promises, whatever carries it and wherever its state is kept."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from backbone_bus import PACE, QUICK, effects, eventually, letter, nothing, running, transactional
from sqlalchemy import Connection

from bus.backbone.dead_letters import replay
from bus.backbone.outbox import post
from bus.backbone.topology import CALLS, DELIVER, ENGINE
from bus.errors import ProviderFault, ProviderUnreachable
from bus.ports import Letter
from bus.settings import Settings

pytestmark = pytest.mark.integration


async def test_a_letter_arrives_whole_and_leaves_nothing_behind(any_installation: Settings) -> None:
    seen: list[Letter] = []
    sent = letter("1", ENGINE, lane="visit-1", body="血常规 \x00\xff".encode())
    async with running(any_installation, transactional(ENGINE, lambda _, got: seen.append(got))) as bus:
        await bus.outbox.post([sent])
        await eventually(lambda: bool(seen))
        await asyncio.sleep(0.2)
        assert await bus.waiting() == 0
    assert seen == [sent]


async def test_a_letter_published_twice_has_its_effect_once(any_installation: Settings) -> None:
    seen: list[str] = []

    async def handle(got: Letter, *, redelivered: bool) -> None:
        seen.append(got.id)

    async with running(any_installation, effects(CALLS, handle)) as bus:
        for _ in range(3):
            await bus.transport.publish([letter("twin", CALLS)])
        await eventually(lambda: bool(seen))
        await bus.transport.publish([letter("twin", CALLS)])
        await bus.outbox.post([letter("twin", CALLS), letter("last", CALLS)])
        await eventually(lambda: "last" in seen)
    assert seen == ["twin", "last"]


async def test_letters_of_one_lane_are_handled_in_order_and_one_at_a_time(any_installation: Settings) -> None:
    seen: list[str] = []
    at_once = 0
    failed = False

    async def handle(got: Letter, *, redelivered: bool) -> None:
        nonlocal at_once, failed
        if got.lane:
            at_once += 1
            assert at_once == 1
        try:
            await asyncio.sleep(0.002)
            if got.id == "lane-5" and not failed:
                failed = True
                raise ProviderUnreachable("no connection")
        finally:
            if got.lane:
                at_once -= 1
        seen.append(got.id)

    async with running(any_installation, effects(CALLS, handle)) as bus:
        for number in range(20):
            await bus.outbox.post([letter(f"lane-{number}", CALLS, lane="visit"), letter(f"free-{number}", CALLS)])
        await eventually(lambda: len(seen) == 40)
    assert [name for name in seen if name.startswith("lane")] == [f"lane-{number}" for number in range(20)]
    assert failed


async def test_a_failing_letter_holds_its_own_lane_and_not_its_neighbours(installation: Settings) -> None:
    seen: list[str] = []

    def handle(_: Connection, got: Letter) -> None:
        if got.id == "sick" and got.attempt < QUICK.attempts:
            raise ProviderUnreachable("no connection")
        seen.append(got.id)

    async with running(installation, transactional(ENGINE, handle)) as bus:
        await bus.outbox.post([letter("sick", ENGINE, lane="a"), letter("behind", ENGINE, lane="a")])
        await bus.outbox.post([letter("neighbour", ENGINE, lane="b")])
        await eventually(lambda: len(seen) == 3)
    assert seen == ["neighbour", "sick", "behind"]


async def test_a_failing_letter_is_retried_with_pauses_and_then_kept_with_its_reason(
    any_installation: Settings,
) -> None:
    attempts: list[int] = []

    async def handle(got: Letter, *, redelivered: bool) -> None:
        assert not redelivered
        attempts.append(got.attempt)
        raise ProviderUnreachable("LIS at 127.0.0.1 refuses connections")

    async with running(any_installation, effects(CALLS, handle)) as bus:
        await bus.outbox.post([letter("1", CALLS, body=b'{"order":1}')])
        dead = await bus.first_dead()
        assert await bus.waiting() == 0
    assert attempts == [1, 2, 3]
    assert (dead.code, dead.reason) == ("provider-unreachable", "LIS at 127.0.0.1 refuses connections")
    assert (dead.letter.body, dead.letter.attempt) == (b'{"order":1}', 3)
    assert [(one.attempt, one.code) for one in dead.history.entries] == [
        (attempt, "provider-unreachable") for attempt in (1, 2, 3)
    ]


async def test_a_permanent_error_is_not_tried_again(installation: Settings) -> None:
    attempts: list[int] = []

    def handle(_: Connection, got: Letter) -> None:
        attempts.append(got.attempt)
        raise ProviderFault("no such patient")

    async with running(installation, transactional(ENGINE, handle)) as bus:
        await bus.outbox.post([letter("1", ENGINE)])
        await bus.first_dead()
    assert attempts == [1]


async def test_an_unexpected_exception_never_quotes_the_letter(installation: Settings) -> None:
    def handle(_: Connection, got: Letter) -> None:
        raise ValueError(got.body.decode())

    async with running(installation, transactional(ENGINE, handle)) as bus:
        await bus.outbox.post([letter("1", ENGINE, body="张三".encode())])
        dead = await bus.first_dead()
    assert dead.code == "crash"
    assert dead.reason.startswith("ValueError at test_backbone_conformance.py:")
    assert "张三" not in dead.reason


async def test_a_replayed_dead_letter_is_handled_like_a_new_one(installation: Settings) -> None:
    seen: list[int] = []
    repaired = False

    async def handle(got: Letter, *, redelivered: bool) -> None:
        if not repaired:
            raise ProviderFault("wrong mapping")
        seen.append(got.attempt)

    async with running(installation, effects(CALLS, handle)) as bus:
        await bus.outbox.post([letter("1", CALLS)])
        await bus.first_dead()
        repaired = True
        assert await bus.state.write(lambda c: replay(c, CALLS, "1", "lin", "mended"))
        assert not await bus.state.write(lambda c: replay(c, CALLS, "1", "lin", "mended"))
        await eventually(lambda: bool(seen))
        assert await bus.dead() == []
    assert seen == [1]


async def test_what_a_handler_answers_is_posted_with_its_own_completion(any_installation: Settings) -> None:
    seen: list[str] = []

    async def call(got: Letter, *, redelivered: bool) -> list[Letter]:
        return [letter(f"result-of-{got.id}", ENGINE)]

    def engine(connection: Connection, got: Letter) -> None:
        seen.append(got.id)
        if got.id == "start":
            post(connection, [letter("a", CALLS), letter("b", CALLS)])

    async with running(any_installation, effects(CALLS, call), transactional(ENGINE, engine)) as bus:
        await bus.outbox.post([letter("start", ENGINE)])
        await eventually(lambda: len(seen) == 3)
    assert seen[0] == "start"
    assert sorted(seen[1:]) == ["result-of-a", "result-of-b"]


async def test_a_letter_with_a_due_time_does_not_come_early(installation: Settings) -> None:
    seen: list[float] = []
    async with running(installation, transactional(ENGINE, lambda _, __: seen.append(time.time()))) as bus:
        due = time.time() + 0.4
        await bus.state.write(lambda c: post(c, [letter("timer", ENGINE)], due_at=due))
        await eventually(lambda: bool(seen))
    assert due <= seen[0] < due + 1.0


async def test_letters_accepted_while_nobody_consumes_wait_for_the_next_life(installation: Settings) -> None:
    seen: set[str] = set()
    async with running(installation) as bus:
        await bus.outbox.post([letter(number, DELIVER) for number in range(50)])
    async with running(installation, transactional(DELIVER, lambda _, got: seen.add(got.id))):
        await eventually(lambda: len(seen) == 50)


async def test_a_letter_comes_through_without_waiting_for_a_poll(installation: Settings) -> None:
    """A visit is some thirty letters long, so polling must not decide how long one takes: here it never comes."""
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(_: Connection, __: Letter) -> None:
        loop.call_soon_threadsafe(arrived.set)

    async with running(installation, transactional(ENGINE, handle), pace=replace(PACE, poll=3600.0)) as bus:
        for number in range(30):
            arrived.clear()
            await bus.outbox.post([letter(number, ENGINE)])
            async with asyncio.timeout(30):
                await arrived.wait()


async def test_a_thousand_letters_posted_at_once_all_come_through(installation: Settings) -> None:
    seen: set[str] = set()
    async with running(installation, transactional(ENGINE, lambda _, got: seen.add(got.id))) as bus:
        await asyncio.gather(*(bus.outbox.post([letter(number, ENGINE)]) for number in range(1000)))
        await eventually(lambda: len(seen) == 1000, within=60)


async def test_a_consumer_without_letters_keeps_still(installation: Settings) -> None:
    """An idle bus must not burn a processor that the hospital pays for."""
    async with running(installation, transactional(ENGINE, nothing)):
        await asyncio.sleep(0.2)
        before = time.process_time()
        await asyncio.sleep(1.0)
        assert time.process_time() - before < 0.5
