"""A served bus in front of the stores, and a hospital with their services."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from served_bus import ServedBus
from stock_provider import stores_open


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBus]:
    """The bus, running."""
    with stores_open() as stores:
        found = ServedBus(tmp_path_factory.mktemp("tools"), {"STOCK_URL": stores.url})
        try:
            yield found.start()
        finally:
            found.stop()
