"""The comparison that counts: what callers were told was accepted, against what the systems' own ledgers hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.demo.books import VisitBook
from services.demo.reconcile import judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """``accepted`` and ``effective`` count visits and updates together; the rest are lines that say what is wrong."""

    accepted: int
    effective: int
    completed: int
    compensated: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    out_of_order: tuple[str, ...]
    unfinished: tuple[str, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The numbers of the visits with which something is wrong."""
        lines = (*self.lost, *self.twice, *self.out_of_order, *self.unfinished)
        return tuple(dict.fromkeys(line.partition(":")[0] for line in lines))

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.twice or self.out_of_order or self.unfinished)


def compare(
    books: Mapping[str, VisitBook],
    shown: Mapping[str, Sequence[int]],
    visits: Collection[str],
    updates: Mapping[str, Sequence[int]],
    given_up: Collection[str] = (),
) -> Verdict:
    """Compare the books of every visit that was asked for with the accepted ``visits`` and ``updates``.

    ``shown`` is the board's: the numbers of each visit's updates in the order in which they took effect. A visit
    that nobody was told is accepted may have happened or not, but not by half. One that left no trace anywhere is
    lost, unless it is among ``given_up``: those of which the bus itself says that it has taken them back.
    """
    lost, twice, disorder, unfinished = [], [], [], []
    counts = {"completed": 0, "compensated": 0}
    effective = 0
    for visit_no, book in books.items():
        found = judge(book)
        accepted = visit_no in visits
        traceless = not any(book.entries.values()) and visit_no not in given_up
        reasons = f"{visit_no}: {'; '.join(found.reasons)}"
        if found.outcome == "lost":
            unfinished.append(reasons)
        elif accepted and traceless:
            lost.append(f"{visit_no}: nothing of it is in any ledger")
        elif found.outcome == "duplicated":
            twice.append(reasons)
            effective += accepted
        elif accepted:
            counts[found.outcome] += 1
            effective += 1
    for visit_no in books:
        promised, took_effect = set(updates.get(visit_no, ())), shown.get(visit_no, ())
        effective += len(promised.intersection(took_effect))
        missing = sorted(promised.difference(took_effect))
        lost += [f"{visit_no}: update {number} never reached the board" for number in missing]
        twice += [f"{visit_no}: update {number} twice on the board" for number in _repeated(took_effect)]
        if any(later < earlier for earlier, later in pairwise(dict.fromkeys(took_effect))):
            disorder.append(f"{visit_no}: the board showed {', '.join(map(str, took_effect))}")
    return Verdict(
        len(visits) + sum(map(len, updates.values())),
        effective,
        counts["completed"],
        counts["compensated"],
        tuple(lost),
        tuple(twice),
        tuple(disorder),
        tuple(unfinished),
    )


def _repeated(numbers: Sequence[int]) -> Iterator[int]:
    seen: set[int] = set()
    for number in numbers:
        if number in seen:
            yield number
        seen.add(number)
