"""What backup.sh saves while the bus runs, restore.sh brings back elsewhere, with all that was accepted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
from postgres import programs
from served_bus import ServedBus, eventually
from stock_provider import Stores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DEPLOY = Path(__file__).parents[3] / "deploy"


def script(name: str, *arguments: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a script of deploy/; answers what it prints."""
    done = run(name, *arguments, environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(
    name: str, *arguments: str | Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    found = programs()
    path = f"{found}:{os.environ['PATH']}" if found else os.environ["PATH"]
    return subprocess.run(
        [DEPLOY / name, *arguments],
        env={**os.environ, "PATH": path, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def accept(bus: ServedBus, *numbers: str) -> None:
    """Have the bus accept what the stores, which are shut, cannot take yet."""
    for number in numbers:
        assert bus.post("Announce", {"booking_no": number}).status_code == 202


@pytest.fixture
def second(tmp_path: Path, stores: Stores) -> Iterator[ServedBus]:
    """Another installation before the stores, not started yet."""
    folder = tmp_path / "second"
    folder.mkdir()
    found = ServedBus(folder, {"STOCK_URL": stores.url})
    yield found
    found.stop()


def test_files_saved_while_the_bus_works_bring_back_journal_and_outbox(
    tmp_path: Path, second: ServedBus, stores: Stores
) -> None:
    first_folder = tmp_path / "first"
    first_folder.mkdir()
    first = ServedBus(first_folder, {"STOCK_URL": "http://127.0.0.1:9"})  # nobody listens there
    first.start()
    try:
        accept(first, "B-1", "B-2")
        script("backup.sh", tmp_path / "saved", first_folder / "data")
        accept(first, "AFTER")
    finally:
        first.kill()
    script("restore.sh", tmp_path / "saved", second.folder / "data")
    second.start()
    second.run("apply", "-f", str(second.catalogue), "-m", "the stores have moved")
    eventually(lambda: sorted(stores.booked("/announce")) == ["B-1", "B-2"], 60)
    with second.console() as browser:
        assert second.find(browser, "B-1")
        assert not second.find(browser, "AFTER")


def test_a_dump_of_the_database_brings_back_journal_and_outbox(
    tmp_path: Path, second: ServedBus, stores: Stores, postgres_url: str, postgres_database: str
) -> None:
    first_folder = tmp_path / "first"
    first_folder.mkdir()
    environ = {"MERIDIAN_DATABASE": postgres_database}
    first = ServedBus(first_folder, {"STOCK_URL": "http://127.0.0.1:9", **environ})
    first.start()
    try:
        accept(first, "P-1", "P-2")
        script("backup.sh", tmp_path / "saved", environ=environ)
    finally:
        first.kill()
    other = f"{postgres_url.rpartition('/')[0]}/restored"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS restored")
        connection.execute("CREATE DATABASE restored")
    script("restore.sh", tmp_path / "saved", environ={"MERIDIAN_DATABASE": other})
    again = run("restore.sh", tmp_path / "saved", environ={"MERIDIAN_DATABASE": other})
    assert again.returncode == 1
    assert "give an empty one" in again.stderr
    second.environ["MERIDIAN_DATABASE"] = other
    second.start()
    eventually(lambda: sorted(set(stores.booked("/announce"))) == ["P-1", "P-2"], 90)
    with second.console() as browser:
        assert second.find(browser, "P-1")


def test_a_backup_that_was_changed_or_has_no_room_is_refused(tmp_path: Path) -> None:
    saved, data = tmp_path / "saved", tmp_path / "data"
    (saved / "data").mkdir(parents=True)
    (saved / "data" / "state.db").write_bytes(b"was something else")
    (saved / "SHA256SUMS").write_text(f"{'0' * 64}  ./data/state.db\n")
    spoilt = run("restore.sh", saved, data)
    assert spoilt.returncode != 0
    assert not data.exists()
    data.mkdir()
    (data / "state.db").write_bytes(b"somebody's")
    subprocess.run("sha256sum ./data/state.db > SHA256SUMS", shell=True, cwd=saved, check=True)
    refused = run("restore.sh", saved, data)
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    assert (data / "state.db").read_bytes() == b"somebody's"


def test_a_backup_of_nothing_says_so(tmp_path: Path) -> None:
    refused = run("backup.sh", tmp_path / "saved", tmp_path, environ={"MERIDIAN_DATABASE": ""})
    assert refused.returncode == 1
    assert "no installation" in refused.stderr
