"""The tables of orchestration in the state store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, Text

from bus.state.store import metadata

#: Every linked definition that an instance was ever started with.
workflow_definition = Table(
    "workflow_definition",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("json", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
)

#: One row a running or finished workflow; ``state`` is ``Instance.dump()``, ``revision`` counts its moves.
workflow_instance = Table(
    "workflow_instance",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("workflow", String(64), nullable=False),
    Column("definition_hash", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("flow", String(32), nullable=False),
    Column("parent", String(128), nullable=False),
    Column("visit_no", String(128), nullable=False),
    Column("business_keys", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
)
Index("workflow_instance_created", workflow_instance.c.created_at)
Index("workflow_instance_status", workflow_instance.c.status, workflow_instance.c.created_at)
Index("workflow_instance_visit", workflow_instance.c.visit_no)

#: The business keys by which an instance is found.
workflow_key = Table(
    "workflow_key",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(256), primary_key=True),
    Column("instance", String(128), primary_key=True),
)
Index("workflow_key_value", workflow_key.c.value)

#: What tokens wait for. ``anchor`` is the fingerprint of the first matched field, empty when any event fits.
workflow_wait = Table(
    "workflow_wait",
    metadata,
    Column("instance", String(128), primary_key=True),
    Column("token", String(16), primary_key=True),
    Column("event", String(128), nullable=False),
    Column("anchor", String(64), nullable=False),
    Column("match", LargeBinary, nullable=False),
    Column("opened_at", Double, nullable=False),
)
Index("workflow_wait_event", workflow_wait.c.event, workflow_wait.c.anchor)

#: Events as they came; ``taken_by`` is the instance that used one, empty while nobody has.
workflow_event = Table(
    "workflow_event",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("business_keys", Text, nullable=False),
    Column("flow", String(32), nullable=False),
    Column("received_at", Double, nullable=False),
    Column("taken_by", String(128), nullable=False),
)
Index("workflow_event_received", workflow_event.c.received_at)
Index("workflow_event_free", workflow_event.c.name, workflow_event.c.taken_by, workflow_event.c.received_at)

#: Fingerprints of the fields of events that nobody has taken yet, so that a wait finds its event by index.
workflow_event_field = Table(
    "workflow_event_field",
    metadata,
    Column("event", String(128), primary_key=True),
    Column("anchor", String(64), primary_key=True),
)
Index("workflow_event_field_anchor", workflow_event_field.c.anchor)

#: When which token wants to be woken.
workflow_timer = Table(
    "workflow_timer",
    metadata,
    Column("instance", String(128), primary_key=True),
    Column("token", String(16), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("due_at", Double, nullable=False),
)
Index("workflow_timer_due", workflow_timer.c.due_at)

#: The history of an instance, one row an attempt of a step; the newest ``ended_at`` 0 is under way.
workflow_step = Table(
    "workflow_step",
    metadata,
    Column("instance", String(128), primary_key=True),
    Column("step", String(256), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("target", String(200), nullable=False),
    Column("message_id", String(128), nullable=False),
    Column("error", String(64), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
)

#: Where an instance needs a person; ``closed_at`` is 0 while it does.
workflow_task = Table(
    "workflow_task",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("instance", String(128), nullable=False),
    Column("token", String(16), nullable=False),
    Column("step", String(256), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Double, nullable=False),
    Column("taken_by", String(64), nullable=False),
    Column("taken_at", Double, nullable=False),
    Column("closed_by", String(64), nullable=False),
    Column("closed_at", Double, nullable=False),
)
Index("workflow_task_open", workflow_task.c.closed_at, workflow_task.c.since)
Index("workflow_task_instance", workflow_task.c.instance)

#: What an operator should see. ``silenced_by`` is the number of the downtime that made it expected, 0 for none.
alert = Table(
    "alert",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("step", String(256), nullable=False),
    Column("code", String(64), nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("acknowledged_by", String(64), nullable=False),
    Column("silenced_by", BigInteger, nullable=False, server_default="0"),
)
Index("alert_open", alert.c.acknowledged, alert.c.at)
