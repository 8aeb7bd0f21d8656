"""What a server process tells Granian when its bus cannot be started."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast

import pytest

from bus.bootstrap import Bus
from bus.errors import StateUnavailable
from bus.server import Application


class Broken:
    """A bus that fails to start, in this way."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def start(self) -> None:
        raise self._failure


async def _begin(failure: Exception, told: list[MutableMapping[str, Any]]) -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(event: MutableMapping[str, Any]) -> None:
        told.append(event)

    await Application(cast("Bus", Broken(failure)))({"type": "lifespan"}, receive, send)


async def test_a_store_that_is_away_is_told_in_one_line_without_a_traceback() -> None:
    told: list[MutableMapping[str, Any]] = []
    await _begin(StateUnavailable("database: it is away"), told)
    assert told == [{"type": "lifespan.startup.failed", "message": "meridian: database: it is away"}]


async def test_what_nobody_expects_keeps_its_traceback() -> None:
    told: list[MutableMapping[str, Any]] = []
    with pytest.raises(ZeroDivisionError):
        await _begin(ZeroDivisionError("why"), told)
    assert [event["type"] for event in told] == ["lifespan.startup.failed"]
