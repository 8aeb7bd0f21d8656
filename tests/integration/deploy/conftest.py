"""An installation before the stores, as the tests of whole installations have it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stock_provider import Stores, stores_open


@pytest.fixture
def stores() -> Iterator[Stores]:
    """The stores, open, with an empty book."""
    with stores_open() as found:
        yield found
