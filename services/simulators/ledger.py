"""A system's own books: append-only, one SQLite file a system, so that what was done twice shows up twice."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson

_TABLES = """
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, visit_no TEXT NOT NULL, kind TEXT NOT NULL,
    ref TEXT NOT NULL, amount TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_ref ON entry (ref);
CREATE INDEX IF NOT EXISTS entry_visit ON entry (visit_no);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, body TEXT NOT NULL);
"""

_SELECT = "SELECT at, visit_no, kind, ref, amount, facts FROM entry"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect: ``kind`` says what was done, ``ref`` to which order or bill, ``amount`` is yuan as text or empty."""

    at: float
    visit_no: str
    kind: str
    ref: str
    amount: str
    facts: Mapping[str, object]


class Ledger:
    """The books of one system. Only its own process writes; anyone may read."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        mode = "ro" if read_only else "rwc"
        self._connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None)
        self._connection.execute("PRAGMA busy_timeout=5000")
        if not read_only:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_TABLES)

    def record(self, kind: str, *, visit_no: str, ref: str = "", amount: str = "", **facts: object) -> None:
        """Append one effect, timed now."""
        row = (time.time(), visit_no, kind, ref, amount, orjson.dumps(facts).decode())
        self._connection.execute("INSERT INTO entry (at, visit_no, kind, ref, amount, facts) VALUES (?,?,?,?,?,?)", row)

    def once(self, key: str, work: Callable[[], dict[str, T]]) -> dict[str, T]:
        """Do ``work`` and keep its answer, in one transaction; a key seen before gets that answer and does nothing.

        An empty key is never remembered. An exception of ``work`` rolls everything back and is raised here.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            known = (
                self._connection.execute("SELECT body FROM answer WHERE key = ?", (key,)).fetchone() if key else None
            )
            answer: dict[str, T] = orjson.loads(known[0]) if known else work()
            if key and not known:
                self._connection.execute("INSERT INTO answer VALUES (?, ?)", (key, orjson.dumps(answer).decode()))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return answer

    def entries(self, *, ref: str = "", visit_no: str = "") -> Iterator[Entry]:
        """Answer the entries in the order of writing, all of them or those of one ``ref`` or visit."""
        if ref:
            rows = self._connection.execute(f"{_SELECT} WHERE ref = ? ORDER BY id", (ref,))
        elif visit_no:
            rows = self._connection.execute(f"{_SELECT} WHERE visit_no = ? ORDER BY id", (visit_no,))
        else:
            rows = self._connection.execute(f"{_SELECT} ORDER BY id")
        for at, visit, kind, name, amount, facts in rows:
            yield Entry(at, visit, kind, name, amount, orjson.loads(facts))

    def last(self, *kinds: str, ref: str) -> Entry | None:
        """Answer the newest entry of these kinds about ``ref``."""
        found = None
        for entry in self.entries(ref=ref):
            if entry.kind in kinds:
                found = entry
        return found

    def count(self, kind: str) -> int:
        """How many effects of this kind there are."""
        row = self._connection.execute("SELECT count(*) FROM entry WHERE kind = ?", (kind,)).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
