"""What each page and each admin API answer says, as plain dictionaries; no HTTP, no HTML."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bus.backbone.dead_letters import Filter
from bus.conform.report import Report, recorded, report
from bus.console import dead_letter_views, workflow_views
from bus.console.masking import masked_keys, personal_keys
from bus.console.payload import show_all
from bus.console.ports import ConsolePorts
from bus.console.words import Language, title_of
from bus.errors import MEANINGS, Meaning
from bus.ports import Query, Record
from registry.model import Journey, Operation, Snapshot
from transformers.masking import DEFAULT_RULES

HOUR = 3600.0
#: The newest dead letters, which the overview lists.
GIVEN_UP = 10
#: The statuses that count as failures.
FAILED = ("error", "fault")
BY_CODE: Mapping[str, Meaning] = {row.code: row for row in reversed(MEANINGS.values())}


def row(record: Record, snapshot: Snapshot) -> dict[str, Any]:
    """One exchange as a line of a list; personal keys are masked."""
    return {
        "id": record.id,
        "flow": record.flow,
        "parent": record.parent,
        "received_at": record.received_at,
        "door": record.door,
        "consumer": record.consumer,
        "system": record.system,
        "service": record.service,
        "version": record.version,
        "operation": record.operation,
        "status": record.status,
        "error": record.error,
        "http_status": record.http_status,
        "attempts": record.attempts,
        "duration_ms": record.duration_us / 1000,
        "provider_ms": record.sent_us / 1000,
        "keys": masked_keys(record.keys, personal_keys(filter(None, [_operation(snapshot, record)]))),
    }


def _operation(snapshot: Snapshot, record: Record) -> Operation | None:
    service = snapshot.services.get(record.service)
    version = service.versions.get(record.version or service.default) if service else None
    return version.operations.get(record.operation) if version else None


def overview(console: ConsolePorts, now: float | None = None) -> dict[str, Any]:
    """The last hour in figures, each system's state, and what needs a person."""
    at = time.time() if now is None else now
    lines = list(console.reader.summary(at - HOUR))
    calls = sum(int(line["calls"]) for line in lines)  # type: ignore[call-overload]
    errors = sum(int(line["errors"]) for line in lines)  # type: ignore[call-overload]
    in_doubt = console.reader.in_doubt()
    snapshot = console.registry.snapshot
    failing = _search(console, Query(status="failed", since=at - HOUR, limit=5))
    return {
        "calls": calls,
        "errors": errors,
        "error_percent": 100 * errors / calls if calls else 0.0,
        "p95_ms": max((float(line["p95_us"]) for line in lines), default=0.0) / 1000,  # type: ignore[arg-type]
        "in_doubt": [row(record, snapshot) for record in in_doubt[:20]],
        "in_doubt_count": len(in_doubt),
        "workflows": dict(console.workflows.counts()),
        "tasks": console.workflows.task_count(),
        "alerts": [dict(alert) for alert in console.workflows.alerts()],
        "downtimes": [dict(one) for one in console.downtimes.current()] if console.downtimes is not None else [],
        "systems": _systems(console, lines),
        "failing": [row(record, snapshot) for record in failing],
        "revision": snapshot.revision,
        "refused": console.refused(),
        "parked": console.parked.count(),
        "given_up_count": console.dead_letters.count(Filter()),
        "given_up": [dead_letter_views.row(dead) for dead in console.dead_letters.page(Filter(), GIVEN_UP)],
    }


