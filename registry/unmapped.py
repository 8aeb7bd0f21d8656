"""Counts the codes that no table knew: the list that integration teams work off."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

MAX_KINDS = 2000
MAX_CODE = 32


@dataclass(frozen=True, slots=True)
class UnmappedCode:
    """A code of ``table`` that has no row, looked up from one column to another; ``code`` is cut at 32 characters."""

    table: str
    source: str
    target: str
    code: str


class Unmapped:
    """A bounded, thread-safe count. Beyond 2,000 different codes only the tables' totals still grow.

    ``code`` may be what a wrong path took for a code, so it belongs on masked pages and never into a metric.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: Counter[UnmappedCode] = Counter()
        self._tables: Counter[str] = Counter()

    def count(self, table: str, source: str, target: str, code: str) -> None:
        """Count one code that ``table`` could not map from column ``source`` to ``target``."""
        kind = UnmappedCode(table, source, target, code[:MAX_CODE])
        with self._lock:
            self._tables[table] += 1
            if kind in self._codes or len(self._codes) < MAX_KINDS:
                self._codes[kind] += 1

    def totals(self) -> dict[str, int]:
        """How many lookups failed, by table."""
        with self._lock:
            return dict(self._tables)

    def codes(self) -> tuple[tuple[UnmappedCode, int], ...]:
        """Every unmapped code with its count, the most frequent first."""
        with self._lock:
            return tuple(self._codes.most_common())
