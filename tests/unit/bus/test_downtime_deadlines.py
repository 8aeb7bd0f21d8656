"""Deadlines of workflow steps while a system has a planned downtime: moved, noted with it, and missed by nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from sqlalchemy import Connection, select

from bus.backbone import outbox
from bus.backbone.tables import outbox as letters
from bus.backbone.topology import SYSTEM
from bus.downtime.planning import plan, stop
from bus.orchestration.engine import Engine
from bus.orchestration.instances import get_instance, open_alerts, silenced_alerts
from bus.orchestration.letters import start_letter
from bus.orchestration.tables import workflow_timer
from bus.orchestration.timers import ring
from registry.model import Call, Operation, Policy, Service, ServiceVersion, Snapshot
from registry.workflow import link, parse_workflow

BEGAN = 1000.0

CALLS = "{name: visit, version: '1', steps: [{name: order, call: lis.Order, deadline: 100}]}"
WAITS = (
    "{name: visit, version: '1', steps: [{name: result, wait: lab.resulted, match: {}, deadline: 100, late: alert}]}"
)


def snapshot(definition: str) -> Snapshot:
    """A laboratory with a call and an event, and one workflow."""
    workflow = parse_workflow(yaml.safe_load(definition))
    operations = {
        "Order": Operation("lis", "1", "Order", {}, "read", "sync", "json", Policy(), Call()),
        "Result": Operation(
            "lis", "1", "Result", {}, "write", "async", "json", Policy(), Call(), raises="lab.resulted"
        ),
    }
    version = ServiceVersion("lis", "1", "lis", {}, frozenset(), None, operations, {}, {}, ())
    services = {"lis": Service("lis", "1", {"1": version})}
    return Snapshot(services=services, workflows=link({workflow.name: workflow}))


class World:
    """One instance that was started at ``BEGAN``, with the laboratory down from ``begins`` to ``ends``."""

    def __init__(
        self, connection: Connection, definition: str, begins: float = BEGAN + 40, ends: float = BEGAN + 500
    ) -> None:
        self.connection = connection
        self.now = BEGAN
        self.snapshot = snapshot(definition)
        self.engine = Engine(self, lambda: self.now)
        outbox.post(
            self.connection, self.engine.handle(self.connection, start_letter("visit", {}, message_id="v", flow="f"))
        )
        if begins:
            self.number = plan(
                self.connection, {"lis"}, "lis", begins_at=begins, ends_at=ends, reason="x", who="li", now=BEGAN
            ).number

    def at(self, now: float) -> None:
        """Let time pass, and ring what is due."""
        self.now = now
        before = set(self.connection.scalars(select(letters.c.id)))
        ring(self.connection, now)
        for row in self.connection.execute(select(letters).where(letters.c.queue == "engine")).all():
            if row.id not in before:
                self.engine.handle(self.connection, outbox.letter_of(row))

    @property
    def deadline(self) -> float | None:
        return self.connection.scalar(select(workflow_timer.c.due_at).where(workflow_timer.c.kind == "deadline"))

    @property
    def status(self) -> str:
        found = get_instance(self.connection, "v")
        assert found is not None
        return str(found["status"])


@pytest.fixture(params=[CALLS, WAITS], ids=["a call to it", "an event of it"])
def definition(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param


def test_the_call_of_a_step_names_the_system_it_goes_to(connection: Connection) -> None:
    world = World(connection, CALLS)
    row = world.connection.execute(select(letters).where(letters.c.queue == "calls")).one()
    assert row.system == "lis"
    assert outbox.letter_of(row).headers[SYSTEM] == "lis"


def test_a_deadline_in_a_downtime_keeps_what_was_left_when_it_began(connection: Connection, definition: str) -> None:
    world = World(connection, definition)
    world.at(BEGAN + 100)
    assert world.deadline == BEGAN + 500 + 60
    assert world.status == "running"


def test_what_would_have_been_an_alert_is_noted_once_with_the_downtime(connection: Connection, definition: str) -> None:
    world = World(connection, definition, ends=BEGAN + 90)
    world.at(BEGAN + 100)
    world.at(BEGAN + 160)
    assert open_alerts(world.connection) == []
    (silenced,) = silenced_alerts(world.connection, world.number)
    assert (silenced["kind"], silenced["instance"]) == ("late", "v")


def test_a_deadline_passes_as_ever_where_no_downtime_is(connection: Connection, definition: str) -> None:
    world = World(connection, definition, begins=0)
    world.at(BEGAN + 100)
    assert world.deadline is None
    if definition == WAITS:
        assert [one["kind"] for one in open_alerts(world.connection)] == ["late"]
    else:
        assert world.status != "running"


def test_after_the_downtime_a_deadline_that_is_missed_again_is_missed(connection: Connection, definition: str) -> None:
    world = World(connection, definition)
    world.at(BEGAN + 100)
    world.connection.execute(letters.delete().where(letters.c.queue == "calls"))
    stop(world.connection, "lis", who="li", now=BEGAN + 400)
    world.at(BEGAN + 560)
    assert world.deadline is None
    if definition == WAITS:
        assert [one["kind"] for one in open_alerts(world.connection)] == ["late"]
    else:
        assert world.status != "running"


def test_while_the_backlog_drains_a_deadline_is_put_off_minute_by_minute(connection: Connection) -> None:
    world = World(connection, CALLS, ends=BEGAN + 90)
    world.at(BEGAN + 100)
    assert world.deadline == BEGAN + 160
    assert world.status == "running"
