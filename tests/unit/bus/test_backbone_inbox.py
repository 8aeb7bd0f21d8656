"""What the inbox remembers, and how failed letters are judged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bus.backbone import inbox, outbox
from bus.backbone.dead_letters import Filter, bury, dead_letters, discard, one_dead_letter, replay
from bus.backbone.retries import GIVE_UP, Retries, verdict
from bus.backbone.topology import CALLS, ENGINE, QUEUES, dead, origin, physical, quorum_arguments
from bus.errors import CircuitOpen, OutcomeUnknown, ProviderFault, ProviderUnreachable
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State

LETTER = Letter("order-1", CALLS, b'{"order":1}', {"flow": "f"}, "visit", 3)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


async def test_a_finished_letter_is_known_until_it_is_pruned(state: State) -> None:
    def work(connection: Connection) -> None:
        assert inbox.enter(connection, LETTER, 100.0).status == "new"
        assert inbox.enter(connection, LETTER, 101.0).status == "done"
        assert inbox.claim(connection, LETTER, "me", 102.0, 30.0).status == "done"
        inbox.prune(connection, 100.0)
        assert inbox.enter(connection, LETTER, 103.0).status == "done"
        inbox.prune(connection, 100.5)
        assert inbox.enter(connection, LETTER, 104.0).status == "new"

    await state.write(work)


async def test_the_same_id_in_another_queue_is_another_letter(state: State) -> None:
    def work(connection: Connection) -> None:
        assert inbox.enter(connection, LETTER, 1.0).status == "new"
        assert inbox.enter(connection, Letter(LETTER.id, ENGINE, b""), 1.0)

    await state.write(work)


async def test_a_claim_in_living_hands_is_busy_and_in_dead_ones_comes_again(state: State) -> None:
    def work(connection: Connection) -> None:
        assert inbox.claim(connection, LETTER, "first", 100.0, 30.0) == inbox.Claim("new")
        assert inbox.claim(connection, LETTER, "second", 120.0, 30.0) == inbox.Claim("busy", 130.0)
        inbox.renew(connection, CALLS, "first", 155.0)
        assert inbox.claim(connection, LETTER, "second", 131.0, 30.0) == inbox.Claim("busy", 155.0)
        assert inbox.claim(connection, LETTER, "second", 156.0, 30.0) == inbox.Claim("again")
        inbox.finish(connection, LETTER, 160.0)
        assert inbox.claim(connection, LETTER, "third", 500.0, 30.0) == inbox.Claim("done")

    await state.write(work)


async def test_a_restart_ends_all_claims_of_its_queue_at_once(state: State) -> None:
    def work(connection: Connection) -> None:
        inbox.claim(connection, LETTER, "dead", 100.0, 30.0)
        inbox.take_over(connection, ENGINE)
        assert inbox.claim(connection, LETTER, "alive", 101.0, 30.0).status == "busy"
        inbox.take_over(connection, CALLS)
        assert inbox.claim(connection, LETTER, "alive", 101.0, 30.0).status == "again"

    await state.write(work)


async def test_a_dead_letter_is_kept_whole_and_once(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [LETTER])
        inbox.claim(connection, LETTER, "me", 100.0, 30.0)
        bury(connection, LETTER, "provider-fault", "refused")
        bury(connection, LETTER, "provider-fault", "refused again")
        (found,) = dead_letters(connection, Filter(queue=CALLS))
        assert (found.letter, found.size) == (replace(LETTER, body=b""), len(LETTER.body))
        whole = one_dead_letter(connection, CALLS, LETTER.id)
        assert whole is not None
        assert (whole.letter, whole.reason) == (LETTER, "refused again")
        assert dead_letters(connection, Filter(queue=ENGINE)) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar() == 0

    await state.write(work)


async def test_a_replayed_letter_starts_at_its_first_attempt_and_a_discarded_one_is_gone(state: State) -> None:
    def work(connection: Connection) -> None:
        bury(connection, LETTER, "provider-fault", "refused")
        assert replay(connection, CALLS, "order-1", "lin", "mended")
        assert connection.exec_driver_sql("SELECT id, attempt, lane FROM outbox").all() == [("order-1", 1, "visit")]
        bury(connection, LETTER, "provider-fault", "refused")
        assert discard(connection, CALLS, "order-1", "lin", "obsolete")
        assert not discard(connection, CALLS, "order-1", "lin", "obsolete")
        assert dead_letters(connection) == []

    await state.write(work)


def test_transient_errors_climb_the_ladder_and_stay_on_its_last_rung() -> None:
    retries = Retries(delays=(1.0, 10.0), attempts=5)
    error = ProviderUnreachable("no")
    for attempt, longest in ((1, 1.0), (2, 10.0), (3, 10.0), (4, 10.0)):
        drawn = [retries.decide(error, attempt) for _ in range(50)]
        assert all(one.action == "retry" and 0 <= one.delay <= longest for one in drawn)
        assert len(set(drawn)) > 10
    assert retries.decide(error, 5) == GIVE_UP


def test_a_provider_that_says_when_to_come_back_is_not_asked_earlier() -> None:
    decision = Retries(delays=(1.0,)).decide(CircuitOpen("open", retry_after=42.0), 1)
    assert decision.action == "retry"
    assert decision.delay >= 42.0


@pytest.mark.parametrize("error", [ProviderFault("no such patient"), OutcomeUnknown("sent before a crash")])
def test_errors_that_waiting_does_not_heal_are_given_up_at_once(error: Exception) -> None:
    assert Retries().decide(error, 1) == GIVE_UP


def test_an_unexpected_exception_gets_few_attempts_and_shows_only_class_and_place() -> None:
    retries = Retries(unexpected=2)
    assert retries.decide(KeyError("张三"), 1).action == "retry"
    assert retries.decide(KeyError("张三"), 2) == GIVE_UP
    try:
        raise KeyError("张三")
    except KeyError as error:
        code, reason = verdict(error)
    assert code == "crash"
    assert reason.startswith("KeyError at test_backbone_inbox.py:")
    assert "张三" not in reason


def test_every_queue_has_a_dead_letter_queue_that_leads_back_to_it() -> None:
    for queue in QUEUES:
        assert origin(dead(queue)) == queue
        assert quorum_arguments(queue)["x-dead-letter-routing-key"] == physical(dead(queue))
    names = [physical(name) for queue in QUEUES for name in (queue, dead(queue))]
    assert len(set(names)) == 2 * len(QUEUES)
