"""A bus as an operator has it: ``meridian serve`` as a process of its own, over a small hospital of the tests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
from ports import free_port

from bus.settings import Settings, load

HOSPITAL = Path(__file__).parent / "integration" / "end_to_end" / "hospital"
PASSWORD, KEY = "invented-password", "invented-key-for-the-ward"


def eventually(check: Callable[[], Any], seconds: float = 20.0, pause: float = 0.1) -> Any:
    """Answer what ``check`` answers as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > end:
            assert found, f"did not become true within {seconds:g} seconds"
            return found
        time.sleep(pause)


class ServedBus:
    """One installation: its data, its catalogue, and at most one running server. Ended with ``stop``."""

    def __init__(self, folder: Path, environ: Mapping[str, str], hospital: Path = HOSPITAL) -> None:
        self.folder = folder
        self.catalogue = folder / "catalogue"
        shutil.copytree(hospital, self.catalogue)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            **os.environ,
            "WARD_PASSWORD": PASSWORD,
            "WARD_KEY": KEY,
            "VISITOR_PASSWORD": PASSWORD,
            "LAB_URL": "http://127.0.0.1:9/lab",
            "STOCK_URL": "http://127.0.0.1:9",
            "MERIDIAN_DATA": str(folder / "data"),
            "MERIDIAN_PORT": str(self.port),
            "MERIDIAN_CATALOGUE": str(self.catalogue),
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """The settings that the server reads from its environment."""
        return load(environ=self.environ)

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self, role: str = "serve") -> ServedBus:
        """Start the server, whole or one role of it, and wait until it is ready."""
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                _command(role), env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        eventually(self._ready, 60)
        return self

    def kill(self) -> None:
        """Kill every process of the server as a power cut would."""
        process, self._process = self._process, None
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def terminate(self) -> None:
        """Ask the server to stop, and do not wait."""
        assert self._process is not None
        self._process.terminate()

    def ended(self, *, within: float) -> int:
        """Wait until the server has ended by itself; answer its exit status."""
        assert self._process is not None
        return self._process.wait(within)

    def stop(self) -> int:
        """Stop the server in good order; answer its exit status, 0 when none was running."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            raise

    def run(self, *arguments: str) -> str:
        """Run ``meridian`` with these arguments beside the server; answer what it printed."""
        done = subprocess.run(_command(*arguments), env=self.environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, operation: str, document: Any, service: str = "stock", **options: Any) -> requests.Response:
        """Call an operation over REST as the ward."""
        with requests.Session() as session:
            session.headers["X-API-Key"] = KEY
            return session.post(f"{self.url}/rest/{service}/{operation}", json=document, timeout=60, **options)

    def console(self, user: str = "tester") -> requests.Session:
        """A browser's session, signed in as an administrator by a link."""
        session = requests.Session()
        link = self.run("user", "add", user, "--role", "admin", "--link").strip()
        assert session.get(link, timeout=20).status_code == 200
        return session

    def find(self, session: requests.Session, text: str) -> list[dict[str, str]]:
        """The rows that the console's search shows for a business key: message id and operation."""
        page = session.get(f"{self.url}/", timeout=20).text
        token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        answer = session.post(f"{self.url}/find", data={"text": text, "csrf_token": token}, timeout=20)
        rows = re.findall(r'/messages/(\w{32})">.*?<td>(\w+)\.<strong>(\w+)', answer.text, re.DOTALL)
        return [{"id": row[0], "operation": f"{row[1]}.{row[2]}"} for row in rows]

    def _ready(self) -> bool:
        assert self._process is not None
        log = self.folder / "serve.log"
        assert self._process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from bus.cli import main; main()", *arguments]
