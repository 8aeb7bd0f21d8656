"""The journal's search side, the same for every store: newest partition first, and no further than the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeAlias

from bus.journal.partitions import day_of, starts_at, time_in
from bus.journal.payloads import unpack
from bus.journal.rows import intent_of, record_of, with_bodies
from bus.journal.search import ENDED, Place, Source, Statement, matches, place_of, select, statement
from bus.journal.summary import summarise
from bus.ports import Query, Record

#: Runs SQL with ``?`` parameters inside one consistent view of a partition.
Execute: TypeAlias = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]

_INTENTS = Source("intents x")

#: How far, in seconds, the time in an id may be from the time its message was received.
_SLACK = 600.0


class Shelf(Protocol):
    """Where partitions stand. Everything raises JournalUnavailable."""

    def partitions(self, since: float, until: float) -> Iterator[AbstractContextManager[Execute]]:
        """Those that may hold records of [since, until), newest first; 0 is no bound. Each is opened by ``with``."""

    def orphaned(self) -> Statement:
        """An SQL condition on ``x.boot``: true for intents whose process is no longer alive."""


class Reader:
    """Implements ``ports.JournalReader`` over any shelf. Raises JournalUnavailable."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def search(self, query: Query) -> Sequence[Record]:
        """One page, newest first; the next one is behind ``Query.before``, the id of this page's last row."""
        after = self._place_of(query.before) if query.before else None
        if query.before and after is None:
            return []
        limit = max(1, query.limit)
        until = min(filter(None, (query.until, after and after[0] + 1.0)), default=0.0)
        found: list[Record] = []
        for partition in self._shelf.partitions(query.since, until):
            wanted = replace(query, limit=limit - len(found))
            with partition as execute:
                rows = [] if query.status == "open" else execute(*statement(wanted, after))
                under_way = _open(execute) if query.status in ("", "open") else []
            fitting = [each for each in under_way if matches(each, query) and (not after or place_of(each) < after)]
            page = sorted((*map(record_of, rows), *fitting), key=place_of, reverse=True)
            found += page[: wanted.limit]
            if len(found) == limit:
                break
        return found

    def flow(self, flow: str) -> Sequence[Record]:
        """Every record of one flow, oldest first."""
        found: list[Record] = []
        for partition in self._shelf.partitions(0.0, 0.0):
            with partition as execute:
                found += map(record_of, execute(select(ENDED, "x.flow = ?"), (flow,)))
                found += (each for each in _open(execute) if each.flow == flow)
        return sorted(found, key=place_of)

    def message(self, message_id: str) -> Record | None:
        """One record with its bodies, or None."""
        for partition in self._near(message_id):
            with partition as execute:
                for (text,) in execute(select(_INTENTS, "x.id = ?", "x.record"), (message_id,)):
                    record, references = intent_of(text)
                    return with_bodies(record, references, partial(_part, execute, record))
                for row in execute(select(ENDED, "x.id = ? ORDER BY x.received_at DESC LIMIT 1"), (message_id,)):
                    record = record_of(row)
                    return with_bodies(record, row[-1], partial(_part, execute, record))
        return None

    def in_doubt(self) -> Sequence[Record]:
        """Intents of earlier lives of the bus that have no outcome, newest first."""
        found: list[Record] = []
        for partition in self._shelf.partitions(0.0, 0.0):
            with partition as execute:
                found += _open(execute, self._shelf.orphaned())
        return sorted(found, key=place_of, reverse=True)

    def last_match(self, query: Query) -> float:
        """When the newest record that fits, whatever its time, was received; 0 when there is none."""
        whenever = replace(query, since=0.0, until=0.0, before="", limit=1)
        return next((record.received_at for record in self.search(whenever)), 0.0)

    def summary(self, since: float) -> Sequence[Mapping[str, object]]:
        """Per system, service and operation: calls, errors, p50_us, p95_us, last_ok, last_at."""
        columns = "system, service, operation, status, received_at, duration_us"
        return summarise(self._ended_since(since, select(ENDED, "received_at >= ?", columns)))

    def _ended_since(self, since: float, sql: str) -> Iterator[tuple[Any, ...]]:
        for partition in self._shelf.partitions(since, 0.0):
            with partition as execute:
                rows = execute(sql, (since,))
            yield from rows

    def _near(self, message_id: str) -> Iterator[AbstractContextManager[Execute]]:
        """The partitions in which an id is likely, then all of them."""
        time = time_in(message_id)
        if time is not None:
            yield from self._shelf.partitions(time - _SLACK, time + _SLACK)
        yield from self._shelf.partitions(0.0, 0.0)

    def _place_of(self, message_id: str) -> Place | None:
        sql = " UNION ALL ".join(select(source, "x.id = ?", "x.received_at") for source in (ENDED, _INTENTS))
        for partition in self._near(message_id):
            with partition as execute:
                for (received_at,) in execute(sql, (message_id, message_id)):
                    return received_at, message_id
        # Its partition was dropped while someone leafed through the pages: its id still says when it was.
        time = time_in(message_id)
        return None if time is None else (time, message_id)


def _open(execute: Execute, condition: Statement = ("1 = 1", ())) -> list[Record]:
    """What is under way or in doubt: never more than the calls under way and those that a crash broke off."""
    sql, values = condition
    return [intent_of(text)[0] for (text,) in execute(select(_INTENTS, sql, "x.record"), values)]


def _part(execute: Execute, record: Record, part: int) -> bytes:
    sql = select(Source("payloads"), "received_at = ? AND part = ?", "data, packed, size")
    ((data, packed, size),) = execute(sql, (starts_at(day_of(record.received_at)), part))
    return unpack(data, packed, size)
