"""The stores of an installation on PostgreSQL, opened for as long as one command needs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from bus.settings import Settings
from bus.state.store import State

if TYPE_CHECKING:
    from registry.live import LiveRegistry


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[State, LiveRegistry]]:
    """State and registry, writable beside whatever else works on them. Raises StateUnavailable, RegistryError."""
    from bus.registry import open_store  # here: most commands go to the running bus, and need to compile nothing
    from registry.live import LiveRegistry

    state = State(settings)
    with closing(open_store(settings)) as store:
        registry = LiveRegistry(store, os.environ)
        registry.refresh()
        asyncio.run(state.start())
        try:
            yield state, registry
        finally:
            asyncio.run(state.aclose())
