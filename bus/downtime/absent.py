"""What stands in for downtimes where there are none: nothing is ever down, and nothing is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bus.downtime.period import Downtime
from bus.message import Message


@dataclass(frozen=True, slots=True)
class View:
    """Which systems are down, and which downtimes hold letters: see ``bus.ports.Downtimes``."""

    down: Mapping[str, Downtime] = field(default_factory=lambda: MappingProxyType({}))
    current: Sequence[Downtime] = ()


class Forgetful:
    """Implements ``bus.ports.Memory`` and remembers nothing."""

    def keep(self, message: Message, reply: Message) -> None:
        """Let it go."""

    async def recall(self, message: Message) -> Message | None:
        """Nothing is known."""
        return None


ALWAYS_UP = View()
FORGETFUL = Forgetful()
