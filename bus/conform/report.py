"""The findings of many exchanges, counted by who, what and where, each with one message to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bus.conform.examine import examine
from bus.conform.finding import Finding, Reason, Side, Stage
from bus.conform.reading import read
from bus.ports import JournalReader, Query, Record
from registry.model import Operation, ServiceVersion, Snapshot
from transformers.document import is_xml
from transformers.xml import local_name

#: Places in a list are one kind of place: ``/items/3/code`` and ``/items[4]/code`` lose their numbers.
_POSITION = re.compile(r"\[\d+\]|(?<=/)\d+(?=/|$)")
_ORDER: dict[Side, int] = {"provider": 0, "bus": 1, "caller": 2}


@dataclass(frozen=True, slots=True)
class Count:
    """One kind of finding: how often, in which operation, by whom it was met, and an example of it."""

    finding: Finding
    consumer: str
    service: str
    operation: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stage that could not be checked, why, and how often."""

    operation: str
    stage: Stage
    reason: Reason
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What ``exchanges`` recorded exchanges show; ``unknown`` more are of no operation registered now."""

    exchanges: int
    unknown: int
    counts: tuple[Count, ...]
    gaps: tuple[Gap, ...]

    def total(self, side: Side) -> int:
        """How many findings are laid at one door."""
        return sum(each.count for each in self.counts if each.finding.side == side)


def report(records: Iterable[Record], snapshot: Snapshot, operation_name: str = "") -> Report:
    """Examine records with their bodies, and count; of one operation, where it is named.

    The first example of each kind is kept, which is the newest where records come newest first.
    """
    exchanges = unknown = 0
    counts: dict[tuple[str, ...], Count] = {}
    gaps: dict[tuple[str, Stage, Reason], Gap] = {}
    for record in records:
        known = registered(record, snapshot)
        if known is None:
            unknown += 1
            continue
        version, operation = known
        if operation_name not in ("", operation.name):
            continue
        exchanges += 1
        examined = examine(record, version, operation)
        for finding in examined.findings:
            kind = (record.consumer, record.service, operation.name, *_kind(finding))
            earlier = counts.get(kind)
            made = earlier or Count(finding, record.consumer, record.service, operation.name, 0, record.id)
            counts[kind] = replace(made, count=made.count + 1)
        for stage, reason in examined.unchecked:
            name = f"{record.service}.{operation.name}"
            made_gap = gaps.get((name, stage, reason)) or Gap(name, stage, reason, 0)
            gaps[name, stage, reason] = replace(made_gap, count=made_gap.count + 1)
    found = sorted(counts.values(), key=lambda each: (_ORDER[each.finding.side], -each.count, each.finding.path))
    return Report(exchanges, unknown, tuple(found), tuple(sorted(gaps.values(), key=lambda gap: -gap.count)))


def recorded(reader: JournalReader, query: Query) -> Iterator[Record]:
    """The records that a query finds, newest first, each with its bodies. Raises JournalUnavailable.

    A query for one operation finds what was refused before its operation was known, too: ``report`` tells whose
    it would have been.
    """
    found = list(reader.search(query))
    if query.operation:
        refused = reader.search(replace(query, operation="", status="error"))
        found += [record for record in refused if not record.operation]
    for record in found:
        whole = reader.message(record.id)
        if whole is not None:
            yield whole


def registered(record: Record, snapshot: Snapshot) -> tuple[ServiceVersion, Operation] | None:
    """The version and operation of a record, as they are registered now; None for what is not."""
    service = snapshot.services.get(record.service)
    version = service.versions.get(record.version or service.default) if service else None
    if version is None:
        return None
    operation = version.operations.get(record.operation) if record.operation else _meant(record, version)
    return None if operation is None else (version, operation)


def _meant(record: Record, version: ServiceVersion) -> Operation | None:
    """The operation that a refused request names by its element, or the only one that there is."""
    for body in record.bodies:
        document = read(body, "request", soap=record.door == "soap").document if body.stage == "request" else None
        if is_xml(document):
            name = local_name(document)  # type: ignore[arg-type]
            fitting = [one for tag, one in version.by_element.items() if tag.rpartition("}")[2] == name]
            if len(fitting) == 1:
                return fitting[0]
    return next(iter(version.operations.values())) if len(version.operations) == 1 else None


def _kind(finding: Finding) -> tuple[str, ...]:
    return (finding.side, finding.stage, finding.rule, _POSITION.sub("", finding.path), finding.text)
