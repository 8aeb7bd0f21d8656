"""A PostgreSQL cluster of the test session's own: its own folder, a free loopback port, gone at the end."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from outside import absent
from psycopg import sql

#: Durability is not what tests measure here, so nothing is synced; the port listens on loopback alone.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
}

START_SECONDS = 30.0


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: the path's, else the newest of Debian's."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return folders[-1] if folders else None


def _user() -> str | None:
    """Who runs the server: PostgreSQL refuses root, so Debian's own user stands in for it."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        absent("the user postgres (PostgreSQL refuses to run as root)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # the fast shutdown, which drops clients that are still connected
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a database in a cluster that this session started; tests that share it share its tables."""
    binaries = programs()
    if binaries is None:
        absent("PostgreSQL (Debian: postgresql)")
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="meridian-postgres-"))
    if user is not None:
        shutil.chown(folder, user)
    data, log, port = folder / "data", folder / "log", _free_port()
    initdb = [binaries / "initdb", "-D", data, "-U", "meridian", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
    try:
        subprocess.run(initdb, check=True, cwd=folder, user=user, capture_output=True)
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, *options],
                cwd=folder,
                user=user,
                stdout=output,
                stderr=output,
            )
        try:
            url = f"postgresql://meridian@127.0.0.1:{port}/postgres"
            _await(url, server, log)
            yield url
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
