"""Which letters a relay may take: due, unheld, in lane order, suspects alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from bus.backbone import claims, outbox, parking
from bus.backbone.dead_letters import dead_letters
from bus.backbone.topology import DELIVER, DELIVERY_LIMIT, ENGINE
from bus.errors import BusError
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State, metadata

NOW = 2_000_000_000.0
EMBEDDED = claims.Claimant("relay", 30.0, blames=True)
BROKER = claims.Claimant("relay", 30.0, blames=False)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


@contextmanager
def in_memory() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    try:
        metadata.create_all(engine)
        with engine.begin() as connection:
            yield connection
    finally:  # an example may be broken off in the middle of its draws
        engine.dispose()


def letter(name: object, lane: str = "") -> Letter:
    return Letter(str(name), ENGINE, b"{}", {}, lane)


def taken(
    connection: Connection, now: float = NOW, claimant: claims.Claimant = EMBEDDED, limit: int = 100
) -> list[str]:
    return [found.id for found in claims.claim(connection, claimant, ENGINE, now, limit)]


async def test_a_letter_is_taken_once_while_its_lease_lasts(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1), letter(2)])
        assert taken(connection, limit=1) == ["1"]
        assert taken(connection) == ["2"]
        assert taken(connection, NOW + 29) == []
        assert taken(connection, NOW + 31) == ["1", "2"]

    await state.write(work)


async def test_a_letter_before_its_due_time_stays(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter("later")], due_at=NOW + 10)
        assert taken(connection, NOW + 9) == []
        assert taken(connection, NOW + 10) == ["later"]

    await state.write(work)


async def test_a_look_names_the_queues_with_something_due_and_no_other(state: State) -> None:
    """Every claim writes; who finds nothing in it should not have asked."""
    due_in = claims.due_in((ENGINE, DELIVER))

    def work(connection: Connection) -> None:
        assert due_in(connection, NOW) == []
        outbox.post(connection, [letter("later")], due_at=NOW + 10)
        assert due_in(connection, NOW + 9) == []
        assert due_in(connection, NOW + 10) == [ENGINE]
        outbox.post(connection, [Letter("other", DELIVER, b"{}")])
        assert due_in(connection, NOW + 10) == [ENGINE, DELIVER]
        assert taken(connection, NOW + 10) == ["later"]
        assert due_in(connection, NOW + 11) == [DELIVER]
        assert due_in(connection, NOW + 41) == [ENGINE, DELIVER], "a lease that has ended"
        parking.park(connection, letter("later"), "permanent", "refused")
        assert due_in(connection, NOW + 41) == [DELIVER]

    await state.write(work)


async def test_a_lane_gives_one_letter_at_a_time_and_a_failed_one_keeps_its_place(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a"), letter(3, "b"), letter(4)])
        assert taken(connection) == ["1", "3", "4"]
        outbox.postpone(connection, letter(1, "a"), NOW + 60)
        assert taken(connection) == []
        assert taken(connection, NOW + 60) == ["1", "3", "4"]
        outbox.remove(connection, letter(1, "a"))
        assert taken(connection) == ["2"]

    await state.write(work)


async def test_what_a_broker_confirmed_stays_until_it_is_finished_and_goes_again_much_later(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a"), letter(3), letter(4)])
        letters = claims.claim(connection, BROKER, ENGINE, NOW, 100)
        claims.sent(connection, BROKER, letters, NOW + 900, NOW + 9000)
        claims.take_over(connection, NOW)  # a process that starts: the broker still has them
        outbox.remove(connection, letter(4))
        assert taken(connection, NOW + 899, BROKER) == []
        assert taken(connection, NOW + 900, BROKER) == ["1"]
        assert taken(connection, NOW + 9000, BROKER) == ["1", "3"]

    await state.write(work)


async def test_a_queue_that_the_broker_lost_has_what_it_held_sent_again_and_nothing_else(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter("kept"), letter("retried"), letter("parked", "a"), letter("in hand")])
        letters = claims.claim(connection, BROKER, ENGINE, NOW, 3)
        claims.sent(connection, BROKER, letters, NOW + 900, NOW + 900)
        outbox.postpone(connection, Letter("retried", ENGINE, b"{}", attempt=2), NOW + 500)
        parking.park(connection, letter("parked", "a"), "mapping", "no code")
        outbox.post(connection, [letter("later")], due_at=NOW + 500)
        claims.claim(connection, BROKER, ENGINE, NOW, 9)
        assert claims.lost(connection, ENGINE, NOW) == 1
        assert taken(connection, NOW, BROKER) == ["kept"]

    await state.write(work)


async def test_a_retry_that_comes_before_the_confirm_is_noted_survives_it(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1)])
        letters = claims.claim(connection, BROKER, ENGINE, NOW, 100)
        outbox.postpone(connection, Letter("1", ENGINE, b"{}", attempt=2), NOW + 5)
        claims.sent(connection, BROKER, letters, NOW + 900, NOW + 900)
        assert [found.attempt for found in claims.claim(connection, BROKER, ENGINE, NOW + 5, 9)] == [2]

    await state.write(work)


async def test_a_letter_posted_twice_waits_once(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1), letter(1)])
        outbox.post(connection, [letter(1)])
        assert taken(connection) == ["1"]

    await state.write(work)


async def test_a_queue_that_nobody_knows_is_refused_with_the_names_of_those_that_exist(state: State) -> None:
    with pytest.raises(BusError, match="no queue 'delivery'; known: deliver, engine, calls"):
        await state.write(lambda c: outbox.post(c, [Letter("1", "delivery", b"")]))


async def test_letters_whose_holders_keep_dying_go_alone_and_then_to_the_dead_letters(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1), letter(2), letter("poison")])
        now = NOW
        for _ in range(3):  # three lives take all, two of them die with all
            assert len(taken(connection, now)) == (3 if now < NOW + 100 else 0)
            now += 40
        # From here on each is a suspect: one at a time, and a death blames nobody else.
        for _ in range(20):
            alone = taken(connection, now)
            assert len(alone) <= 1
            assert taken(connection, now + 1) == []
            if alone and alone != ["poison"]:
                outbox.remove(connection, letter(alone[0]))
            now += 40
        assert [(found.letter.id, found.code) for found in dead_letters(connection)] == [("poison", "poison")]
        assert "processes died" in dead_letters(connection)[0].reason

    await state.write(work)


async def test_a_letter_that_fails_in_good_order_is_no_suspect(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1)])
        now = NOW
        for _ in range(DELIVERY_LIMIT * 2):
            assert taken(connection, now) == ["1"]
            now += 40
            assert taken(connection, now) == ["1"]  # its holder died once
            outbox.postpone(connection, letter(1), now)
        assert dead_letters(connection) == []

    await state.write(work)


STEPS = st.lists(st.sampled_from(["post", "claim", "finish", "fail", "crash"]), min_size=5, max_size=30)


@given(steps=STEPS, data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_a_lane_is_finished_in_order_and_nothing_is_lost(
    steps: list[str], data: st.DataObject
) -> None:
    posted: list[Letter] = []
    finished: list[Letter] = []
    held: dict[str, Letter] = {}
    now = NOW
    with in_memory() as connection:
        for step in [*steps, *["claim", "finish"] * 30]:
            now += 1
            if step == "post":
                new = letter(len(posted), data.draw(st.sampled_from(["", "a", "b"])))
                outbox.post(connection, [new])
                posted.append(new)
            elif step == "claim":
                held |= {found.id: found for found in claims.claim(connection, BROKER, ENGINE, now, 3)}
            elif step == "crash":
                claims.take_over(connection, now)
                held.clear()
            elif held:
                one = held.pop(sorted(held)[0])
                if step == "finish":
                    outbox.remove(connection, one)
                    finished.append(one)
                else:
                    outbox.postpone(connection, one, now + 2)
    assert sorted(found.id for found in finished) == sorted(found.id for found in posted)
    for lane in ("a", "b"):
        order = [int(found.id) for found in finished if found.lane == lane]
        assert order == sorted(order)
