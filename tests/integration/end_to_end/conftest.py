"""A hospital of two: a laboratory on PHP's SoapServer, stores on Python's HTTP server, and the served bus."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import absent
from served_bus import ServedBus, eventually
from stock_provider import Stores, stores_open

from services.demo.environment import free_port


class Laboratory:
    """PHP's built-in web server with the laboratory's script; stopped and started on the same port."""

    def __init__(self) -> None:
        php = shutil.which("php")
        if php is None or "soap" not in subprocess.run([php, "-m"], capture_output=True, text=True).stdout:
            absent("PHP with SOAP (packages php-cli, php-soap)")
        self.php = php
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        script = Path(__file__).with_name("lab_server.php")
        command = [self.php, "-S", f"127.0.0.1:{self.port}", str(script)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def stop(self) -> None:
        """Stop it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    """The laboratory, running."""
    found = Laboratory()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def stores() -> Iterator[Stores]:
    """The stores, open, with an empty book."""
    with stores_open() as found:
        yield found


@pytest.fixture
def installation(tmp_path: Path, stores: Stores) -> Iterator[ServedBus]:
    """An installation before the stores that is not started yet."""
    found = ServedBus(tmp_path, {"STOCK_URL": stores.url})
    yield found
    found.stop()


@pytest.fixture
def bus(installation: ServedBus) -> ServedBus:
    """The same, running."""
    return installation.start()
