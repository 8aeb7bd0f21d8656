"""The systems' own ledgers, read side by side: what each of them says was done for a visit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.simulators.ledger import Entry, Ledger

SYSTEMS = ("his", "emr", "lis", "pacs", "insurance", "pharmacy", "app")


@dataclass(frozen=True, slots=True)
class VisitBook:
    """All entries about one visit, by system, in the order of writing."""

    visit_no: str
    entries: Mapping[str, tuple[Entry, ...]]

    def of(self, system: str, *kinds: str, ref: str = "") -> tuple[Entry, ...]:
        """Answer a system's entries of these kinds, of one ``ref`` or of all."""
        return tuple(e for e in self.entries.get(system, ()) if e.kind in kinds and ref in ("", e.ref))

    def active(self, system: str, done: str, *undone: str, ref: str = "") -> tuple[Entry, ...]:
        """Answer the entries ``done`` that no later ``undone`` entry about the same ``ref`` takes back, one for one."""
        left: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.of(system, done, *undone, ref=ref):
            if entry.kind == done:
                left[entry.ref].append(entry)
            elif left[entry.ref]:
                left[entry.ref].pop()
        return tuple(entry for entries in left.values() for entry in entries)

    def last(self, system: str, *kinds: str) -> str:
        """Answer the kind of the newest of these entries, or an empty text."""
        found = self.of(system, *kinds)
        return found[-1].kind if found else ""

    def when(self, system: str, *kinds: str) -> float:
        """Answer the Unix time of the newest of these entries, or 0."""
        found = self.of(system, *kinds)
        return found[-1].at if found else 0.0


def ledger_path(folder: Path, system: str) -> Path:
    """Where a system of the demo keeps its books."""
    return folder / f"{system}.db"


def read(folder: Path, visit_numbers: Iterable[str]) -> dict[str, VisitBook]:
    """Read every ledger of a folder, and answer the book of each visit."""
    wanted: dict[str, dict[str, list[Entry]]] = {number: defaultdict(list) for number in visit_numbers}
    for system in SYSTEMS:
        ledger = Ledger(ledger_path(folder, system), read_only=True)
        for entry in ledger.entries():
            if entry.visit_no in wanted:
                wanted[entry.visit_no][system].append(entry)
        ledger.close()
    return {
        number: VisitBook(number, {system: tuple(entries) for system, entries in systems.items()})
        for number, systems in wanted.items()
    }
