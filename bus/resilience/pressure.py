"""Whether the bus may take more: its backlog, its disk and its memory, measured every second beside the hot path."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bus.background import Background
from bus.errors import BacklogFull
from bus.resilience.resources import container_memory, free_disk, resident_memory
from bus.settings import Settings
from registry.model import Operation, Snapshot
from transformers.errors import MeridianError

_log = structlog.get_logger(__name__)

_EVERY = 1.0
#: What was full counts as free again at this share of its limit, so that the doors do not flutter.
_FREE_AGAIN = 0.9
#: The share of a container's memory at which the bus stops taking more, where no setting says it in bytes.
_OF_CONTAINER = 0.9
#: Seconds that a refused caller is told to wait: by how fast the backlog shrinks, within these.
_SOONEST, _LATEST, _UNKNOWN = 1.0, 60.0, 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """Letters that are accepted and not finished: all of them, and those of each service with a bound of its own."""

    letters: int = 0
    services: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why not everything is accepted: ``causes`` concern every service, ``services`` have a full backlog of their own.

    ``retry_after`` is in seconds.
    """

    causes: tuple[str, ...]
    services: Mapping[str, str]
    retry_after: float

    def refuse(self, operation: Operation, *, durably: bool) -> None:
        """Raise BacklogFull for a message that would need what is short: one to be accepted ``durably``, or a write."""
        if self.causes and (durably or operation.effect == "write"):
            raise BacklogFull(f"nothing was done: {'; '.join(self.causes)}", retry_after=self.retry_after)
        if durably and operation.service in self.services:
            raise BacklogFull(f"nothing was done: {self.services[operation.service]}", retry_after=self.retry_after)


class Ease:
    """Where nobody measures, nothing is short."""

    shortage: Shortage | None = None


class Pressure:
    """Measures in a task of its own; whoever admits messages reads ``shortage``, which is None while all is well.

    ``measure`` counts the letters of the installation; ``bounds`` answers each service's own bound.
    """

    def __init__(
        self,
        settings: Settings,
        measure: Callable[[], Awaitable[Load]],
        bounds: Callable[[], Mapping[str, int]],
        *,
        memory: Callable[[], int] = resident_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._measure = measure
        self._bounds = bounds
        self._memory = memory
        self._clock = clock
        self._background = Background(self._watch, "pressure")
        self._full: set[str] = set()
        self._before = (0.0, 0)
        self.shortage: Shortage | None = None
        self.load = Load()
        self.free = 0
        self.memory_limit = settings.max_memory or int(container_memory() * _OF_CONTAINER)

    async def start(self) -> None:
        """Measure once, and go on measuring."""
        await self.look()
        self._background.start()

    async def stop(self) -> None:
        """Measure no more."""
        await self._background.stop()

    async def look(self) -> None:
        """Measure now. A store that cannot answer refuses for itself, so the figures before it stay."""
        with suppress(MeridianError):
            self.load = await self._measure()
        causes = tuple(cause for cause in (self._backlog(), self._disk(), self._space()) if cause)
        services = self._services()
        wait = self._wait()
        found = Shortage(causes, services, wait) if causes or services else None
        if (found is None) != (self.shortage is None):
            _log.warning("pressure", causes=[*causes, *services.values()], refusing=found is not None)
        self.shortage = found

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.look()

    def _backlog(self) -> str:
        most, letters = self.settings.max_backlog, self.load.letters
        if self._over("letters", letters, most):
            return f"backlog: {letters} accepted messages are not finished; the most is {most} (max_backlog)"
        return ""

    def _services(self) -> dict[str, str]:
        full = {}
        for name, most in self._bounds().items():
            letters = self.load.services.get(name, 0)
            if self._over(f"service {name}", letters, most):
                full[name] = f"backlog of {name}: {letters} accepted messages are not finished; the most is {most}"
        return full

    def _disk(self) -> str:
        folder, least = self.settings.data, self.settings.min_free_disk
        self.free = free_disk(folder)
        if not self.settings.database and self._over("disk", least, max(self.free, 1)):
            return f"disk: {_mib(self.free)} free in {folder}; the least is {_mib(least)} (min_free_disk)"
        return ""

    def _space(self) -> str:
        held = self._memory()
        if self._over("memory", held, self.memory_limit):
            return f"memory: the process holds {_mib(held)}; the most is {_mib(self.memory_limit)} (max_memory)"
        return ""

    def _over(self, what: str, amount: int, most: int) -> bool:
        """Whether ``amount`` is at its limit, or has not yet fallen far enough below it since; 0 is no limit."""
        limit = most * _FREE_AGAIN if what in self._full else most
        over = most > 0 and amount > 0 and amount >= limit
        (self._full.add if over else self._full.discard)(what)
        return over

    def _wait(self) -> float:
        """How long until the backlog has room again, by how much it shrank since the last look."""
        (then, before), now, letters = self._before, self._clock(), self.load.letters
        self._before = (now, letters)
        excess = letters - self.settings.max_backlog * _FREE_AGAIN
        if excess <= 0 or before <= letters or now <= then:
            return _UNKNOWN
        return float(math.ceil(min(max(excess * (now - then) / (before - letters), _SOONEST), _LATEST)))


def bounds_of(snapshot: Snapshot) -> Mapping[str, int]:
    """The services that bound their own backlog, each with the least that one of its operations says."""
    found: dict[str, int] = {}
    for service in snapshot.services.values():
        for operation in service.versions[service.default].operations.values():
            if most := operation.policy.backlog:
                found[service.name] = min(most, found.get(service.name, most))
    return found


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MiB"
