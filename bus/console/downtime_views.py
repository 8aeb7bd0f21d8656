"""What pages and API show of planned downtimes."""

from __future__ import annotations

import time
from typing import Any

from flask import abort

from bus.console.ports import ConsolePorts
from bus.console.views import row
from bus.downtime.desk import Desk
from bus.ports import Query

#: Superseded messages that one view lists.
LISTED = 100


def desk(console: ConsolePorts) -> Desk:
    """The downtimes of this installation. Aborts with 404 where it has none."""
    return console.downtimes or abort(404)


def detail(console: ConsolePorts, name: str) -> dict[str, Any]:
    """One downtime with the alerts that it silenced and the messages that newer ones superseded. Raises NotFound."""
    one = dict(desk(console).one(name))
    ended = one["stopped_at"] or one["ends_at"]
    superseded = Query(
        status="superseded", system=one["system"], since=ended, until=one["drained_at"] or time.time(), limit=LISTED
    )
    snapshot = console.registry.snapshot
    one["superseded"] = (
        [row(record, snapshot) for record in console.reader.search(superseded)] if one["collapsed"] else []
    )
    one["silenced"] = [dict(alert) for alert in console.workflows.silenced(one["number"])]
    return one
