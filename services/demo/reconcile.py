"""The reconciliation: from the systems' ledgers alone, what became of every visit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from services.demo.books import VisitBook

Outcome = Literal["completed", "compensated", "lost", "duplicated"]

#: Which system examines what the doctor ordered, by the order's category.
_EXAMINERS = {"laboratory": "lis", "imaging": "pacs"}

#: What a completed visit was, each by the books of all systems that have a word in it.
POINTS = ("registered", "ordered", "examined", "reported", "charged = insured", "dispensed")

#: What must not happen twice for one reference: (system, entry).
_ONCE = (
    ("his", "registered"),
    ("his", "charged"),
    ("emr", "opened"),
    ("emr", "reported"),
    ("lis", "accepted"),
    ("lis", "examined"),
    ("pacs", "accepted"),
    ("pacs", "examined"),
    ("pharmacy", "dispensed"),
    ("app", "notified"),
)

#: What must be taken back in a visit that was given up: (system, entry, what takes it back).
_UNDONE = (
    ("his", "registered", ("cancelled",)),
    ("his", "charged", ("refunded",)),
    ("emr", "reported", ("withdrawn",)),
    ("lis", "accepted", ("cancelled",)),
    ("pacs", "accepted", ("cancelled",)),
    ("insurance", "registered", ("registration-cancelled",)),
    ("insurance", "fees", ("fees-cancelled",)),
    ("insurance", "settled", ("settlement-cancelled", "settlement-reversed")),
    ("pharmacy", "dispensed", ("returned",)),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one visit; ``reasons`` says what is missing, left over or double."""

    visit_no: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()


def judge(book: VisitBook) -> Verdict:
    """Judge one visit by the books."""
    doubles = tuple(_doubles(book))
    if doubles:
        return Verdict(book.visit_no, "duplicated", doubles)
    missing = tuple(dict.fromkeys(reason for _, reason in _missing(book)))
    if not missing:
        return Verdict(book.visit_no, "completed")
    left = tuple(_left(book))
    if not left:
        return Verdict(book.visit_no, "compensated")
    return Verdict(book.visit_no, "lost", missing + left)


def standing(books: Iterable[VisitBook]) -> dict[str, int]:
    """Of how many visits each of ``POINTS`` is true in the end, and was not taken back."""
    counts = dict.fromkeys(POINTS, 0)
    for book in books:
        wanting = {point for point, _ in _missing(book)}
        for point in POINTS:
            counts[point] += point not in wanting
    return counts


def totals(verdicts: Mapping[str, Verdict]) -> dict[Outcome, int]:
    """Count the outcomes."""
    counts: dict[Outcome, int] = {"completed": 0, "compensated": 0, "lost": 0, "duplicated": 0}
    for verdict in verdicts.values():
        counts[verdict.outcome] += 1
    return counts


def last_line(counts: Mapping[Outcome, int]) -> str:
    """The one line that says it all."""
    return (
        f"visits: {counts['completed']} completed, {counts['compensated']} compensated, "
        f"{counts['lost']} lost, {counts['duplicated']} duplicated"
    )


def _doubles(book: VisitBook) -> Iterator[str]:
    for system, kind in _ONCE:
        refs = [entry.ref for entry in book.of(system, kind)]
        if len(refs) != len(set(refs)):
            yield f"{system} {kind} twice"
    settled = book.active("insurance", "settled", "settlement-reversed")
    if len(settled) > 1:
        yield "insurance settled twice"
    if len(book.active("insurance", "registered", "registration-cancelled")) > 1:
        yield "insurance registered twice"


def _missing(book: VisitBook) -> Iterator[tuple[str, str]]:
    """What a completed visit must show and this one does not: the point it belongs to, if any, and the reason."""
    if not book.active("his", "registered", "cancelled"):
        yield "registered", "not registered in the HIS"
    if not book.active("insurance", "registered", "registration-cancelled"):
        yield "registered", "not registered with the insurance"
    if book.last("emr", "opened", "cancelled", "finished") != "finished":
        yield "", "encounter not finished"
    orders = book.of("emr", "ordered")
    if not orders:
        yield from ((point, "nothing ordered") for point in ("ordered", "examined", "reported", "dispensed"))
    for order in orders:
        yield from _missing_for(book, str(order.facts["category"]), order.ref)
    yield from (("charged = insured", reason) for reason in _missing_money(book))
    if not book.of("app", "notified"):
        yield "", "patient not notified"


def _missing_for(book: VisitBook, category: str, ref: str) -> Iterator[tuple[str, str]]:
    if category == "drug":
        if not book.active("pharmacy", "dispensed", "returned", ref=ref):
            yield "dispensed", "not dispensed"
        return
    system = _EXAMINERS[category]
    if not book.active(system, "accepted", "cancelled", ref=ref):
        yield "ordered", f"{category} order not at the {system}"
    if not book.of(system, "examined", ref=ref):
        yield "examined", f"{category} not examined"
    if not book.active("emr", "reported", "withdrawn", ref=ref):
        yield "reported", f"{category} not reported"


def _missing_money(book: VisitBook) -> Iterator[str]:
    charged = book.active("his", "charged", "refunded")
    settled = book.active("insurance", "settled", "settlement-cancelled", "settlement-reversed")
    if not charged:
        yield "not charged"
    if not settled:
        yield "not insured"
    if sum((Decimal(e.amount) for e in charged), Decimal(0)) != sum((Decimal(e.amount) for e in settled), Decimal(0)):
        yield "charged is not what was insured"


def _left(book: VisitBook) -> Iterator[str]:
    """What a compensated visit must not leave behind."""
    for system, done, undone in _UNDONE:
        if book.active(system, done, *undone):
            yield f"{system} {done} left over"
    if book.last("emr", "opened", "cancelled", "finished") in ("opened", "finished"):
        yield "emr encounter left open"
