"""The archive, and the gateway alone in a process of its own before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_caller import Caller
from archive_provider import Archive, archive_open
from served_bus import ServedBus


@pytest.fixture(scope="module")
def open_archive() -> Iterator[Archive]:
    with archive_open() as found:
        yield found


@pytest.fixture
def archive(open_archive: Archive) -> Iterator[Archive]:
    """The archive, in a good mood and without memory."""
    yield open_archive
    open_archive.mood = ""
    for book in (open_archive.requests, open_archive.stored, open_archive.broken):
        book.clear()


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory, open_archive: Archive) -> Iterator[ServedBus]:
    """The gateway before the archive."""
    hospital = Path(__file__).parent / "hospital"
    found = ServedBus(tmp_path_factory.mktemp("bus"), {"ARCHIVE_URL": open_archive.url}, hospital)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def caller(bus: ServedBus) -> Iterator[Caller]:
    """A caller of the gateway."""
    found = Caller(bus)
    yield found
    found.close()
