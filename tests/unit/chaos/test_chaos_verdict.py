"""The comparison at the end of a chaos run: it must see everything that could go wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from chaos.verdict import Verdict, compare

from services.demo.books import VisitBook
from services.simulators.ledger import Entry


def compared(shown: Sequence[int], accepted: Sequence[int], *, visits: Sequence[str] = ()) -> Verdict:
    return compare({"V1": VisitBook("V1", {})}, {"V1": shown}, visits, {"V1": accepted})


def registered(*kinds: str) -> VisitBook:
    entries = tuple(Entry(float(at), "V1", kind, "GH1", "", {}) for at, kind in enumerate(kinds))
    return VisitBook("V1", {"his": entries})


def test_updates_that_all_took_effect_in_order_leave_nothing_to_say() -> None:
    found = compared([1, 2, 3], [1, 2, 3])
    assert found.kept
    assert (found.accepted, found.effective) == (3, 3)


def test_an_update_that_nobody_was_promised_may_have_happened_or_not() -> None:
    assert compared([1, 2], [1]).kept
    assert compared([1], [1]).kept


def test_an_accepted_update_that_never_took_effect_is_lost() -> None:
    found = compared([1, 3], [1, 2, 3])
    assert found.lost == ("V1: update 2 never reached the board",)
    assert found.accepted - found.effective == 1


def test_an_update_that_took_effect_again_is_done_twice() -> None:
    assert compared([1, 2, 2], [1, 2]).twice == ("V1: update 2 twice on the board",)


def test_a_later_update_before_an_earlier_one_is_out_of_order() -> None:
    assert compared([1, 3, 2], [1, 2, 3]).out_of_order == ("V1: the board showed 1, 3, 2",)


def test_an_accepted_visit_without_any_entry_is_lost() -> None:
    found = compared([], [], visits=["V1"])
    assert found.lost == ("V1: nothing of it is in any ledger",)
    assert not found.kept
    assert found.accepted - found.effective == 1


def test_a_visit_without_a_trace_counts_when_the_bus_says_it_took_it_back() -> None:
    found = compare({"V1": VisitBook("V1", {})}, {}, ["V1"], {}, given_up=["V1"])
    assert found.kept
    assert (found.accepted, found.effective, found.compensated) == (1, 1, 1)


@pytest.mark.parametrize("visits", [["V1"], []], ids=["accepted", "never accepted"])
def test_a_visit_that_was_done_by_half_is_unfinished_whether_accepted_or_not(visits: list[str]) -> None:
    found = compare({"V1": registered("registered")}, {}, visits, {})
    assert len(found.unfinished) == 1
    assert "his registered left over" in found.unfinished[0]


def test_a_visit_that_was_taken_back_whole_counts_as_effective() -> None:
    found = compare({"V1": registered("registered", "cancelled")}, {}, ["V1"], {})
    assert found.kept
    assert (found.accepted, found.effective, found.compensated) == (1, 1, 1)


def test_a_visit_that_was_registered_twice_is_done_twice() -> None:
    found = compare({"V1": registered("registered", "registered")}, {}, ["V1"], {})
    assert len(found.twice) == 1
    assert not found.kept
