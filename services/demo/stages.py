"""How long each stage took, by the timestamps in the systems' ledgers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import quantiles

from services.demo.books import VisitBook


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how many visits reached its end, and the median and 95th percentile of its seconds."""

    name: str
    count: int
    p50: float
    p95: float


def _latest(book: VisitBook, *places: tuple[str, str]) -> float:
    return max(book.when(system, kind) for system, kind in places)


#: The end of each stage, in order; a stage begins where the one before it ended.
_ENDS: tuple[tuple[str, Callable[[VisitBook], float]], ...] = (
    ("registration", lambda book: book.when("emr", "opened")),
    ("exam", lambda book: _latest(book, ("lis", "accepted"), ("pacs", "accepted"))),
    ("billing", lambda book: book.when("his", "charged")),
    ("pharmacy", lambda book: book.when("pharmacy", "dispensed")),
    ("report", lambda book: book.when("app", "notified")),
)


def stages(books: Mapping[str, VisitBook], started: Mapping[str, float]) -> Iterator[Stage]:
    """Answer the stages and, at the end, the whole visit. ``started`` is when the kiosk sent each visit (Unix)."""
    durations: dict[str, list[float]] = {name: [] for name, _ in _ENDS}
    durations["visit"] = []
    for visit_no, book in books.items():
        begin = started.get(visit_no, 0.0)
        for name, end in _ENDS:
            ended = end(book)
            if not begin or not ended:
                break
            durations[name].append(max(0.0, ended - begin))
            begin = ended
        else:
            durations["visit"].append(begin - started[visit_no])
    for name, seconds in durations.items():
        yield Stage(name, len(seconds), *_percentiles(seconds))


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (0.0, 0.0)
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]
