"""The results as tables: one row a case, one column a stack, one mark for each contract or face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from unicodedata import east_asian_width

PASSED, FAILED, CANNOT, UNKNOWN = "✓", "✗", "–", "·"

#: The mark of a cell: (row, column, place within the cell).
Marks = Mapping[tuple[str, str, str], str]


def plain(title: str, rows: Sequence[str], columns: Sequence[str], places: Sequence[str], marks: Marks) -> str:
    """The table for a terminal."""
    width = max(map(_width, rows)) + 2
    cell = max(len(places) + 2, *(len(column) + 2 for column in columns))
    head = " " * width + "".join(column.ljust(cell) for column in columns)
    lines = [title, head, *(_line(row, columns, places, marks, width, cell) for row in rows)]
    return "\n".join(line.rstrip() for line in lines)


def markdown(
    rows: Sequence[tuple[str, str]], columns: Sequence[tuple[str, str]], cell: Callable[[str, str], str]
) -> str:
    """The table for a page; rows and columns are names with their titles, ``cell`` answers what stands in a cell."""
    head = f"| | {' | '.join(title for _, title in columns)} |\n|---|{'---|' * len(columns)}\n"
    body = (f"| {title} | {' | '.join(cell(row, column) for column, _ in columns)} |\n" for row, title in rows)
    return head + "".join(body)


def _line(row: str, columns: Sequence[str], places: Sequence[str], marks: Marks, width: int, cell: int) -> str:
    cells = ("".join(marks.get((row, column, place), UNKNOWN) for place in places) for column in columns)
    return row + " " * (width - _width(row)) + "".join(each.ljust(cell) for each in cells)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
