"""What unit tests of the bus share: a state store's tables in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine

from bus.state.store import metadata


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A connection to a new state store."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()
