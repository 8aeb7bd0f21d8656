"""How far the visits are: the bus's count of workflow instances, and the ledgers' counts of effects."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bus.errors import StateUnavailable
from bus.orchestration.instances import count_by_status
from services.demo.books import ledger_path
from services.simulators.ledger import Ledger

_ENDED = ("completed", "compensated", "cancelled", "stuck")

#: What the live line counts: label, system, entry.
_COUNTED = (
    ("registered", "his", "registered"),
    ("charged", "his", "charged"),
    ("dispensed", "pharmacy", "dispensed"),
    ("reported", "emr", "reported"),
    ("notified", "app", "notified"),
)


class Instances:
    """The workflow instances of a bus that keeps its state in ``data``; read only."""

    def __init__(self, data: Path) -> None:
        self._engine = create_engine(f"sqlite:///file:{data / 'state.db'}?mode=ro&uri=true", poolclass=NullPool)

    def counts(self) -> Mapping[str, int]:
        """How many instances have which status. Raises StateUnavailable when the store cannot be read."""
        try:
            with self._engine.connect() as connection:
                return count_by_status(connection)
        except SQLAlchemyError as error:
            raise StateUnavailable("the bus's state cannot be read; is it still running?") from error


@dataclass(slots=True)
class Progress:
    """Live progress: one line that is written over on a terminal, plain lines a few seconds apart elsewhere."""

    stream: TextIO = sys.stdout
    pause: float = 3.0
    _last: float = -math.inf
    _width: int = 0

    def show(self, text: str, *, final: bool = False) -> None:
        """Show the present state; ``final`` ends the line."""
        if self.stream.isatty():
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be written over
            self.stream.write("\r" + text.ljust(self._width) + ("\n" if final else ""))
            self._width = len(text)
        elif final or time.monotonic() - self._last >= self.pause:
            self.stream.write(text + "\n")
            self._last = time.monotonic()
        self.stream.flush()


async def until_ended(
    data: Path,
    ledgers: Path,
    count: Callable[[], int],
    done: Callable[[], bool],
    check: Callable[[], None],
    limit: float,
) -> bool:
    """Show progress until ``done`` and as many instances as ``count`` says have ended.

    ``check`` raises when the demo cannot go on. Answers False when ``limit`` seconds have passed first.
    """
    instances, progress = Instances(data), Progress()
    books = {system: Ledger(ledger_path(ledgers, system), read_only=True) for _, system, _ in _COUNTED}
    begin = time.monotonic()
    while True:
        check()
        counts = await asyncio.to_thread(instances.counts)
        ended = sum(counts.get(status, 0) for status in _ENDED)
        finished = done() and ended >= count()
        late = time.monotonic() - begin > limit
        progress.show(_line(count(), counts, books, time.monotonic() - begin), final=finished or late)
        if finished or late:
            for book in books.values():
                book.close()
            return finished
        await asyncio.sleep(0.5)


def _line(started: int, counts: Mapping[str, int], books: Mapping[str, Ledger], seconds: float) -> str:
    effects = " · ".join(f"{label} {books[system].count(kind)}" for label, system, kind in _COUNTED)
    states = " · ".join(f"{status} {number}" for status, number in sorted(counts.items()) if number)
    return f"{seconds:5.1f} s  started {started} · {effects}  |  {states}"
