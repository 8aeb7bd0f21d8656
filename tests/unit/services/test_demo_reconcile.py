"""The reconciliation must see what is lost, left over or done twice: each test breaks one good visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.demo.books import VisitBook
from services.demo.reconcile import POINTS, judge, last_line, standing, totals
from services.simulators.ledger import Entry

VISIT = "MZ26112300001"
Row = tuple[str, str, str, str]

#: One good visit with a laboratory and an imaging order: system, entry, ref, amount.
GOOD: tuple[Row, ...] = (
    ("his", "registered", "GH1", ""),
    ("insurance", "registered", "M1", ""),
    ("emr", "opened", VISIT, ""),
    ("emr", "ordered", "L1", "laboratory"),
    ("emr", "ordered", "X1", "imaging"),
    ("emr", "ordered", "R1", "drug"),
    ("lis", "accepted", "L1", ""),
    ("lis", "examined", "L1", ""),
    ("pacs", "accepted", "X1", ""),
    ("pacs", "examined", "X1", ""),
    ("insurance", "fees", "M1", "100.10"),
    ("insurance", "settled", "S1", "100.10"),
    ("his", "charged", "SF1", "100.10"),
    ("pharmacy", "dispensed", "R1", ""),
    ("emr", "reported", "L1", ""),
    ("emr", "reported", "X1", ""),
    ("emr", "finished", VISIT, ""),
    ("app", "notified", "N1", ""),
)

#: What takes all of it back.
UNDO: tuple[Row, ...] = (
    ("emr", "withdrawn", "L1", ""),
    ("emr", "withdrawn", "X1", ""),
    ("emr", "cancelled", VISIT, ""),
    ("pharmacy", "returned", "R1", ""),
    ("his", "refunded", "SF1", "100.10"),
    ("insurance", "settlement-cancelled", "S1", "-100.10"),
    ("insurance", "fees-cancelled", "M1", ""),
    ("lis", "cancelled", "L1", ""),
    ("pacs", "cancelled", "X1", ""),
    ("insurance", "registration-cancelled", "M1", ""),
    ("his", "cancelled", "GH1", ""),
)


def book(rows: Sequence[Row]) -> VisitBook:
    entries: dict[str, list[Entry]] = {}
    for at, (system, kind, ref, amount) in enumerate(rows):
        facts = {"category": amount} if kind == "ordered" else {}
        entry = Entry(float(at), VISIT, kind, ref, "" if facts else amount, facts)
        entries.setdefault(system, []).append(entry)
    return VisitBook(VISIT, {system: tuple(found) for system, found in entries.items()})


def test_a_visit_with_every_effect_once_is_completed() -> None:
    assert judge(book(GOOD)).outcome == "completed"


def test_a_visit_whose_every_effect_was_taken_back_is_compensated() -> None:
    assert judge(book(GOOD + UNDO)).outcome == "compensated"


def test_what_stands_in_the_end_is_counted_over_the_visits_and_without_what_was_taken_back() -> None:
    good, undone, never = book(GOOD), book(GOOD + UNDO), book(())
    assert standing([good, good]) == dict.fromkeys(POINTS, 2)
    assert standing([never]) == dict.fromkeys(POINTS, 0)
    # Orders are the doctor's word and stay; that they reached the systems, and what came of them, was taken back.
    assert standing([good, undone]) == dict.fromkeys(POINTS, 1) | {"examined": 2}


def test_a_visit_that_was_charged_otherwise_than_insured_stands_in_all_but_that() -> None:
    rows = tuple((*row[:3], "99.00") if row[1] == "charged" else row for row in GOOD)
    assert standing([book(rows)]) == dict.fromkeys(POINTS, 1) | {"charged = insured": 0}


def test_a_visit_that_never_began_anywhere_is_compensated_because_nothing_is_left() -> None:
    assert judge(book(())).outcome == "compensated"


@pytest.mark.parametrize("missing", [row for row in GOOD if row[1] not in ("opened", "ordered", "fees")], ids=str)
def test_a_visit_that_lacks_one_effect_is_lost(missing: Row) -> None:
    verdict = judge(book([row for row in GOOD if row != missing]))
    assert verdict.outcome == "lost"
    assert verdict.reasons


@pytest.mark.parametrize("kept", UNDO, ids=str)
def test_a_given_up_visit_that_leaves_one_effect_behind_is_lost(kept: Row) -> None:
    assert judge(book([*GOOD, *(row for row in UNDO if row != kept)])).outcome == "lost"


@pytest.mark.parametrize(
    "twice",
    [row for row in GOOD if row[1] not in ("ordered", "fees", "finished") and row[0] != "insurance"],
    ids=str,
)
def test_an_effect_done_twice_makes_the_visit_duplicated(twice: Row) -> None:
    assert judge(book([*GOOD, twice])).outcome == "duplicated"


def test_a_second_settlement_is_a_duplicate_unless_the_first_was_reversed() -> None:
    second = ("insurance", "settled", "S2", "100.10")
    reversal = ("insurance", "settlement-reversed", "S1", "")
    assert judge(book([*GOOD, second])).outcome == "duplicated"
    assert judge(book([*GOOD, reversal, second])).outcome == "completed"


def test_a_charge_that_differs_from_the_settlement_by_one_cent_is_lost() -> None:
    rows = [("his", "charged", "SF1", "100.11") if row[1] == "charged" else row for row in GOOD]
    verdict = judge(book(rows))
    assert verdict.outcome == "lost"
    assert "charged is not what was insured" in verdict.reasons


def test_the_last_line_has_the_true_numbers_in_the_agreed_words() -> None:
    verdict = judge(book(GOOD))
    counts = totals({"a": verdict, "b": replace(verdict, outcome="compensated"), "c": replace(verdict, outcome="lost")})
    assert last_line(counts) == "visits: 1 completed, 1 compensated, 1 lost, 0 duplicated"
