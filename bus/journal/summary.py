"""Calls, errors and percentiles per operation, counted the same way whatever the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: Outcomes that count as success.
GOOD = frozenset({"ok", "accepted", "superseded"})


@dataclass(slots=True)
class _Tally:
    errors: int = 0
    durations: list[int] = field(default_factory=list)
    last_ok: float = 0.0
    last_at: float = 0.0


def summarise(rows: Iterable[tuple[str, str, str, str, float, int]]) -> list[Mapping[str, object]]:
    """Count rows (system, service, operation, status, received_at, duration_us), sorted by the first three."""
    tallies: dict[tuple[str, str, str], _Tally] = {}
    for system, service, operation, status, received_at, duration_us in rows:
        tally = tallies.setdefault((system, service, operation), _Tally())
        tally.durations.append(duration_us)
        tally.last_at = max(tally.last_at, received_at)
        if status in GOOD:
            tally.last_ok = max(tally.last_ok, received_at)
        else:
            tally.errors += 1
    return [_line(name, tallies[name]) for name in sorted(tallies)]


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile of values in ascending order."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _line(name: tuple[str, str, str], tally: _Tally) -> Mapping[str, object]:
    ordered = sorted(tally.durations)
    return {
        "system": name[0],
        "service": name[1],
        "operation": name[2],
        "calls": len(ordered),
        "errors": tally.errors,
        "p50_us": percentile(ordered, 50),
        "p95_us": percentile(ordered, 95),
        "last_ok": tally.last_ok,
        "last_at": tally.last_at,
    }
