"""Can this process keep its promises? The causes why not, for ``/readyz``."""

from __future__ import annotations

import shutil

from sqlalchemy import text

from bus.settings import Settings
from bus.state.store import State
from registry.live import LiveRegistry
from transformers.errors import MeridianError

#: Below this many bytes of free disk the bus takes nothing new, so that what it has taken can still be written.
SPARE_DISK = 256 * 1024 * 1024


class Health:
    """Asks each part on which a promise rests."""

    def __init__(self, settings: Settings, state: State, registry: LiveRegistry) -> None:
        self._settings = settings
        self._state = state
        self._registry = registry

    async def causes(self) -> tuple[str, ...]:
        """Why the bus is not ready, in words; empty when it is."""
        found = []
        if self._registry.snapshot.revision == 0:
            found.append(f"registry: no revision is loaded{self._reason()}")
        try:
            await self._state.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
        except MeridianError as error:
            found.append(f"state: {error}")
        if not self._settings.database and shutil.disk_usage(self._settings.data).free < SPARE_DISK:
            found.append(f"disk: less than {SPARE_DISK // 1024 // 1024} MiB free in {self._settings.data}")
        return tuple(found)

    def _reason(self) -> str:
        return f" ({str(self._registry.problem).splitlines()[0]})" if self._registry.problem else ""
