"""Where ``meridian parked`` reads and moves letters: the stores, or the admin API of the running bus.

Embedded stores have one writer, the running bus, so verbs go to it; a PostgreSQL store is written straight.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bus.backbone import parking
from bus.backbone.parking import Lane, ParkedLetter
from bus.client.admin import AdminApi, own_address
from bus.commands.operator import operator
from bus.commands.state_reading import reading
from bus.commands.stores import opened
from bus.parked import Parked, Waiting, waiting
from bus.settings import Settings


class Desk(Protocol):
    """Moves letters in the name of whoever runs the command; see ``bus.parked.Parked``."""

    def release(self, queue: str, letter_id: str, reason: str, *, lane: bool) -> int: ...
    def release_all(self, code: str, reason: str) -> int: ...
    def skip(self, queue: str, letter_id: str, reason: str) -> None: ...
    def edit(self, queue: str, letter_id: str, text: str, reason: str) -> str: ...


def letters(settings: Settings, code: str, limit: int) -> list[ParkedLetter]:
    """What waits, read from the store beside the running bus."""
    with reading(settings) as connection:
        return parking.parked_letters(connection, code=code, limit=limit)


def lanes(settings: Settings, limit: int) -> list[Lane]:
    """The lanes that are held."""
    with reading(settings) as connection:
        return list(parking.lanes(connection, limit=limit))


def one(settings: Settings, queue: str, letter_id: str) -> Waiting:
    """One letter that waits. Raises NotFound."""
    with reading(settings) as connection:
        return waiting(connection, queue, letter_id)


@contextmanager
def open_desk(settings: Settings) -> Iterator[Desk]:
    """PostgreSQL where the settings name it, else the admin API of the bus that runs on this machine."""
    who = f"{operator()} (command line)"
    if not settings.database:
        yield _RemoteDesk(AdminApi(settings, own_address(settings), who))
        return
    with opened(settings) as (state, registry):
        yield _StoreDesk(Parked(state, registry), who)


@dataclass(frozen=True, slots=True)
class _StoreDesk:
    parked: Parked
    who: str

    def release(self, queue: str, letter_id: str, reason: str, *, lane: bool) -> int:
        return self.parked.release(queue, letter_id, self.who, reason, lane=lane)

    def release_all(self, code: str, reason: str) -> int:
        return self.parked.release_all(code, self.who, reason)

    def skip(self, queue: str, letter_id: str, reason: str) -> None:
        self.parked.skip(queue, letter_id, self.who, reason)

    def edit(self, queue: str, letter_id: str, text: str, reason: str) -> str:
        return self.parked.edit(queue, letter_id, text, self.who, reason)


@dataclass(frozen=True, slots=True)
class _RemoteDesk:
    api: AdminApi

    def release(self, queue: str, letter_id: str, reason: str, *, lane: bool) -> int:
        return int(self._order(queue, letter_id, "release", reason=reason, lane=lane)["released"])

    def release_all(self, code: str, reason: str) -> int:
        return int(self.api.post("/parked/release", {"code": code, "reason": reason})["released"])

    def skip(self, queue: str, letter_id: str, reason: str) -> None:
        self._order(queue, letter_id, "skip", reason=reason)

    def edit(self, queue: str, letter_id: str, text: str, reason: str) -> str:
        return str(self._order(queue, letter_id, "edit", reason=reason, document=text)["id"])

    def _order(self, queue: str, letter_id: str, verb: str, **body: Any) -> Any:
        return self.api.post(f"/parked/{queue}/{letter_id}/{verb}", body)
