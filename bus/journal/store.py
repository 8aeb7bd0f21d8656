"""What the group-commit writer needs of a store; everything here runs on the writer's one thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from bus.errors import JournalUnavailable
from bus.journal.rows import Entry


class Unstorable(JournalUnavailable):
    """The store refuses a value, not the disk or the connection: a record whose text it cannot hold."""


class Store(Protocol):
    """One journal on disk. Every method raises JournalUnavailable and leaves no transaction open."""

    def open(self) -> None:
        """Make the store ready to be written, with the tables that are missing."""

    def write(self, day: date, entries: Sequence[Entry]) -> None:
        """Commit these entries of one partition, all or none; Unstorable when one of them is to blame."""

    def tick(self) -> None:
        """Called about once a second: heartbeat and retention."""

    def close(self) -> None:
        """Give everything back; never raises."""
