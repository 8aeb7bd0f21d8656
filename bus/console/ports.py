"""What the console needs from the bus: read-only views of each part, and its own users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bus.backbone.dead_letters import DeadLetter, Filter
from bus.backbone.parking import Lane, ParkedLetter
from bus.downtime.desk import Desk
from bus.orchestration.instances import Wanted
from bus.orchestration.orders import Outcome
from bus.orchestration.stimuli import Order
from bus.parked import Waiting
from bus.ports import JournalReader, SnapshotSource
from bus.security.users import Users
from bus.settings import Settings


class Workflows(Protocol):
    """Reads workflow instances, and gives them operators' orders."""

    def page(self, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
        """Instances, newest first: id, workflow, status, keys, created_at, updated_at, error."""

    def one(self, instance: str) -> Mapping[str, Any] | None:
        """One instance with its definition, history, places, waits, timers, tasks, orders and verbs."""

    def by_key(self, name: str, value: str) -> Sequence[Mapping[str, Any]]:
        """The instances that carry this business key."""

    def counts(self) -> Mapping[str, int]:
        """How many instances have which status."""

    def alerts(self, limit: int = 20) -> Sequence[Mapping[str, Any]]:
        """Alerts nobody has acknowledged, newest first."""

    def silenced(self, downtime: int) -> Sequence[Mapping[str, Any]]:
        """The alerts that were expected because of this downtime, newest first."""

    def tasks(self, limit: int = 100) -> Sequence[Mapping[str, Any]]:
        """What waits for a person, the longest first."""

    def task_count(self) -> int:
        """How many tasks wait for a person."""

    def order(self, instance: str, order: Order, *, who: str, reason: str = "") -> Outcome:
        """Carry out an order. Raises NotFound and OrderRefused."""

    def foresee(self, instance: str, order: Order) -> Outcome:
        """What an order would do. Raises NotFound."""


class ParkedLetters(Protocol):
    """Reads letters that wait for a person, and moves them; see ``bus.parked.Parked``."""

    def letters(self, *, code: str = "", limit: int = 100) -> Sequence[ParkedLetter]: ...
    def lanes(self, *, limit: int = 100) -> Sequence[Lane]: ...
    def count(self) -> int: ...
    def one(self, queue: str, letter_id: str) -> Waiting: ...
    def release(self, queue: str, letter_id: str, who: str, reason: str, *, lane: bool = False) -> int: ...
    def release_all(self, code: str, who: str, reason: str) -> int: ...
    def skip(self, queue: str, letter_id: str, who: str, reason: str) -> None: ...
    def edit(self, queue: str, letter_id: str, text: str, who: str, reason: str) -> str: ...


class DeadLetterDesk(Protocol):
    """Letters that failed for good, and what becomes of them; see ``bus.backbone.dead_letters``."""

    def page(self, wanted: Filter, limit: int) -> Sequence[DeadLetter]: ...
    def count(self, wanted: Filter) -> int: ...
    def one(self, queue: str, letter_id: str) -> DeadLetter | None: ...
    def replay(self, queue: str, letter_id: str, who: str, reason: str) -> bool: ...
    def replay_all(self, wanted: Filter, who: str, reason: str, *, rate: float) -> int: ...
    def discard(self, queue: str, letter_id: str, who: str, reason: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ConsolePorts:
    """Everything the console may reach. Made once, in ``bus/bootstrap.py``."""

    settings: Settings
    registry: SnapshotSource
    reader: JournalReader
    users: Users
    workflows: Workflows
    parked: ParkedLetters
    dead_letters: DeadLetterDesk
    downtimes: Desk | None = None
    endpoints: Callable[[], Sequence[Mapping[str, Any]]] = field(default=lambda: ())
    refused: Callable[[], str] = field(default=str)
    """Why the newest revision of the registry could not be loaded; empty when it is in use."""
