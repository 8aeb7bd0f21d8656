"""A PostgreSQL cluster of the tests' own: its own folder, a free loopback port, gone at the end."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from outside import absent
from ports import free_port
from psycopg import sql

#: Durability is not what most tests measure, so nothing is synced; the port listens on loopback alone.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
}

#: What a hospital would run with: what was committed survives a crash.
DURABLE = SETTINGS | {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}

START_SECONDS = 90.0


class ServerFailed(Exception):
    """The server did not start; the text holds the end of its log."""


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: the path's, else the newest of Debian's."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders else None


class PostgresServer:
    """One cluster that can be started, stopped, crashed and frozen. Use as a context manager, which removes it.

    ``folder`` holds it, an empty one; without one it gets a temporary folder. Raises FileNotFoundError without
    PostgreSQL, or as root without Debian's user ``postgres``, since PostgreSQL refuses to run as root.
    """

    def __init__(self, folder: Path | None = None, settings: Mapping[str, str] = SETTINGS) -> None:
        binaries = programs()
        if binaries is None:
            raise FileNotFoundError("PostgreSQL (Debian: postgresql)")
        self._binaries = binaries
        self._user = _user()
        self._options = [f"-c{name}={value}" for name, value in settings.items()]
        self.folder = folder or Path(tempfile.mkdtemp(prefix="meridian-postgres-"))
        self.port = free_port()
        self.url = f"postgresql://meridian@127.0.0.1:{self.port}/postgres"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        options = ["-U", "meridian", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        try:
            subprocess.run(
                [self._binaries / "initdb", "-D", self.folder / "data", *options],
                check=True,
                cwd=self.folder,
                user=self._user,
                capture_output=True,
            )
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether its process lives, be it frozen."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Start on the same port and data, and wait until it takes connections. Raises ServerFailed."""
        with (self.folder / "log").open("ab") as output:
            place = ["-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder)]
            self._server = subprocess.Popen(
                [self._binaries / "postgres", *place, *self._options],
                cwd=self.folder,
                user=self._user,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL did not start:\n{self._log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """The fast shutdown, which drops clients that are still connected."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """The immediate shutdown: as if the machine had died; the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def freeze(self) -> None:
        """Stop all its processes where they are: connections stay open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it takes connections."""
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        """PostgreSQL gives each of its processes a group of its own, so they are told one by one."""
        if self._server is not None:
            pid = self._server.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for process in (pid, *map(int, children)):
                with suppress(ProcessLookupError):
                    os.kill(process, number)

    def _end(self, number: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(number)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(10)

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


def _user() -> str | None:
    """Who runs the server: Debian's own user stands in for root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise FileNotFoundError("the user postgres (PostgreSQL refuses to run as root)") from None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a database in a cluster that this session started; tests that share it share its tables."""
    try:
        server = PostgresServer()
    except FileNotFoundError as missing:
        absent(str(missing))
    with server:
        yield server.url


_NUMBERS = itertools.count(1)


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The address of a database that is empty at the start and belongs to this test alone."""
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