def _systems(console: ConsolePorts, lines: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    endpoints = list(console.endpoints())
    found = []
    for name, system in sorted(console.registry.snapshot.systems.items()):
        own = [line for line in lines if line["system"] == name]
        states = [point.get("state", "closed") for point in endpoints if point.get("system") == name]
        found.append(
            {
                "name": name,
                "title": dict(system.title),
                "owner": system.owner,
                "calls": sum(int(line["calls"]) for line in own),  # type: ignore[call-overload]
                "errors": sum(int(line["errors"]) for line in own),  # type: ignore[call-overload]
                "last_ok": max((float(line["last_ok"] or 0) for line in own), default=0.0),  # type: ignore[arg-type]
                "last_at": max((float(line["last_at"] or 0) for line in own), default=0.0),  # type: ignore[arg-type]
                "circuit": "open" if "open" in states else "half_open" if "half-open" in states else "closed",
            }
        )
    return found


def messages(console: ConsolePorts, query: Query) -> dict[str, Any]:
    """One page of a search, and where to go on; with no row, when the last that fits was."""
    found = _search(console, query)
    snapshot = console.registry.snapshot
    statuses = FAILED if query.status == "failed" else (query.status,)
    last = 0.0 if found else max(console.reader.last_match(replace(query, status=one)) for one in statuses)
    return {
        "messages": [row(record, snapshot) for record in found],
        "next": found[-1].id if len(found) == query.limit else "",
        "last_match": last,
        "visit": next((record.id for record in found if journey_of(snapshot, record)), ""),
    }


def _search(console: ConsolePorts, query: Query) -> list[Record]:
    """The status ``failed`` stands for both ways to fail: on our side and on the provider's."""
    if query.status != "failed":
        return list(console.reader.search(query))
    both = [one for status in FAILED for one in console.reader.search(replace(query, status=status))]
    return sorted(both, key=lambda one: (one.received_at, one.id), reverse=True)[: query.limit]


def message(console: ConsolePorts, message_id: str, *, reveal: bool = False) -> dict[str, Any] | None:
    """One exchange with its hops and payloads, masked unless revealed; None when there is no such message."""
    record = console.reader.message(message_id)
    if record is None:
        return None
    snapshot = console.registry.snapshot
    operation = _operation(snapshot, record)
    rules = None if reveal else operation.masks if operation else DEFAULT_RULES
    meaning = BY_CODE.get(record.error)
    return row(record, snapshot) | {
        "detail": record.detail,
        "revision": record.revision,
        "hops": [
            {"name": hop.name, "start_us": hop.start_us, "own_us": hop.own_us, "error": hop.error}
            for hop in record.hops
        ],
        "bodies": show_all(record.bodies, rules),
        "meaning": meaning,
        "journey": journey_of(snapshot, record) is not None,
    }


def conformance(console: ConsolePorts, query: Query) -> Report:
    """Which side is wrong in the exchanges that a query finds: paths and rules only, so nothing needs a mask."""
    return report(recorded(console.reader, query), console.registry.snapshot, query.operation)


def message_conformance(console: ConsolePorts, message_id: str) -> tuple[Record, Report] | None:
    """The same for one exchange; None when there is no such message."""
    record = console.reader.message(message_id)
    return None if record is None else (record, report((record,), console.registry.snapshot))


def flow(console: ConsolePorts, flow_id: str) -> list[Record]:
    """The records of one flow, oldest first."""
    return list(console.reader.flow(flow_id))


def journey_of(snapshot: Snapshot, record: Record) -> tuple[Journey, str] | None:
    """The journey a record belongs to and its key's value, or None."""
    for journey in snapshot.journeys.values():
        for name, value in record.keys:
            if name == journey.key and value:
                return journey, value
    return None


def visit(console: ConsolePorts, message_id: str) -> dict[str, Any] | None:
    """The visit that a message belongs to: its milestones, messages and workflow instances."""
    record = console.reader.message(message_id)
    snapshot = console.registry.snapshot
    belongs = journey_of(snapshot, record) if record else None
    if belongs is None:
        return None
    journey, value = belongs
    found = console.reader.search(Query(key=value, key_name=journey.key, limit=500))
    records = sorted(found, key=lambda one: one.received_at)
    start = records[0].received_at if records else 0.0
    return {
        "journey": journey,
        "key": value,
        "milestones": [_milestone(stage, records, start) for stage in journey.milestones],
        "started": start,
        "ended": max((one.received_at + one.duration_us / 1e6 for one in records), default=0.0),
        "records": records,
        "messages": [row(one, snapshot) for one in records],
        "instances": [workflow_views.line(console, one) for one in console.workflows.by_key(journey.key, value)],
    }


def _milestone(stage: Any, records: Sequence[Record], start: float) -> dict[str, Any]:
    hits = [one for one in records if f"{one.service}.{one.operation}" in stage.operations]
    done = [one for one in hits if one.status in ("ok", "accepted")]
    first = done[0] if done else None
    return {
        "name": stage.name,
        "title": dict(stage.title),
        "status": "ok" if first else "error" if hits else "",
        "at": first.received_at if first else 0.0,
        "elapsed": first.received_at - start if first else 0.0,
        "message": (first or hits[-1]).id if hits else "",
    }


def services(console: ConsolePorts, language: Language) -> list[dict[str, Any]]:
    """Every registered service version, by name."""
    snapshot = console.registry.snapshot
    endpoints = list(console.endpoints())
    found = []
    for name, service in sorted(snapshot.services.items()):
        for number, version in service.versions.items():
            system = snapshot.systems.get(version.system)
            found.append(
                {
                    "name": name,
                    "title": title_of(version.title, language, name),
                    "system": version.system,
                    "system_title": title_of(system.title, language, version.system) if system else version.system,
                    "version": number,
                    "default": number == service.default,
                    "faces": sorted(version.faces),
                    "provider": version.provider.protocol if version.provider else "",
                    "charset": version.provider.charset if version.provider else "",
                    "wsdl": version.wsdl is not None,
                    "operations": list(version.operations.values()),
                    "endpoints": [
                        point for point in endpoints if (point.get("service"), point.get("version")) == (name, number)
                    ],
                }
            )
    return found
