"""The stages' figures come from the ledgers' clocks."""

from __future__ import annotations

import io

from services.demo.books import VisitBook
from services.demo.stages import stages
from services.demo.watch import Progress
from services.simulators.ledger import Entry


def _book(number: str, begin: float) -> VisitBook:
    marks = (("emr", "opened"), ("lis", "accepted"), ("his", "charged"), ("pharmacy", "dispensed"), ("app", "notified"))
    entries = {
        system: (Entry(begin + step + 1, number, kind, "", "", {}),) for step, (system, kind) in enumerate(marks)
    }
    return VisitBook(number, entries)


def test_each_stage_is_timed_from_the_end_of_the_stage_before_it() -> None:
    found = {stage.name: stage for stage in stages({"A": _book("A", 100.0)}, {"A": 100.0})}
    assert [found[name].p50 for name in ("registration", "exam", "billing", "pharmacy", "report")] == [1.0] * 5
    assert found["visit"].p50 == 5.0


def test_a_visit_that_stopped_counts_only_in_the_stages_it_reached() -> None:
    whole, half = _book("A", 100.0), _book("B", 100.0)
    half = VisitBook("B", {system: half.entries[system] for system in ("emr", "lis")})
    found = {stage.name: stage.count for stage in stages({"A": whole, "B": half}, {"A": 100.0, "B": 100.0})}
    assert found == {"registration": 2, "exam": 2, "billing": 1, "pharmacy": 1, "report": 1, "visit": 1}


def test_progress_off_a_terminal_prints_plain_lines_some_seconds_apart() -> None:
    stream = io.StringIO()
    progress = Progress(stream, pause=3600)
    for text in ("first", "second"):
        progress.show(text)
    progress.show("last", final=True)
    assert stream.getvalue() == "first\nlast\n"


def test_progress_on_a_terminal_writes_one_line_over_and_over() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress(stream)
    progress.show("longer text")
    progress.show("short", final=True)
    assert stream.getvalue() == "\rlonger text\rshort      \n"
