"""What one chaos run is to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Profile = Literal["cluster", "single"]

#: How many ordered updates go with every visit.
UPDATES = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """``minutes`` is how long visits are started and faults injected; what is left then is given time to end.

    ``cluster``: every role twice, PostgreSQL and RabbitMQ. ``single``: ``meridian serve`` with its embedded stores.
    """

    profile: Profile
    seed: int
    visits: int
    faults: int
    minutes: float
    folder: Path

    @property
    def seconds(self) -> float:
        """How long visits are started and faults injected."""
        return self.minutes * 60

    @property
    def logs(self) -> Path:
        """What every process wrote, a file each."""
        return self.folder / "logs"

    @property
    def ledgers(self) -> Path:
        """The systems' own books."""
        return self.folder / "ledgers"

    @property
    def patience(self) -> float:
        """Seconds that everything accepted has to come to its end after the last fault, on a machine however busy."""
        return 900 + self.visits
