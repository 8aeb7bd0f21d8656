"""The consumer runtime when the store is away, when copies overlap, and when it is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bus.backbone import outbox, parking
from bus.backbone.consumer import EffectConsumer, TransactionConsumer
from bus.backbone.dead_letters import DeadLetter, dead_letters
from bus.backbone.runtime import Backbone
from bus.backbone.topology import CALLS, DEATH, ENGINE, dead
from bus.errors import ProviderFault, ProviderUnreachable, ShuttingDown, StateUnavailable
from bus.ports import Handler, Letter, Lost
from bus.settings import Settings
from bus.state.store import State

LETTER = Letter("order-1", CALLS, b"{}", lane="visit")


class Hand:
    """A transport that delivers what the test hands it."""

    keeps = True

    def __init__(self) -> None:
        self.deliver: Handler

    async def start(self, lost: Lost) -> None:
        """Nothing to connect."""

    def troubles(self) -> Sequence[str]:
        return ()

    def unusable(self) -> str:
        return ""

    async def stop(self) -> None:
        """Nothing to disconnect."""

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        return [letter.id for letter in letters]

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        self.deliver = handler


class Flaky(State):
    """A state store that is away for as many writes as ``away`` says, after ``after`` that succeed.

    ``unheard`` writes are committed, but nobody hears of it: the connection breaks before the answer.
    """

    after = 0
    away = 0
    unheard = 0

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        if self.unheard:
            self.unheard -= 1
            await super().write(work)
            raise StateUnavailable("connection lost")
        if self.after:
            self.after -= 1
        elif self.away:
            self.away -= 1
            raise StateUnavailable("disk full")
        return await super().write(work)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Flaky]:
    store = Flaky(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


async def rows(state: State) -> list[tuple[object, ...]]:
    return list(await state.read(lambda c: [tuple(r) for r in c.exec_driver_sql("SELECT id, attempt FROM outbox")]))


async def the_dead(state: State) -> list[DeadLetter]:
    return list(await state.read(dead_letters))


async def test_a_call_is_not_repeated_because_its_completion_could_not_be_written(state: Flaky) -> None:
    calls: list[str] = []

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        calls.append(letter.id)

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    state.after, state.away = 1, 3  # the claim is written, the completion fails three times
    await hand.deliver(LETTER)
    assert state.away == 0
    await hand.deliver(LETTER)
    assert calls == ["order-1"]


async def test_a_store_that_is_away_is_no_fault_of_the_letter(state: Flaky) -> None:
    seen: list[int] = []
    hand = Hand()
    await TransactionConsumer(state, hand, CALLS, lambda _, letter: seen.append(letter.attempt)).start()
    state.away = 3
    await hand.deliver(LETTER)
    assert seen == [1]
    assert await rows(state) == []
    assert await the_dead(state) == []


async def test_a_copy_that_comes_while_the_first_is_in_hand_waits_and_does_nothing(state: Flaky) -> None:
    calls: list[str] = []
    going = asyncio.Event()

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        assert not redelivered
        calls.append(letter.id)
        await going.wait()

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    first = asyncio.ensure_future(hand.deliver(LETTER))
    copy = asyncio.ensure_future(hand.deliver(LETTER))
    await asyncio.sleep(0.1)
    assert not copy.done()
    going.set()
    await asyncio.gather(first, copy)
    assert calls == ["order-1"]


async def test_a_retry_that_overtakes_the_end_of_its_predecessor_is_still_handled(state: Flaky) -> None:
    attempts: list[int] = []

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        attempts.append(letter.attempt)
        if letter.attempt == 1:
            await asyncio.sleep(0.05)
            raise RuntimeError("once")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    retry = Letter("order-1", CALLS, b"{}", lane="visit", attempt=2)
    await asyncio.gather(hand.deliver(LETTER), hand.deliver(retry))
    assert attempts == [1, 2]
    assert await rows(state) == []


async def test_a_process_that_died_with_a_call_is_told_so_to_the_next(state: Flaky) -> None:
    told: list[bool] = []

    async def hang(letter: Letter, *, redelivered: bool) -> None:
        told.append(redelivered)
        await asyncio.sleep(3600)

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        told.append(redelivered)

    first, second = Hand(), Hand()
    await EffectConsumer(state, first, CALLS, hang).start()
    dying = asyncio.ensure_future(first.deliver(LETTER))
    await asyncio.sleep(0.1)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await EffectConsumer(state, second, CALLS, handle).start()
    await second.deliver(LETTER)
    assert told == [False, True]


async def test_an_answer_that_cannot_be_posted_is_kept_as_a_dead_letter_and_not_lost(state: Flaky) -> None:
    async def handle(letter: Letter, *, redelivered: bool) -> list[Letter]:
        return [Letter("result", "no-such-queue", b"{}")]

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    await hand.deliver(LETTER)
    (dead,) = await the_dead(state)
    assert (dead.letter.id, dead.code) == ("order-1", "unposted")


async def test_a_failed_transaction_leaves_neither_effect_nor_letters_behind(state: Flaky) -> None:
    def handle(connection: Connection, letter: Letter) -> None:
        outbox.post(connection, [Letter("following", ENGINE, b"{}")])
        raise ValueError("after posting")

    hand = Hand()
    await TransactionConsumer(state, hand, CALLS, handle).start()
    await hand.deliver(LETTER)
    assert await rows(state) == [("order-1", 2)]


async def test_a_stopping_consumer_finishes_what_it_holds_and_takes_no_more(state: Flaky) -> None:
    finished: list[str] = []

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        await asyncio.sleep(0.1)
        finished.append(letter.id)

    hand = Hand()
    consumer = EffectConsumer(state, hand, CALLS, handle, concurrency=1)
    await consumer.start()
    holding = asyncio.ensure_future(hand.deliver(LETTER))
    waiting = asyncio.ensure_future(hand.deliver(Letter("order-2", CALLS, b"{}")))
    await asyncio.sleep(0.02)
    await consumer.stop()
    assert finished == ["order-1"]
    with pytest.raises(ShuttingDown):  # it was fetched before the stop, and had not got its turn
        await waiting
    with pytest.raises(ShuttingDown):
        await hand.deliver(Letter("order-3", CALLS, b"{}"))
    await holding


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "after-a-death"])
async def test_a_claim_whose_commit_was_not_confirmed_says_truly_whether_it_was_the_first(
    state: Flaky, earlier: bool
) -> None:
    seen: list[bool] = []

    async def hold(letter: Letter, *, redelivered: bool) -> None:
        await asyncio.sleep(3600)

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        seen.append(redelivered)

    if earlier:
        dying = Hand()
        await EffectConsumer(state, dying, CALLS, hold).start()
        task = asyncio.create_task(dying.deliver(LETTER))
        await asyncio.sleep(0.1)
        task.cancel()
    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    state.unheard = 1
    await hand.deliver(LETTER)
    assert seen == [earlier]


async def test_a_worker_that_lost_its_letter_to_another_leaves_it_alone_when_its_own_call_fails(state: Flaky) -> None:
    going = asyncio.Event()

    async def fail_late(letter: Letter, *, redelivered: bool) -> None:
        await going.wait()
        raise ProviderUnreachable("no answer")

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        assert redelivered

    slow, quick = Hand(), Hand()
    await EffectConsumer(state, slow, CALLS, fail_late).start()
    task = asyncio.create_task(slow.deliver(LETTER))
    await asyncio.sleep(0.1)
    await EffectConsumer(state, quick, CALLS, handle).start()  # its lease is over: another worker takes the letter
    await quick.deliver(LETTER)
    going.set()
    await task
    assert await rows(state) == []
    assert await the_dead(state) == []
    await quick.deliver(LETTER)  # and a copy finds it done: handle would be told that it is redelivered


async def test_a_failure_whose_commit_was_not_confirmed_is_counted_once(state: Flaky) -> None:
    hand = Hand()

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        state.unheard = 1
        raise ProviderUnreachable("no answer")

    await EffectConsumer(state, hand, CALLS, handle).start()
    await hand.deliver(LETTER)
    assert await rows(state) == [("order-1", 2)]
    told = await state.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM letter_history").scalar())
    assert told == 1


async def test_a_letter_of_a_lane_that_fails_for_good_is_parked_and_a_copy_of_it_does_nothing(state: Flaky) -> None:
    calls: list[str] = []

    async def refuse(letter: Letter, *, redelivered: bool) -> None:
        calls.append(letter.id)
        raise ProviderFault("no such patient")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, refuse).start()
    await hand.deliver(LETTER)
    await hand.deliver(LETTER)
    (parked,) = await state.read(parking.parked_letters)
    assert (parked.letter.id, parked.code, calls) == ("order-1", "provider-fault", ["order-1"])
    assert await the_dead(state) == []


async def test_a_letter_that_comes_after_its_time_is_parked_and_not_handled(state: Flaky) -> None:
    calls: list[str] = []

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        calls.append(letter.id)

    late = replace(LETTER, expires_at=time.time() - 1)
    await state.write(lambda connection: outbox.post(connection, [late]))
    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()
    await hand.deliver(late)
    (parked,) = await state.read(parking.parked_letters)
    assert (parked.code, calls) == ("expired", [])
    await state.write(lambda connection: parking.release(connection, CALLS, "order-1", "wang", "late is better"))
    await hand.deliver(late)  # a copy from before, which still names its old time
    assert calls == ["order-1"]


async def test_what_a_broker_gives_up_of_a_lane_is_parked_and_stays_so(state: Flaky) -> None:
    hand = Hand()
    backbone = Backbone(state, hand, consumers=[TransactionConsumer(state, hand, CALLS, lambda _, __: None)])
    await backbone.start()
    given_up = replace(LETTER, queue=dead(CALLS), headers={DEATH: "expired"})
    await hand.deliver(given_up)
    await hand.deliver(given_up)
    await backbone.stop()
    (parked,) = await state.read(parking.parked_letters)
    assert (parked.letter.id, parked.letter.queue, parked.code) == ("order-1", CALLS, "broker")
    assert await the_dead(state) == []
