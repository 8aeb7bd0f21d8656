"""Which service an action means: a table of data, since every site and every generation has names of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from transformers.document import Element


@dataclass(frozen=True, slots=True)
class Action:
    """One row: the canonical ``service``, its other names, the roots its documents have, and where it goes.

    ``encounters`` are the codes of an encounter (1 outpatient, 2 emergency, 3 inpatient …) that tell services of
    one root apart. ``operation`` is ``service.operation``, or empty where nothing here serves it.
    """

    service: str
    names: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    encounters: tuple[str, ...] = ()
    operation: str = ""


class ActionUnclear(LookupError):
    """No row, or more than one, fits a message; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ActionTable:
    """All rows, found by any name of theirs or by root. ``prefixes`` are left out of names, such as ``XT-``."""

    rows: tuple[Action, ...]
    prefixes: tuple[str, ...] = ()
    by_name: Mapping[str, tuple[Action, ...]] = field(init=False, repr=False)
    by_root: Mapping[str, tuple[Action, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "by_name", _index((name, row) for row in self.rows for name in (row.service, *row.names))
        )
        object.__setattr__(self, "by_root", _index((root, row) for row in self.rows for root in row.roots))

    def find(self, action: str, interaction: str, document: Element) -> Action:
        """The row of a message sent with ``action`` (perhaps empty) and this interactionId.

        An action that is known decides; where it stands for several services, and where it is unknown (``EVENT``,
        a vendor's code), the document's root or interactionId does, then its encounter. Raises ActionUnclear.
        """
        roots = {interaction, document.tag.rpartition("}")[2]}
        named = self._named(action)
        if named:
            fitting = tuple(row for row in named if not row.roots or roots & set(row.roots))
            if not fitting:
                due = " or ".join(dict.fromkeys(root for row in named for root in row.roots))
                raise ActionUnclear(f"the action {_shown(action)} carries {due}, and {_shown(interaction)} was sent")
            return self._one(fitting, action, interaction, document)
        fitting = tuple({id(row): row for root in sorted(roots) for row in self.by_root.get(root, ())}.values())
        if not fitting:
            what = f"the action {_shown(action)} is not known here" if action else "no action was sent"
            raise ActionUnclear(f"{what}, and no service is known for {_shown(interaction)} either")
        return self._one(fitting, action, interaction, document)

    def _named(self, action: str) -> tuple[Action, ...]:
        for prefix in ("", *self.prefixes):
            if action.startswith(prefix) and (rows := self.by_name.get(action.removeprefix(prefix))):
                return rows
        return ()

    def _one(self, rows: tuple[Action, ...], action: str, interaction: str, document: Element) -> Action:
        if len(rows) > 1 and (code := _encounter(document)):
            rows = tuple(row for row in rows if code in row.encounters) or rows
        if len(rows) == 1:
            return rows[0]
        names = ", ".join(row.service for row in rows)
        why = (
            f"the action {_shown(action)} is not known here"
            if action and not self._named(action)
            else "the action is unclear"
        )
        raise ActionUnclear(f"{why}, and {_shown(interaction)} may be {names}: send the action of one of them")


def _index(pairs: Iterable[tuple[str, Action]]) -> dict[str, tuple[Action, ...]]:
    found: dict[str, tuple[Action, ...]] = {}
    for name, row in pairs:
        found[name] = (*found.get(name, ()), row)
    return found


def _encounter(document: Element) -> str:
    for element in document.iter("{*}encounterEvent", "{*}encounter"):
        code = element.find("{*}code")
        if code is not None:
            return (code.get("code") or "").strip()
    return ""


def _shown(name: str) -> str:
    """A name as a text may quote it: an action is no patient's value, but its sender may have put anything there."""
    plain = "".join(letter for letter in name[:60] if letter.isalnum() or letter in "-_.")
    return f"{plain!r}" if plain else "(empty)"
