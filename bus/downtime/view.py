"""What each process knows of downtimes: one immutable view, refreshed beside the hot path and swapped at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from bus.background import Background
from bus.downtime.absent import ALWAYS_UP, View
from bus.downtime.backlog import settle
from bus.downtime.period import Downtime
from bus.downtime.planning import TOPIC, open_downtimes
from bus.downtime.times import written
from bus.errors import PlannedDowntime, StateUnavailable
from bus.state.store import State

_log = structlog.get_logger(__name__)


def view_of(known: Sequence[Downtime], now: float) -> View:
    """The view that these downtimes give at ``now`` (Unix seconds)."""
    states = [(one, one.status(now)) for one in known]
    return View(
        {one.system: one for one, status in states if status == "down"},
        tuple(one for one, status in states if status in ("down", "draining")),
    )


def refusal(downtime: Downtime, zone: str = "UTC") -> PlannedDowntime:
    """What a caller of a system that is down is told: which system and until when, and nothing of the reason."""
    end = written(downtime.ends_at, zone)
    return PlannedDowntime(
        f"{downtime.system} is down for planned maintenance until {end}; nothing was sent, try again then",
        retry_after=max(1.0, downtime.ends_at - time.time()),
    )


class Calendar:
    """Keeps the view of one process, ends downtimes that are over, and closes those that have drained.

    ``poll`` bounds, in seconds, how late a change is seen that another process made.
    """

    def __init__(self, state: State, *, poll: float = 1.0) -> None:
        self._state = state
        self._poll = poll
        self._view = ALWAYS_UP
        self._known: Sequence[Downtime] = ()
        self._told = asyncio.Event()
        self._background = Background(self._run, "downtimes")

    @property
    def down(self) -> Mapping[str, Downtime]:
        """The systems that are down now."""
        return self._view.down

    @property
    def current(self) -> Sequence[Downtime]:
        """The downtimes that hold letters now."""
        return self._view.current

    async def start(self) -> None:
        """Read what is planned before the first message comes. The state store must be started."""
        loop = asyncio.get_running_loop()

        def heard() -> None:
            with suppress(RuntimeError):  # the loop is closed: there is nobody left to tell
                loop.call_soon_threadsafe(self._told.set)

        self._state.listen(TOPIC, heard)
        await self.refresh()
        self._background.start()

    async def stop(self) -> None:
        """Stop looking."""
        await self._background.stop()

    async def refresh(self) -> None:
        """Look once. Raises StateUnavailable."""
        known = await self._state.read(open_downtimes)
        if any(one.status(time.time()) == "draining" for one in known):
            if await self._state.write(lambda connection: settle(connection, time.time())):
                _log.info("downtimes", systems=sorted({one.system for one in known}))
            known = await self._state.read(open_downtimes)
        self._known = known
        self._view = view_of(known, time.time())

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll if self._known or self._state.shared else None):
                    await self._told.wait()
            self._told.clear()
            try:
                await self.refresh()
            except StateUnavailable as error:  # what was planned still holds, by the clock
                _log.warning("downtimes wait", reason=str(error))
                self._view = view_of(self._known, time.time())
                await asyncio.sleep(self._poll)
