"""Which downtimes may be had: of known systems, at times that make sense, with a reason, and never two at once."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from bus.downtime.period import DowntimeInvalid
from bus.downtime.planning import change_rate, extend, newest_downtimes, open_downtimes, plan, stop
from bus.downtime.times import moment, written
from bus.state.actions import actions

SHANGHAI = "Asia/Shanghai"
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=ZoneInfo(SHANGHAI)).timestamp()
SYSTEMS = {"lis", "his", "pacs"}


def planned(connection: Connection, system: str = "lis", begins: float = NOW, ends: float = NOW + 3600) -> int:
    return plan(connection, SYSTEMS, system, begins_at=begins, ends_at=ends, reason="upgrade", who="li", now=NOW).number


def test_an_unknown_system_is_refused_with_the_known_ones(connection: Connection) -> None:
    with pytest.raises(DowntimeInvalid, match="did you mean lis"):
        planned(connection, "lsi")
    with pytest.raises(DowntimeInvalid, match="known: his, lis, pacs"):
        planned(connection, "pharmacy")


def test_a_downtime_without_a_reason_or_with_its_end_before_its_beginning_is_refused(connection: Connection) -> None:
    with pytest.raises(DowntimeInvalid, match="say why"):
        plan(connection, SYSTEMS, "lis", begins_at=NOW, ends_at=NOW + 1, reason="  ", who="li", now=NOW)
    with pytest.raises(DowntimeInvalid, match="over before it begins"):
        planned(connection, begins=NOW + 60, ends=NOW + 60)
    with pytest.raises(DowntimeInvalid, match="over before it begins"):
        planned(connection, begins=NOW - 60, ends=NOW - 1)


def test_overlapping_downtimes_of_one_system_are_refused_and_of_two_are_not(connection: Connection) -> None:
    first = planned(connection, begins=NOW + 100, ends=NOW + 200)
    for begins, ends in ((NOW, NOW + 101), (NOW + 199, NOW + 300), (NOW + 120, NOW + 130), (NOW, NOW + 900)):
        with pytest.raises(DowntimeInvalid, match=f"downtime {first}"):
            planned(connection, begins=begins, ends=ends)
    planned(connection, "his", NOW + 100, NOW + 200)
    planned(connection, begins=NOW + 200, ends=NOW + 300)


def test_one_that_is_planned_is_cancelled_by_a_stop_and_frees_its_time(connection: Connection) -> None:
    planned(connection, begins=NOW + 100, ends=NOW + 200)
    assert stop(connection, "lis", who="li", now=NOW + 5).status(NOW + 5) == "cancelled"
    planned(connection, begins=NOW + 100, ends=NOW + 200)
    assert [one.status(NOW) for one in newest_downtimes(connection, system="lis")] == ["planned", "cancelled"]


def test_a_stop_ends_the_one_that_is_down_and_leaves_the_planned_one(connection: Connection) -> None:
    planned(connection, ends=NOW + 50)
    later = planned(connection, begins=NOW + 100, ends=NOW + 200)
    stop(connection, "lis", who="li", now=NOW + 5)
    assert [(one.number, one.status(NOW + 5)) for one in open_downtimes(connection)] == [(later, "planned")]


def test_an_extension_may_not_run_into_the_next_downtime(connection: Connection) -> None:
    planned(connection, ends=NOW + 50)
    later = planned(connection, begins=NOW + 100, ends=NOW + 200)
    assert extend(connection, "lis", NOW + 80, who="li", now=NOW + 5).ends_at == NOW + 80
    with pytest.raises(DowntimeInvalid, match=f"downtime {later}"):
        extend(connection, "lis", NOW + 150, who="li", now=NOW + 6)
    with pytest.raises(DowntimeInvalid, match="over already"):
        extend(connection, "lis", NOW, who="li", now=NOW + 6)


def test_a_system_without_a_downtime_has_none_to_stop(connection: Connection) -> None:
    planned(connection, "his")
    with pytest.raises(DowntimeInvalid, match="systems that have one: his"):
        stop(connection, "lis", who="li", now=NOW)


@pytest.mark.parametrize("rate", [-1.0, 0.001, 20_000.0, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(connection: Connection, rate: float) -> None:
    planned(connection)
    with pytest.raises(DowntimeInvalid, match="letters a second"):
        change_rate(connection, "lis", rate, who="li", now=NOW)


def test_who_and_why_are_on_record_for_every_verb(connection: Connection) -> None:
    number = planned(connection)
    extend(connection, "lis", NOW + 7200, who="wang", now=NOW + 1, reason="the disk is slow")
    stop(connection, "lis", who="wang", now=NOW + 2, reason="done")
    told = [(one.who, one.verb, one.subject, one.reason) for one in actions(connection, subject=f"downtime/{number}")]
    assert told == [
        ("wang", "downtime stop", f"downtime/{number}", "done"),
        ("wang", "downtime extend", f"downtime/{number}", "the disk is slow"),
        ("li", "downtime start", f"downtime/{number}", "upgrade"),
    ]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("23:00", "2026-11-24T23:00+08:00"),
        ("04:00", "2026-11-25T04:00+08:00"),
        ("22:30", "2026-11-25T22:30+08:00"),
        ("2026-11-26T06:00", "2026-11-26T06:00+08:00"),
        ("2026-11-25T20:00Z", "2026-11-26T04:00+08:00"),
    ],
)
def test_a_clock_time_is_the_next_one_of_the_hospital_and_a_date_is_as_written(text: str, means: str) -> None:
    assert written(moment(text, SHANGHAI, NOW), SHANGHAI) == means


@pytest.mark.parametrize("text", ["", "25:00", "4 am", "tomorrow", "04:00:00:00"])
def test_what_is_no_time_is_refused_with_the_two_ways_to_write_one(text: str) -> None:
    with pytest.raises(DowntimeInvalid, match="write HH:MM or"):
        moment(text, SHANGHAI, NOW)
