"""A simulated system's books are append-only, and a key is honoured once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.simulators.faults import Faults, Hang, every
from services.simulators.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "books.db")
    yield ledger
    ledger.close()


def test_a_key_seen_before_answers_the_same_and_does_nothing(ledger: Ledger) -> None:
    def work() -> dict[str, str]:
        ledger.record("charged", visit_no="V1", ref="B1", amount="1.00")
        return {"bill": "B1"}

    assert ledger.once("key", work) == ledger.once("key", work) == {"bill": "B1"}
    assert ledger.count("charged") == 1


def test_another_key_for_the_same_visit_is_done_again_so_that_duplicates_show(ledger: Ledger) -> None:
    for key in ("first", "second"):
        ledger.once(key, lambda: {"x": ledger.record("charged", visit_no="V1")})
    assert [entry.kind for entry in ledger.entries(visit_no="V1")] == ["charged", "charged"]


def test_work_that_fails_leaves_neither_an_entry_nor_an_answer(ledger: Ledger) -> None:
    def work() -> dict[str, str]:
        ledger.record("charged", visit_no="V1")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.once("key", work)
    assert ledger.count("charged") == 0
    assert ledger.once("key", lambda: {"x": "done"}) == {"x": "done"}


def test_the_books_can_be_read_beside_the_process_that_writes_them(ledger: Ledger, tmp_path: Path) -> None:
    ledger.record("charged", visit_no="V1", ref="B1", amount="1.20", bill="甲")
    reader = Ledger(tmp_path / "books.db", read_only=True)
    (entry,) = reader.entries(ref="B1")
    assert (entry.visit_no, entry.amount, entry.facts) == ("V1", "1.20", {"bill": "甲"})
    reader.close()


def test_the_newest_entry_of_the_asked_kinds_is_found(ledger: Ledger) -> None:
    for kind in ("charged", "printed", "refunded", "printed"):
        ledger.record(kind, visit_no="V1", ref="B1")
    last = ledger.last("charged", "refunded", ref="B1")
    assert last is not None
    assert last.kind == "refunded"
    assert ledger.last("charged", ref="B2") is None


def test_every_third_occurrence_is_chosen_and_zero_chooses_none() -> None:
    assert [every(3, count) for count in range(1, 7)] == [False, False, True, False, False, True]
    assert not every(0, 1)


def test_a_hang_begins_after_the_first_call_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("services.simulators.faults.time.monotonic", lambda: clock[0])
    hang = Hang(Faults(hang_after=2, hang_for=5))
    seen = []
    for clock[0] in (100.0, 102.5, 107.5):
        seen.append(hang.remaining())
    assert seen == [0.0, 4.5, 0.0]
