"""Letters that wait for a person, as the console, the admin API and the command line handle them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bus.backbone import parking
from bus.backbone.parking import Lane, ParkedLetter
from bus.errors import BadRequest, NotFound
from bus.letter_document import Inside, inside, replaced
from bus.ports import Letter, SnapshotSource
from bus.state.actions import Action, actions
from bus.state.store import State
from transformers.errors import MeridianError


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked letter with what it carries, the letters of its lane in order, and what was done to it before."""

    parked: ParkedLetter
    inside: Inside
    lane: Sequence[Letter]
    actions: Sequence[Action]


def waiting(connection: Connection, queue: str, letter_id: str) -> Waiting:
    """Inside a read: one letter that waits. Raises NotFound."""
    found = parking.parked_letter(connection, queue, letter_id)
    if found is None:
        raise _gone(queue, letter_id)
    letter = found.letter
    lane = parking.letters_of(connection, queue, letter.lane) if letter.lane else (letter,)
    base = letter_id.partition("~")[0]
    trail = actions(connection, subject=f"{queue}/{letter_id}") or actions(connection, subject=f"{queue}/{base}")
    return Waiting(found, opened(letter), lane, trail)


def opened(letter: Letter) -> Inside:
    """What a letter carries; nothing that can be edited where it cannot be read. It waits all the same."""
    try:
        return inside(letter)
    except MeridianError:
        return Inside("", "", "", b"", "", False)


class Parked:
    """Reads and verbs for the threads of the console. Each verb puts ``who`` and ``reason`` on record.

    Raises NotFound for a letter that does not wait (any more), BadRequest without a reason, and StateUnavailable.
    """

    def __init__(self, state: State, registry: SnapshotSource) -> None:
        self._state = state
        self._registry = registry

    def letters(self, *, code: str = "", limit: int = 100) -> Sequence[ParkedLetter]:
        """What waits, the longest first, with one code or all."""
        return self._state.read_blocking(lambda found: parking.parked_letters(found, code=code, limit=limit))

    def lanes(self, *, limit: int = 100) -> Sequence[Lane]:
        """The lanes that are held, the one with the oldest letter first."""
        return self._state.read_blocking(lambda found: parking.lanes(found, limit=limit))

    def count(self) -> int:
        """How many letters wait."""
        return self._state.read_blocking(parking.count_parked)

    def one(self, queue: str, letter_id: str) -> Waiting:
        """One letter that waits."""
        return self._state.read_blocking(lambda found: waiting(found, queue, letter_id))

    def release(self, queue: str, letter_id: str, who: str, reason: str, *, lane: bool = False) -> int:
        """Deliver a letter again, or with ``lane`` everything of its lane that is parked; answer how many those are."""
        _check(reason)

        def work(connection: Connection) -> int:
            found = parking.parked_letter(connection, queue, letter_id)
            if found is None:
                raise _gone(queue, letter_id)
            whole = lane and found.letter.lane
            same = parking.parked_letters(connection, queue=queue, lane=whole, limit=parking.MOST) if whole else [found]
            return sum(parking.release(connection, queue, each.letter.id, who, reason) for each in same)

        return self._state.write_blocking(work)

    def release_all(self, code: str, who: str, reason: str) -> int:
        """Deliver again everything that was parked with this code; answer how many those are."""
        _check(reason)

        def work(connection: Connection) -> int:
            found = parking.parked_letters(connection, code=code, limit=parking.MOST)
            return sum(parking.release(connection, each.letter.queue, each.letter.id, who, reason) for each in found)

        return self._state.write_blocking(work)

    def skip(self, queue: str, letter_id: str, who: str, reason: str) -> None:
        """Put a letter with the dead letters; its lane moves on."""
        _check(reason)
        if not self._state.write_blocking(lambda found: parking.skip(found, queue, letter_id, who, reason)):
            raise _gone(queue, letter_id)

    def edit(self, queue: str, letter_id: str, text: str, who: str, reason: str) -> str:
        """Deliver a letter again with another document; answer its new id. Raises DocumentError, see ``replaced``."""
        _check(reason)

        def work(connection: Connection) -> str:
            found = parking.parked_letter(connection, queue, letter_id)
            if found is None:
                raise _gone(queue, letter_id)
            body = replaced(found.letter, text, self._registry.snapshot)
            return parking.edit(connection, queue, letter_id, body, who, reason)

        return self._state.write_blocking(work)


def _check(reason: str) -> None:
    if not reason.strip():
        raise BadRequest("say why: the reason goes on record")


def _gone(queue: str, letter_id: str) -> NotFound:
    return NotFound(f"no letter {queue}/{letter_id} waits for a person; it may have been released meanwhile")
