"""Letters that wait for a person: what they hold, what frees them, and what copies of them may not do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from bus.backbone import claims, inbox, outbox, parking
from bus.backbone.dead_letters import dead_letters, replay
from bus.backbone.tables import outbox as table
from bus.backbone.topology import DELIVERY_LIMIT, ENGINE
from bus.ports import Letter
from bus.settings import Settings
from bus.state.actions import actions
from bus.state.store import State

NOW = 2_000_000_000.0
RELAY = claims.Claimant("relay", 30.0, blames=True)
BROKER = claims.Claimant("relay", 30.0, blames=False)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


def letter(name: object, lane: str = "", expires_at: float = 0.0) -> Letter:
    return Letter(str(name), ENGINE, b"old", {}, lane, expires_at=expires_at)


def taken(connection: Connection, now: float = NOW, claimant: claims.Claimant = RELAY) -> list[str]:
    found = [one.id for one in claims.claim(connection, claimant, ENGINE, now, 100)]
    claims.take_over(connection, now)
    return found


def parked(connection: Connection) -> list[str]:
    return [one.letter.id for one in parking.parked_letters(connection)]


async def test_a_parked_letter_is_never_due_and_holds_its_own_lane_only(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a"), letter(3, "b"), letter(4)])
        parking.park(connection, letter(1, "a"), "fault", "the provider said no")
        parking.park(connection, letter(4), "fault", "the provider said no")
        assert taken(connection) == ["3"]
        assert taken(connection, NOW + 1e9) == ["3"]
        (one, free) = parking.parked_letters(connection)
        assert (one.letter.id, one.code, one.reason, one.ahead, one.behind) == (
            "1",
            "fault",
            "the provider said no",
            0,
            1,
        )
        assert (free.letter.id, free.ahead, free.behind) == ("4", 0, 0)
        assert (parking.count_parked(connection), parking.count_lanes(connection)) == (2, 1)
        (lane,) = parking.lanes(connection)
        assert (lane.name, lane.letters, lane.parked, lane.first, lane.code) == ("a", 2, 1, "1", "fault")

    await state.write(work)


async def test_a_released_letter_goes_in_its_old_place_before_those_that_waited(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a")])
        parking.park(connection, letter(1, "a"), "fault", "no")
        assert parking.release(connection, ENGINE, "1", "wang", "the provider is repaired")
        assert not parking.release(connection, ENGINE, "1", "wang", "again")
        assert taken(connection) == ["1"]
        outbox.remove(connection, letter(1, "a"))
        assert taken(connection) == ["2"]
        (did,) = actions(connection, subject=f"{ENGINE}/1")
        assert (did.who, did.verb, did.reason) == ("wang", "release", "the provider is repaired")

    await state.write(work)


async def test_a_skipped_letter_joins_the_dead_letters_with_who_and_why_and_its_lane_moves_on(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a")])
        parking.park(connection, letter(1, "a"), "fault", "the provider said no")
        assert parking.skip(connection, ENGINE, "1", "wang", "entered by hand")
        assert taken(connection) == ["2"]
        (dead,) = dead_letters(connection)
        assert (dead.letter.id, dead.code) == ("1", "fault")
        assert dead.reason == "the provider said no; skipped by wang: entered by hand"
        assert inbox.claim(connection, letter(1, "a"), "worker", NOW, 30.0).status == "done"
        assert replay(connection, ENGINE, "1", "lin", "mended")
        assert inbox.claim(connection, letter(1, "a"), "worker", NOW, 30.0).status == "new"

    await state.write(work)


async def test_an_edited_letter_goes_with_its_new_body_and_old_copies_of_it_do_nothing(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a"), letter(2, "a")])
        parking.park(connection, letter(1, "a"), "mapping", "no such code")
        assert parking.edit(connection, ENGINE, "1", b"new", "wang", "wrong code") == "1~1"
        (found,) = claims.claim(connection, RELAY, ENGINE, NOW, 100)
        assert (found.id, found.body, found.attempt) == ("1~1", b"new", 1)
        assert inbox.claim(connection, letter(1, "a"), "worker", NOW, 30.0).status == "done"
        parking.park(connection, found, "mapping", "still none")
        assert parking.edit(connection, ENGINE, "1~1", b"newer", "wang", "wrong again") == "1~2"
        assert parking.edit(connection, ENGINE, "1~1", b"newer", "wang", "wrong again") == ""

    await state.write(work)


async def test_copies_of_a_parked_letter_have_no_effect_until_it_is_released(state: State) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter(1, "a")])
        parking.park(connection, letter(1, "a"), "fault", "no")
        assert inbox.claim(connection, letter(1, "a"), "worker", NOW, 30.0).status == "parked"
        assert inbox.enter(connection, letter(1, "a"), NOW).status == "parked"
        inbox.prune(connection, NOW * 2)
        assert inbox.enter(connection, letter(1, "a"), NOW).status == "parked"
        parking.release(connection, ENGINE, "1", "wang", "repaired")
        assert inbox.enter(connection, letter(1, "a"), NOW).status == "new"

    await state.write(work)


async def test_a_letter_whose_time_is_over_is_parked_unless_somebody_is_at_it(state: State) -> None:
    def work(connection: Connection) -> None:
        now = time.time()
        dated = [letter(1, "a", now + 60), letter(2, "a"), letter(3, expires_at=now + 60), letter(4, "b", now + 600)]
        outbox.post(connection, dated)
        connection.execute(update(table).values(created_at=now))
        assert parking.next_expiry(connection) == now + 60
        assert parking.expire(connection, now + 59) == 0
        assert inbox.claim(connection, letter(3), "worker", now + 50, 30.0).status == "new"
        assert parking.expire(connection, now + 61) == 1
        assert parked(connection) == ["1"]
        (one,) = parking.parked_letters(connection)
        assert (one.code, one.reason, one.behind) == ("expired", "not delivered within 60 s of its acceptance", 1)
        assert parking.expire(connection, now + 90) == 1
        assert parked(connection) == ["1", "3"]
        parking.release(connection, ENGINE, "1", "wang", "late is better than never")
        assert parking.expire(connection, now + 1e6) == 1  # 4, and not the released one again
        assert parked(connection) == ["3", "4"]

    await state.write(work)


async def test_a_letter_of_a_lane_that_kills_its_processes_is_parked_and_not_dropped_from_its_lane(
    state: State,
) -> None:
    def work(connection: Connection) -> None:
        outbox.post(connection, [letter("poison", "a"), letter("behind", "a"), letter("free", "b")])
        now = NOW
        for _ in range(DELIVERY_LIMIT + 2):
            claims.claim(connection, RELAY, ENGINE, now, 100)
            outbox.remove(connection, letter("free", "b"))
            now += 40
        assert taken(connection, now) == []
        (one,) = parking.parked_letters(connection)
        assert (one.letter.id, one.code, one.behind) == ("poison", "poison", 1)
        outbox.post(connection, [letter("other")])
        assert taken(connection, now) == ["other"]  # a parked suspect keeps nobody waiting

    await state.write(work)


async def test_two_relays_that_expire_at_once_park_each_letter_once(state: State) -> None:
    await state.write(lambda c: outbox.post(c, [letter(n, expires_at=NOW - 1) for n in range(20)]))
    counts = await asyncio.gather(*(state.write(lambda c: parking.expire(c, NOW)) for _ in range(2)))
    assert sorted(counts) == [0, 20]
