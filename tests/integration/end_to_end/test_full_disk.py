"""A disk that runs full, on a small tmpfs: callers are refused, what was accepted arrives, the bus recovers alone."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from outside import absent
from served_bus import ServedBus, eventually
from stock_provider import Stores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MEBIBYTE = 1024 * 1024
SIZE = 64


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of its own for the bus's data."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        absent("the right to mount a tmpfs (root)")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def served(tmp_path: Path, volume: Path, stores: Stores, spare: int) -> ServedBus:
    given = {"STOCK_URL": stores.url, "MERIDIAN_DATA": str(volume), "MERIDIAN_MIN_FREE_DISK": str(spare)}
    return ServedBus(tmp_path, given)


def fill(volume: Path, *, leave: int) -> None:
    """Take the volume's free space but for ``leave`` bytes."""
    with (volume / "ballast").open("wb") as ballast, suppress(OSError):
        block, free = b"\0" * 65536, 0
        while (free := _free(volume)) > leave:
            ballast.write(block[: min(len(block), free - leave)])
            ballast.flush()


def _free(volume: Path) -> int:
    line = subprocess.run(["df", "--output=avail", "-B1", volume], capture_output=True, text=True, check=True)
    return int(line.stdout.split()[1])


def test_a_disk_that_runs_low_refuses_before_it_is_full_and_says_so(
    tmp_path: Path, volume: Path, stores: Stores
) -> None:
    bus = served(tmp_path, volume, stores, 16 * MEBIBYTE)
    try:
        bus.start()
        assert bus.post("Announce", {"booking_no": "FIRST"}).status_code == 202
        fill(volume, leave=8 * MEBIBYTE)
        eventually(lambda: bus.post("Announce", {"booking_no": "LOW"}).status_code == 503)
        refused = bus.post("Announce", {"booking_no": "LOW-2"})
        assert (refused.json()["code"], int(refused.headers["Retry-After"]) > 0) == ("backlog-full", True)
        assert bus.post("Book", {"booking_no": "LOW-3"}).status_code == 503
        assert bus.post("Find", {"booking_no": "FIRST"}).status_code != 503
        ready = requests.get(f"{bus.url}/readyz", timeout=5)
        assert ready.status_code == 503
        (cause,) = ready.json()["causes"]
        assert cause.startswith("disk: ")
        assert "the least is 16 MiB (min_free_disk)" in cause
        assert "meridian_refusing 1.0" in requests.get(f"{bus.url}/metrics", timeout=5).text
        (volume / "ballast").unlink()
        eventually(lambda: bus.post("Announce", {"booking_no": "AGAIN"}).status_code == 202)
        assert requests.get(f"{bus.url}/readyz", timeout=5).status_code == 200
        eventually(lambda: {"FIRST", "AGAIN"} <= set(stores.booked("/announce")))
        assert not {"LOW-2", "LOW-3"} & {number for _, number, _ in stores.book}
    finally:
        bus.stop()


def test_nothing_accepted_is_lost_on_a_disk_that_is_full_and_the_bus_goes_on_by_itself(
    tmp_path: Path, volume: Path, stores: Stores
) -> None:
    bus = served(tmp_path, volume, stores, 0)  # without the guard that would refuse in time
    accepted: list[str] = []
    statuses: Counter[int] = Counter()

    def post(name: str) -> int:
        answer = bus.post("Announce", {"booking_no": name})
        statuses[answer.status_code] += 1
        if answer.status_code == 202:
            accepted.append(name)
        return answer.status_code

    try:
        bus.start()
        assert post("BEFORE") == 202
        stores.delay = 0.2
        for number in range(10):
            post(f"JUST-BEFORE-{number}")
        fill(volume, leave=0)
        eventually(lambda: post(f"FULL-{sum(statuses.values())}") == 503)
        for number in range(5):
            post(f"STILL-FULL-{number}")
        assert set(statuses) == {202, 503}
        (volume / "ballast").unlink()
        stores.delay = 0
        eventually(lambda: post(f"AFTER-{sum(statuses.values())}") == 202, 30)
        eventually(lambda: set(accepted) <= set(stores.booked("/announce")), 60)
        with bus.console() as browser:
            overview = browser.get(f"{bus.url}/api/overview", timeout=20).json()
        assert overview["given_up"] == []
    finally:
        bus.stop()
