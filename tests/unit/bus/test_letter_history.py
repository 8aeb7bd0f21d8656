"""What is kept of a letter's failures: bounded, through retries and replays, and gone when the letter is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bus.backbone import claims, history, outbox
from bus.backbone.consumer import EffectConsumer
from bus.backbone.dead_letters import Filter, bury, dead_letters, discard, replay, replay_all
from bus.backbone.retries import Decision, Retries
from bus.backbone.tables import letter_history
from bus.backbone.topology import CALLS, DELIVER, FLAW, OPERATION, REPLAYS
from bus.errors import ProviderFault, ProviderUnreachable
from bus.ports import Handler, Letter
from bus.settings import Settings
from bus.state.actions import actions
from bus.state.store import State

LETTER = Letter("order-1", CALLS, b"{}")


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


class Hand:
    """A transport that delivers what the test hands it."""

    keeps = True
    deliver: Handler

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        self.deliver = handler
        self.prefetch = prefetch


async def kept(state: State) -> int:
    return len(await state.read(lambda c: c.execute(letter_history.select()).all()))


async def test_every_failed_attempt_is_told_with_time_code_reason_and_process(state: State) -> None:
    async def handle(letter: Letter, *, redelivered: bool) -> None:
        raise ProviderUnreachable("refused") if letter.attempt < 3 else ProviderFault("no such patient")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle, retries=Retries(delays=(0.0,))).start()  # type: ignore[arg-type]
    for attempt in (1, 2, 3):
        await hand.deliver(replace(LETTER, attempt=attempt))
    (dead,) = await state.read(dead_letters)
    told = [(one.attempt, one.code, one.reason, one.process) for one in dead.history.entries]
    me = history.this_process()
    assert told == [
        (1, "provider-unreachable", "refused", me),
        (2, "provider-unreachable", "refused", me),
        (3, "provider-fault", "no such patient", me),
    ]
    assert all(one.at > 1_700_000_000 for one in dead.history.entries)


async def test_a_history_is_bounded_and_says_how_much_it_leaves_out(state: State) -> None:
    def work(connection: Connection) -> history.History:
        for attempt in range(1, 101):
            history.note(connection, replace(LETTER, attempt=attempt), "provider-timeout", "x" * 5000)
        return history.history_of(connection, CALLS, LETTER.id)

    found = await state.write(work)
    assert (found.failures, found.left_out) == (100, 80)
    assert [one.attempt for one in found.entries] == [1, 2, 3, 4, 5, *range(86, 101)]
    assert max(len(one.reason) for one in found.entries) == 200


async def test_the_history_of_a_letter_that_is_done_in_the_end_is_gone(state: State) -> None:
    failing = True

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        if failing:
            raise ProviderUnreachable("refused")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle).start()  # type: ignore[arg-type]
    await hand.deliver(LETTER)
    assert await kept(state) == 1
    failing = False
    await hand.deliver(replace(LETTER, attempt=2))
    assert await kept(state) == 0


async def test_the_death_of_a_process_is_an_attempt_too_and_told_once(state: State) -> None:
    claimant = claims.Claimant("other", 30.0, blames=True)

    def work(connection: Connection) -> history.History:
        outbox.post(connection, [LETTER])
        claims.claim(connection, claimant, CALLS, 2e9, 10)
        claims.take_over(connection, 2e9)
        claims.claim(connection, claimant, CALLS, 2e9 + 1, 10)
        history.note_death(connection, LETTER, "ward-3:17")
        return history.history_of(connection, CALLS, LETTER.id)

    found = await state.write(work)
    assert [(one.code, one.process) for one in found.entries] == [("died", "ward-3:17")]
    assert found.failures == 1


async def test_a_second_death_shows_that_the_letter_was_replayed_before(state: State) -> None:
    def work(connection: Connection) -> None:
        history.note(connection, LETTER, "provider-fault", "no such patient")
        bury(connection, LETTER, "provider-fault", "no such patient")
        assert replay(connection, CALLS, LETTER.id, "lin", "patient was added")
        (again,) = claims.claim(connection, claims.Claimant("r", 30.0, blames=True), CALLS, 2e9, 10)
        assert (again.attempt, again.headers[REPLAYS]) == (1, "1")
        history.note(connection, again, "provider-fault", "still none")
        bury(connection, again, "provider-fault", "still none")
        (dead,) = dead_letters(connection)
        assert dead.history.replays == 1
        assert [one.code for one in dead.history.entries] == ["provider-fault", "replayed", "provider-fault"]
        assert (dead.history.entries[1].process, dead.history.entries[1].reason) == ("lin", "patient was added")
        assert [(one.who, one.verb, one.reason) for one in actions(connection)] == [
            ("lin", "replay", "patient was added")
        ]

    await state.write(work)


async def test_many_are_replayed_oldest_first_and_not_faster_than_the_rate(state: State) -> None:
    def work(connection: Connection) -> None:
        for number in range(4):
            letter = Letter(str(number), DELIVER, b"{}", {OPERATION: "lis.Place"}, "lis/visit_no=1")
            bury(connection, letter, "provider-fault", "down")
        bury(connection, Letter("other", DELIVER, b"{}", {OPERATION: "lisa.Place"}), "provider-fault", "down")
        bury(connection, Letter("poison", DELIVER, b"{}", {OPERATION: "lis.Place"}), "poison", "kills")
        wanted = Filter(queue=DELIVER, code="provider-fault", operation="lis")
        assert replay_all(connection, wanted, "lin", "the laboratory is back", rate=10.0) == 4
        rows = connection.exec_driver_sql("SELECT id, ready_at FROM outbox ORDER BY seq").all()
        assert [row[0] for row in rows] == ["0", "1", "2", "3"]
        pauses = [after[1] - before[1] for before, after in pairwise(rows)]
        assert pauses == pytest.approx([0.1] * 3, abs=1e-3)
        assert {dead.letter.id for dead in dead_letters(connection)} == {"other", "poison"}

    await state.write(work)


async def test_discarding_needs_a_name_and_a_reason_that_stay_on_record(state: State) -> None:
    def work(connection: Connection) -> None:
        history.note(connection, LETTER, "provider-fault", "no")
        bury(connection, LETTER, "provider-fault", "no")
        assert discard(connection, CALLS, LETTER.id, "lin", "settled by telephone")
        assert history.history_of(connection, CALLS, LETTER.id) == history.History()
        (line,) = actions(connection)
        assert (line.who, line.verb, line.subject) == ("lin", "discard", f"{CALLS}/{LETTER.id}")

    await state.write(work)


async def test_what_another_application_wrote_into_a_queue_is_put_aside_without_asking_a_handler(state: State) -> None:
    async def handle(letter: Letter, *, redelivered: bool) -> None:
        raise AssertionError("handled")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle, concurrency=4).start()  # type: ignore[arg-type]
    await hand.deliver(Letter("foreign-1", CALLS, b"\xff", {FLAW: "it has no header x-meridian-lane"}))
    (dead,) = await state.read(dead_letters)
    assert (dead.code, dead.reason) == ("foreign", "it has no header x-meridian-lane")
    assert hand.prefetch == 8


@pytest.mark.parametrize(
    ("action", "dead", "parked", "waiting"), [("park", 0, 1, 1), ("dead-letter", 1, 0, 0), ("warn", 0, 0, 0)]
)
async def test_the_policy_of_a_letter_comes_before_the_ladder_of_its_queue(
    state: State, action: str, dead: int, parked: int, waiting: int
) -> None:
    warned: list[str] = []

    class Policy:
        def decide(self, letter: Letter, error: Exception) -> Decision:
            return Decision(action)  # type: ignore[arg-type]

        def warn(self, connection: Connection, letter: Letter, code: str) -> None:
            warned.append(code)

    async def handle(letter: Letter, *, redelivered: bool) -> None:
        raise ProviderUnreachable("refused")

    hand = Hand()
    await EffectConsumer(state, hand, CALLS, handle, policy=Policy()).start()  # type: ignore[arg-type]
    await hand.deliver(LETTER)
    assert len(await state.read(dead_letters)) == dead
    rows = await state.read(lambda c: c.exec_driver_sql("SELECT parked_at FROM outbox").all())
    assert (len(rows), sum(row[0] is not None for row in rows)) == (waiting, parked)
    assert warned == (["provider-unreachable"] if action == "warn" else [])
    await hand.deliver(LETTER)  # a copy that a broker still held
    assert len(await state.read(dead_letters)) == dead or action == "dead-letter"
