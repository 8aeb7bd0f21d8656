"""What a downtime holds, and how it lets go: nothing while it lasts, then at its rate, in order, collapsed."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from bus.backbone import claims, outbox
from bus.backbone.tables import outbox as rows
from bus.backbone.topology import DELIVER, SUPERSEDED_BY, SUPERSEDES, SYSTEM
from bus.downtime.backlog import progress, settle
from bus.downtime.period import Downtime
from bus.downtime.planning import extend, find_downtime, open_downtimes, plan, stop
from bus.ports import Letter
from bus.state.actions import actions

NOW = 2_000_000_000.0
RELAY = claims.Claimant("relay", 30.0, blames=True)


def letter(name: str, lane: str = "", system: str = "lis", supersedes: str = "") -> Letter:
    headers = {SYSTEM: system} | ({SUPERSEDES: supersedes} if supersedes else {})
    return Letter(name, DELIVER, b"{}", headers, lane)


def began(connection: Connection, rate: float = 2.0, until: float = NOW + 3600) -> Downtime:
    return plan(
        connection, {"lis", "his"}, "lis", begins_at=NOW, ends_at=until, reason="upgrade", who="li", now=NOW, rate=rate
    )


def taken(connection: Connection, now: float, limit: int = 100) -> list[str]:
    downtimes = open_downtimes(connection)
    return [found.id for found in claims.claim(connection, RELAY, DELIVER, now, limit, downtimes)]


def done(connection: Connection, *names: str) -> None:
    for name in names:
        outbox.remove(connection, letter(name))


def test_letters_of_a_system_that_is_down_wait_and_its_neighbours_flow(connection: Connection) -> None:
    began(connection)
    outbox.post(connection, [letter("held"), letter("flows", system="his"), letter("workflow", system="")])
    assert taken(connection, NOW + 1) == ["flows", "workflow"]
    done(connection, "flows", "workflow")
    assert taken(connection, NOW + 3599) == []


def test_a_downtime_that_is_planned_holds_nothing_before_it_begins(connection: Connection) -> None:
    plan(connection, {"lis"}, "lis", begins_at=NOW + 60, ends_at=NOW + 120, reason="upgrade", who="li", now=NOW)
    outbox.post(connection, [letter("before")])
    assert taken(connection, NOW + 59) == ["before"]
    outbox.post(connection, [letter("during")])
    assert taken(connection, NOW + 61) == []


def test_after_the_stop_letters_go_at_the_rate_and_oldest_first(connection: Connection) -> None:
    began(connection, rate=2.0)
    names = [f"letter-{number:02}" for number in range(20)]
    outbox.post(connection, [letter(name) for name in names])
    assert taken(connection, NOW + 1) == []
    stop(connection, "lis", who="li", now=NOW + 10)
    seen: list[str] = []
    for step in range(1, 11):
        found = taken(connection, NOW + 10 + step / 2)
        assert len(found) <= 1
        seen += found
    assert seen == names[:10]


def test_a_downtime_ends_by_itself_and_then_drains(connection: Connection) -> None:
    began(connection, until=NOW + 100)
    outbox.post(connection, [letter("held")])
    assert taken(connection, NOW + 99) == []
    assert settle(connection, NOW + 100)
    (found,) = open_downtimes(connection)
    assert (found.stopped_at, found.status(NOW + 100), found.held) == (NOW + 100, "draining", 1)
    assert taken(connection, NOW + 101) == ["held"]


def test_an_extended_downtime_holds_until_its_new_end(connection: Connection) -> None:
    began(connection, until=NOW + 100)
    outbox.post(connection, [letter("held")])
    extend(connection, "lis", NOW + 200, who="li", now=NOW + 50)
    assert taken(connection, NOW + 199) == []
    assert taken(connection, NOW + 201) == ["held"]


def test_a_drained_downtime_is_closed_and_letters_flow_without_a_rate(connection: Connection) -> None:
    began(connection, rate=2.0)
    outbox.post(connection, [letter("held")])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2)
    assert taken(connection, NOW + 3) == ["held"]
    assert not settle(connection, NOW + 3)
    done(connection, "held")
    assert settle(connection, NOW + 4)
    found = find_downtime(connection, "lis")
    assert found is not None
    assert (found.status(NOW + 4), found.drained_at) == ("drained", NOW + 4)
    outbox.post(connection, [letter(f"free-{number}") for number in range(9)])
    assert len(taken(connection, NOW + 5)) == 9


def test_a_lane_keeps_its_order_through_hold_and_drain(connection: Connection) -> None:
    began(connection, rate=100.0)
    outbox.post(connection, [letter("a1", "a"), letter("a2", "a"), letter("b1", "b"), letter("b2", "b")])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2)
    outbox.post(connection, [letter("a3", "a")])
    assert taken(connection, NOW + 3) == ["a1", "b1"]
    done(connection, "a1")
    assert taken(connection, NOW + 4) == ["a2"]
    done(connection, "a2", "b1")
    assert taken(connection, NOW + 5) == ["b2", "a3"]


def test_a_parked_letter_neither_stops_the_drain_nor_lets_its_lane_pass(connection: Connection) -> None:
    number = began(connection, rate=100.0).number
    outbox.post(connection, [letter("a1", "a"), letter("a2", "a"), letter("b1", "b")])
    taken(connection, NOW + 1)
    connection.execute(rows.update().where(rows.c.id == "a1").values(parked_at=NOW))
    stop(connection, "lis", who="li", now=NOW + 2)
    assert taken(connection, NOW + 3) == ["b1"]
    done(connection, "b1")
    assert (progress(connection, number).remaining, progress(connection, number).parked) == (1, 1)


def test_of_superseding_updates_only_the_newest_is_sent_and_the_others_name_it(connection: Connection) -> None:
    number = began(connection, rate=1.0).number
    outbox.post(connection, [letter("bed-1", supersedes="ward.Move/V1"), letter("other", supersedes="ward.Move/V2")])
    outbox.post(connection, [letter("bed-2", supersedes="ward.Move/V1"), letter("bed-3", supersedes="ward.Move/V1")])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2)
    found = claims.claim(connection, RELAY, DELIVER, NOW + 3, 100, open_downtimes(connection))
    told = {one.id: one.headers.get(SUPERSEDED_BY, "") for one in found}
    assert told == {"bed-1": "bed-3", "bed-2": "bed-3", "other": ""}
    known = find_downtime(connection, str(number))
    assert known is not None
    assert (known.held, known.collapsed) == (4, 2)
    done(connection, "bed-1", "bed-2", "other")
    assert taken(connection, NOW + 4) == ["bed-3"]


def test_a_letter_keeps_the_mark_that_it_is_superseded_when_it_is_given_back(connection: Connection) -> None:
    began(connection, rate=1.0)
    outbox.post(connection, [letter("old", supersedes="x/1"), letter("new", supersedes="x/1")])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2)
    first = next(
        one for one in claims.claim(connection, RELAY, DELIVER, NOW + 3, 100, open_downtimes(connection))
        if one.id == "old"
    )  # fmt: skip
    outbox.remove(connection, first)  # as a broker that keeps letters has it
    outbox.postpone(connection, first, NOW + 4)
    again = claims.claim(connection, RELAY, DELIVER, NOW + 5, 100, open_downtimes(connection))
    assert {one.id: one.headers.get(SUPERSEDED_BY) for one in again}["old"] == "new"


def test_a_second_downtime_takes_over_what_the_first_has_not_drained(connection: Connection) -> None:
    first = began(connection, rate=1.0).number
    outbox.post(connection, [letter(str(number)) for number in range(5)])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2)
    second = plan(connection, {"lis"}, "lis", begins_at=NOW + 3, ends_at=NOW + 9, reason="again", who="li", now=NOW + 3)
    assert taken(connection, NOW + 4) == []
    closed = find_downtime(connection, str(first))
    assert closed is not None
    assert closed.status(NOW + 4) == "drained"
    assert connection.scalar(select(func.count()).where(rows.c.held == second.number)) == 5
    assert [one.verb for one in actions(connection)] == ["downtime start", "downtime stop", "downtime start"]


def test_without_a_rate_the_whole_backlog_goes_at_once(connection: Connection) -> None:
    began(connection)
    outbox.post(connection, [letter(str(number)) for number in range(50)])
    taken(connection, NOW + 1)
    stop(connection, "lis", who="li", now=NOW + 2, rate=0)
    assert len(taken(connection, NOW + 3)) == 50
