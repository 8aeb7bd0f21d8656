"""A ``database`` that cannot be used is said in one line, which names the setting and holds no password."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner
from fault_proxy import Fault, FaultProxy
from loopback import QuietHandler, serving
from psycopg import sql
from served_bus import ServedBus

from bus import database
from bus.cli import meridian
from bus.database import check_database
from bus.errors import SettingsInvalid, StateUnavailable

pytestmark = pytest.mark.integration

_SECRET = "invented-secret"


def _with(url: str, **changes: str) -> str:
    """``url`` with another user, name, host or port, and always a password."""
    host, _, port = url.partition("@")[2].partition("/")[0].partition(":")
    parts = {"user": "meridian", "host": host, "port": port, "name": "postgres"} | changes
    return "postgresql://{user}:{secret}@{host}:{port}/{name}".format(**parts, secret=_SECRET)


def _refusal(url: str) -> str:
    with pytest.raises((SettingsInvalid, StateUnavailable)) as caught:
        check_database(url)
    told = str(caught.value)
    assert told.startswith("database: ")
    assert _SECRET not in told
    assert "\n" not in told
    return told


def test_a_database_that_can_be_used_is_let_pass(postgres_url: str) -> None:
    check_database(postgres_url)


def test_an_unknown_database_or_user_is_named(postgres_url: str) -> None:
    assert "has no database 'nowhere'" in _refusal(_with(postgres_url, name="nowhere"))
    assert "refuses the user 'eve'" in _refusal(_with(postgres_url, user="eve"))


def test_a_wrong_password_is_told_and_not_shown(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE ward LOGIN PASSWORD 'right'"))
        (path,) = connection.execute("SHOW hba_file").fetchone() or ("",)
        rules = Path(path)
        before = rules.read_text(encoding="utf-8")
        rules.write_text("host all ward 127.0.0.1/32 scram-sha-256\n" + before, encoding="utf-8")
        connection.execute("SELECT pg_reload_conf()")
        try:
            connection.execute("SELECT pg_sleep(0.3)")
            assert "refuses the user 'ward' or its password" in _refusal(_with(postgres_url, user="ward"))
        finally:
            rules.write_text(before, encoding="utf-8")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE ward")


def test_a_host_or_port_that_is_not_there_is_told_from_a_refusal(postgres_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = str(taken.getsockname()[1])
    assert "the port is closed" in _refusal(_with(postgres_url, port=closed))
    assert "'no.such.host.invalid' is not known here" in _refusal(_with(postgres_url, host="no.such.host.invalid"))


def test_a_server_that_is_no_postgresql_is_told_so() -> None:
    with serving(QuietHandler) as url:  # waits for HTTP as long as PostgreSQL's client waits for it
        silent = _refusal(f"postgresql://meridian:{_SECRET}@{url.removeprefix('http://')}/x")
    assert "does not answer; is it PostgreSQL" in silent
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer_otherwise, args=(server,), daemon=True).start()
        assert "is not PostgreSQL" in _refusal(_with("@127.0.0.1:1/", port=str(server.getsockname()[1])))


def _answer_otherwise(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_that_is_too_old_is_told_so(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "OLDEST", 990_000)
    assert "needs 99 or newer" in _refusal(postgres_url)


def test_the_command_line_says_it_in_one_line_with_status_1(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIDIAN_DATABASE", _with(postgres_url, name="nowhere"))
    for verb in (["serve", "--port", "1"], ["get", "services"]):
        done = CliRunner().invoke(meridian, verb)
        assert isinstance(done.exception, SettingsInvalid)
        assert "has no database 'nowhere'" in str(done.exception)


@pytest.mark.parametrize("option", [[], ["--check"], ["--sql"], ["--back"]])
def test_migrate_names_the_setting_when_the_database_is_away(
    option: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = str(taken.getsockname()[1])
    monkeypatch.setenv("MERIDIAN_DATABASE", _with("@127.0.0.1:1/", port=closed))
    done = CliRunner().invoke(meridian, ["migrate", *option])
    assert isinstance(done.exception, StateUnavailable)
    assert str(done.exception).startswith(f"database: PostgreSQL at 127.0.0.1:{closed} cannot be reached")
    assert "\n" not in str(done.exception)
    assert _SECRET not in str(done.exception)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_gateway_whose_database_is_away_at_its_start_says_so_and_ends(tmp_path: Path, processes: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = str(taken.getsockname()[1])
    done = subprocess.run(
        [sys.executable, "-c", "from bus.cli import main; main()", "gateway", "--workers", processes],
        env={**os.environ, "MERIDIAN_DATA": str(tmp_path), "MERIDIAN_DATABASE": _with("@127.0.0.1:1/", port=closed)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("meridian: database: ")
    assert done.stderr.count("\n") == 1
    assert _SECRET not in done.stderr


def test_a_server_process_begun_anew_while_the_database_is_away_says_so_in_one_line(
    postgres_database: str, tmp_path: Path
) -> None:
    """Its gateway then ends with status 1, as it does when it finds no database at its start."""
    parts = urlsplit(postgres_database)
    with FaultProxy(parts.port or 5432) as proxy:
        through = postgres_database.replace(str(parts.port), str(proxy.port), 1)
        bus = ServedBus(tmp_path, {"MERIDIAN_DATABASE": through, "MERIDIAN_WORKERS": "2"}).start("gateway")
        try:
            proxy.set(Fault(refuses=True))
            one, *_ = Path(f"/proc/{bus.pid}/task/{bus.pid}/children").read_text(encoding="ascii").split()
            os.kill(int(one), signal.SIGKILL)
            assert bus.ended(within=60) == 1
        finally:
            bus.stop()
    told = (tmp_path / "serve.log").read_text(encoding="utf-8")
    assert f"meridian: database: PostgreSQL at 127.0.0.1:{proxy.port} cannot be reached" in told
    assert "Traceback" not in told
