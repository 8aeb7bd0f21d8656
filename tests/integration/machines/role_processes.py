"""One process a role, as an operator starts them on machines of their own."""

from __future__ import annotations

from pathlib import Path

from served_bus import ServedBus
from stock_provider import Stores

#: Seconds for which a gateway that was told to stop goes on serving.
NOTICE = 1.0


class Machine(ServedBus):
    """One process of one role, with a data folder of its own; probes answer at its port whatever the role."""

    def __init__(self, folder: Path, environ: dict[str, str], role: str) -> None:
        folder.mkdir()
        super().__init__(folder, environ)
        self.role = role
        if role in ("worker", "relay"):
            self.environ["MERIDIAN_PROBE_PORT"] = str(self.port)
        if role == "gateway":
            self.environ["MERIDIAN_DRAIN_NOTICE"] = str(NOTICE)

    def start(self, role: str = "") -> Machine:
        """Start the process and wait until it is ready."""
        super().start(role or self.role)
        return self


class Machines(list[Machine]):
    """All of them, and the stores before which they stand."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    def of(self, role: str) -> list[Machine]:
        """Those of one role."""
        return [machine for machine in self if machine.role == role]
