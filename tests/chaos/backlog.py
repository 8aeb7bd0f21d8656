"""What is still on its way inside the bus, read from its state store beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.hospital import Hospital
from sqlalchemy import Engine, create_engine, exists, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bus.backbone.dead_letters import DeadLetter, count_dead, dead_letters
from bus.backbone.parking import ParkedLetter, count_parked, parked_letters
from bus.backbone.tables import outbox
from bus.orchestration.instances import Entry, Wanted, count_by_status, find_by_key, get_instance, list_instances

_first = outbox.alias("first")
_held = exists().where(
    _first.c.queue == outbox.c.queue,
    _first.c.lane == outbox.c.lane,
    outbox.c.lane != "",
    _first.c.parked_at.is_not(None),
)
_ON_THEIR_WAY = select(func.count()).select_from(outbox).where(outbox.c.parked_at.is_(None), ~_held)

#: What an instance is when nothing more happens to it.
ENDED = ("completed", "compensated")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Instances by status, letters on their way, and what waits for a person. Not ``known`` when nobody could say.

    ``letters`` leaves out what is parked and what stands behind it.
    """

    instances: Mapping[str, int] = field(default_factory=dict)
    letters: int = 0
    parked: int = 0
    dead: int = 0
    known: bool = False

    @property
    def ended(self) -> int:
        """Instances that are completed or compensated."""
        return sum(self.instances.get(status, 0) for status in ENDED)

    @property
    def moving(self) -> bool:
        """Whether something will still happen by itself."""
        left = sum(count for status, count in self.instances.items() if status not in (*ENDED, "stuck"))
        return not self.known or bool(left or self.letters)


class Watch:
    """Looks into the state store, past every proxy."""

    def __init__(self, hospital: Hospital) -> None:
        self._engine: Engine
        if hospital.ground is not None:
            url = make_url(hospital.ground.direct_url).set(drivername="postgresql+psycopg")
            self._engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 2})
        else:
            path = hospital.data / "state.db"
            self._engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool)

    def backlog(self) -> Backlog:
        """Count."""
        try:
            with self._engine.connect() as connection:
                return Backlog(
                    count_by_status(connection),
                    connection.scalar(_ON_THEIR_WAY) or 0,
                    count_parked(connection),
                    count_dead(connection),
                    known=True,
                )
        except SQLAlchemyError:
            return Backlog()

    def instances(self, status: str) -> list[Entry]:
        """The instances of one status."""
        with self._engine.connect() as connection:
            return list(list_instances(connection, Wanted(status=status, limit=10_000)))

    def given_up_visits(self) -> set[str]:
        """The numbers of the visits that were taken back."""
        return {value for one in self.instances("compensated") for name, value in one["keys"] if name == "visit_no"}

    def parked(self) -> list[ParkedLetter]:
        """The letters that wait for a person."""
        with self._engine.connect() as connection:
            return parked_letters(connection, limit=10_000)

    def given_up(self) -> list[DeadLetter]:
        """The dead letters."""
        with self._engine.connect() as connection:
            return list(dead_letters(connection, limit=10_000))

    def of_visit(self, visit_no: str) -> list[Entry]:
        """The instances of one visit, whole."""
        with self._engine.connect() as connection:
            found = [get_instance(connection, one["id"]) for one in find_by_key(connection, "visit_no", visit_no)]
        return [one for one in found if one is not None]
