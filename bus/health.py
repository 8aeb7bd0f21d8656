"""Can this process keep its promises? The causes why not, for ``/readyz``."""

from __future__ import annotations

from sqlalchemy import text

from bus.ports import Gauge, Transport
from bus.state.store import State
from registry.live import LiveRegistry
from transformers.errors import MeridianError


class Health:
    """Asks each part on which a promise rests."""

    def __init__(self, state: State, registry: LiveRegistry, pressure: Gauge, transport: Transport) -> None:
        self._state = state
        self._registry = registry
        self._pressure = pressure
        self._transport = transport
        self._stopping = False

    def stop(self) -> None:
        """This process is about to stop: say so to whoever would send it more."""
        self._stopping = True

    async def causes(self) -> tuple[str, ...]:
        """Why the bus is not ready, in words; empty when it is."""
        found = []
        if self._stopping:
            found.append("stopping: this process ends soon; send what comes to another one")
        if self._registry.snapshot.revision == 0:
            found.append(f"registry: no revision is loaded{self._reason()}")
        try:
            await self._state.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        except MeridianError as error:
            found.append(f"state: {error}")
        if wrong := self._transport.unusable():
            found.append(wrong)
        shortage = self._pressure.shortage
        return (*found, *(shortage.causes if shortage is not None else ()))

    def notes(self) -> tuple[str, ...]:
        """What somebody should look at although the bus keeps its promises: it accepts while its broker is away."""
        return tuple(self._transport.troubles())

    def _reason(self) -> str:
        return f" ({str(self._registry.problem).splitlines()[0]})" if self._registry.problem else ""
