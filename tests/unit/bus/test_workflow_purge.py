"""Ended instances and old events are dropped when they have been kept long enough, and nothing else is."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, select

from bus.backbone.tables import insert_into
from bus.orchestration import purging
from bus.orchestration.events import raise_event
from bus.orchestration.letters import EventLetter
from bus.orchestration.purging import purge
from bus.orchestration.records import write_alerts, write_keys
from bus.orchestration.stimuli import Alarm
from bus.orchestration.tables import alert, workflow_event, workflow_event_field, workflow_instance, workflow_key


def instance(connection: Connection, name: str, status: str, moved: float) -> None:
    row = {"id": name, "workflow": "w", "definition_hash": "h", "status": status, "flow": "", "parent": ""}
    row |= {"visit_no": "", "business_keys": "[]", "created_at": 1.0, "updated_at": moved, "revision": 1}  # type: ignore[dict-item]
    connection.execute(insert_into(connection, workflow_instance).values(**row, state=b"{}", error="{}"))
    write_keys(connection, name, [("visit_no", name)])
    write_alerts(connection, name, [Alarm("late", "s", "late")], moved)


def left(connection: Connection) -> list[str]:
    return list(connection.execute(select(workflow_instance.c.id).order_by(workflow_instance.c.id)).scalars())


def test_only_what_has_ended_long_ago_goes_and_with_it_all_that_belongs_to_it(connection: Connection) -> None:
    for name, status, moved in (
        ("old", "completed", 10.0),
        ("undone", "compensated", 10.0),
        ("given-up", "cancelled", 10.0),
        ("young", "completed", 200.0),
        ("stuck", "stuck", 10.0),
        ("waits", "running", 10.0),
    ):
        instance(connection, name, status, moved)
    assert purge(connection, before=100.0) is False
    assert left(connection) == ["stuck", "waits", "young"]
    assert set(connection.execute(select(workflow_key.c.instance)).scalars()) == {"stuck", "waits", "young"}
    assert set(connection.execute(select(alert.c.instance)).scalars()) == {"stuck", "waits", "young"}


def test_old_events_go_whether_somebody_took_them_or_not(connection: Connection) -> None:
    for name, at in (("e1", 10.0), ("e2", 200.0)):
        raise_event(connection, EventLetter(name, "lab.resulted", {"no": name}, "", ()), at)
    purge(connection, before=100.0)
    assert list(connection.execute(select(workflow_event.c.id)).scalars()) == ["e2"]
    assert set(connection.execute(select(workflow_event_field.c.event)).scalars()) == {"e2"}


def test_a_purge_takes_small_batches_and_says_when_there_is_more(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    for number in range(3):
        instance(connection, f"i{number}", "completed", 10.0)
    assert purge(connection, before=100.0) is True
    assert connection.execute(select(func.count()).select_from(workflow_instance)).scalar_one() == 1
    assert purge(connection, before=100.0) is False
    assert left(connection) == []
