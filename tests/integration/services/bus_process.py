"""A bus of the test's own: the shipped catalogue applied and served by a separate process on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

import services
from services.demo.environment import make_secrets

CATALOGUE = Path(services.__file__).parent


@dataclass(frozen=True, slots=True)
class RunningBus:
    """Its address, its secrets, its data folder."""

    url: str
    secrets: Mapping[str, str]
    data: Path


def meridian(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bus.cli import main; main()", *arguments]


@contextmanager
def running_bus(
    folder: Path, addresses: Mapping[str, str], secrets: Mapping[str, str] | None = None
) -> Iterator[RunningBus]:
    """Start it, wait until it is ready, and end it by its id."""
    port = free_port()
    made = make_secrets() | dict(secrets or {})
    data = folder / "data"
    data.mkdir(parents=True)
    environ = os.environ | made | dict(addresses)
    environ |= {"MERIDIAN_DATA": str(data), "MERIDIAN_PORT": str(port), "MERIDIAN_CATALOGUE": str(CATALOGUE)}
    applied = subprocess.run(meridian("apply", "-f", str(CATALOGUE)), env=environ, capture_output=True, text=True)
    assert applied.returncode == 0, applied.stderr
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(meridian("serve"), env=environ, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield RunningBus(f"http://127.0.0.1:{port}", made, data)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Wait until ``url`` answers anything below 500."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, "the process has ended before it was ready"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {seconds} seconds")
