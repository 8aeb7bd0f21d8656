"""Percentiles by nearest rank, and what counts as an error."""

from __future__ import annotations

import pytest

from bus.journal.summary import percentile, summarise


@pytest.mark.parametrize(
    ("count", "percent", "expected"), [(1, 50, 1), (1, 95, 1), (2, 50, 1), (20, 50, 10), (20, 95, 19), (21, 95, 20)]
)
def test_a_percentile_is_a_value_that_occurred(count: int, percent: int, expected: int) -> None:
    assert percentile(range(1, count + 1), percent) == expected


def test_faults_and_errors_are_counted_and_do_not_move_the_last_success() -> None:
    rows = [("s", "v", "o", status, float(at), 5) for at, status in enumerate(("ok", "accepted", "fault", "error"), 1)]
    (line,) = summarise(rows)
    assert (line["calls"], line["errors"], line["last_ok"], line["last_at"]) == (4, 2, 2.0, 4.0)


def test_nothing_called_is_an_empty_summary() -> None:
    assert summarise([]) == []
