"""The journal in memory: both ports with nothing behind them, for tests of everything that writes or reads one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from bus.journal.search import matches, place_of
from bus.journal.summary import summarise
from bus.ports import Query, Record


class MemoryJournal:
    """Keeps records in lists. Implements ``ports.Journal`` and ``ports.JournalReader``.

    ``intents`` and ``outcomes`` are open to inspection, in the order they were written. ``earlier`` holds the
    intents that an earlier life of the bus is to have left behind.
    """

    def __init__(self, earlier: Iterable[Record] = ()) -> None:
        self.intents: list[Record] = []
        self.outcomes: list[Record] = []
        self._doubtful = {record.id: replace(record, status="open") for record in earlier}
        self._latest = dict(self._doubtful)

    async def start(self) -> None:
        """Nothing has to be opened."""

    async def aclose(self) -> None:
        """Nothing has to be flushed."""

    async def intent(self, record: Record) -> None:
        """Keep the intent."""
        self.intents.append(record)
        self._doubtful.pop(record.id, None)
        self._latest[record.id] = replace(record, status="open")

    async def outcome(self, record: Record) -> None:
        """Keep the outcome."""
        self.outcomes.append(record)
        self._doubtful.pop(record.id, None)
        self._latest[record.id] = record

    def search(self, query: Query) -> Sequence[Record]:
        """Newest first; see ``ports.Query``."""
        found = [record for record in self._records() if matches(record, query)]
        if query.before:
            anchor = self._latest.get(query.before)
            found = [] if anchor is None else [record for record in found if place_of(record) < place_of(anchor)]
        return [replace(record, bodies=()) for record in found[: max(1, query.limit)]]

    def flow(self, flow: str) -> Sequence[Record]:
        """Every record of one flow, oldest first."""
        return [replace(record, bodies=()) for record in reversed(self._records()) if record.flow == flow]

    def message(self, message_id: str) -> Record | None:
        """One record with its bodies."""
        return self._latest.get(message_id)

    def in_doubt(self) -> Sequence[Record]:
        """Those of ``earlier`` that have no outcome, newest first."""
        return [replace(record, bodies=()) for record in self._records() if record.id in self._doubtful]

    def last_match(self, query: Query) -> float:
        """When the newest record that fits, whatever its time, was received; 0 when there is none."""
        whenever = dataclasses.replace(query, since=0.0, until=0.0, before="", limit=1)
        return next((record.received_at for record in self.search(whenever)), 0.0)

    def summary(self, since: float) -> Sequence[Mapping[str, object]]:
        """Calls, errors and percentiles per operation."""
        return summarise(
            (each.system, each.service, each.operation, each.status, each.received_at, each.duration_us)
            for each in self._records()
            if each.status != "open" and each.received_at >= since
        )

    def _records(self) -> list[Record]:
        return sorted(self._latest.values(), key=place_of, reverse=True)
