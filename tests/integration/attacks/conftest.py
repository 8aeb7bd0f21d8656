"""One served bus for all attacks, so that what one of them breaks shows in the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_provider import hostile_provider
from served_bus import ServedBus
from target import Target


@pytest.fixture(scope="package")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A bus with its hostile provider, running."""
    with hostile_provider() as hostile:
        folder = tmp_path_factory.mktemp("attacked")
        bus = ServedBus(folder, {"PROVIDER_URL": hostile.url}, Path(__file__).with_name("hospital"))
        try:
            yield Target(bus.start(), hostile)
        finally:
            bus.stop()


@pytest.fixture
def target(attacked: Target) -> Iterator[Target]:
    """The same; after each attack it must serve an honest caller as ever."""
    yield attacked
    attacked.alive()
