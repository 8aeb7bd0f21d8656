"""The journal under kill -9 and on a full disk: what was acknowledged is there, and nothing hangs."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_conformance import a_record, ids, write
from outside import absent

from bus.errors import JournalUnavailable
from bus.journal.files import days_in, path_of
from bus.journal.open import open_journal
from bus.ports import Body, Query
from bus.settings import Settings

pytestmark = pytest.mark.integration

KILLS = 4


def run_and_kill(folder: Path, acknowledgements: int, database: str = "") -> dict[str, set[str]]:
    """Start a victim, kill -9 it in the midst of its work, answer what it acknowledged until then."""
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (here.parents[2], here.parents[1])))
    victim = subprocess.Popen(
        [sys.executable, here / "journal_victim.py", folder, database],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert victim.stdout is not None
    with victim, victim.stdout as output:
        lines = [output.readline() for _ in range(acknowledgements)]
        victim.kill()
        lines += output.read().splitlines(keepends=True)
    promised: dict[str, set[str]] = {"intent": set(), "outcome": set()}
    for line in lines:
        if line.endswith(b"\n"):
            word, name = line.decode().split()
            promised[word].add(name)
    return promised


def test_nothing_that_was_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    _, reader = open_journal(Settings(data=tmp_path))
    promised: dict[str, set[str]] = {"intent": set(), "outcome": set()}
    for _ in range(KILLS):
        killed = run_and_kill(tmp_path, random.randrange(200, 500))
        promised = {word: promised[word] | killed[word] for word in promised}
        stored = reader.search(Query(limit=1_000_000))
        assert promised["outcome"] - {record.id for record in stored if record.status == "ok"} == set()
        assert promised["intent"] - {record.id for record in stored} == set()
    assert len(promised["outcome"]) > 100 * KILLS
    doubtful = set(ids(reader.in_doubt()))
    assert len(doubtful) > KILLS
    assert doubtful & promised["outcome"] == set()
    assert promised["intent"] - doubtful - {record.id for record in stored if record.status == "ok"} == set()
    for name in list(promised["outcome"])[:50]:
        record = reader.message(name)
        assert record is not None
        assert len(record.bodies[0].data) == 1600
    for day in days_in(tmp_path / "journal"):
        database = sqlite3.connect(path_of(tmp_path / "journal", day))
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()


def test_postgres_keeps_what_was_acknowledged_before_kill_9(tmp_path: Path, postgres_database: str) -> None:
    promised = run_and_kill(tmp_path, 300, postgres_database)
    _, reader = open_journal(Settings(database=postgres_database))
    stored = reader.search(Query(limit=1_000_000))
    assert len(promised["outcome"]) > 50
    assert promised["outcome"] - {record.id for record in stored if record.status == "ok"} == set()
    assert promised["intent"] - set(ids(stored)) == set()


async def test_an_intent_is_in_doubt_for_the_process_that_follows_a_killed_one(tmp_path: Path) -> None:
    promised = await asyncio.to_thread(run_and_kill, tmp_path, 300)
    journal, reader = open_journal(Settings(data=tmp_path))
    await journal.start()
    own = a_record()
    await journal.intent(own)
    doubtful = set(ids(reader.in_doubt()))
    assert doubtful & promised["intent"]
    assert own.id not in doubtful
    await journal.aclose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        absent("the right to mount a small tmpfs (root)")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def enlarge(folder: Path) -> None:
    """Give the file system of ``small_disk`` more space."""
    subprocess.run(["mount", "-o", "remount,size=8m", folder], check=True)


async def test_a_full_disk_refuses_records_and_space_brings_them_back(small_disk: Path) -> None:
    journal, reader = open_journal(Settings(data=small_disk))
    await journal.start()
    acknowledged: list[str] = []

    async def noisy() -> None:
        record = a_record(bodies=(Body("request", os.urandom(8000), "application/octet-stream"),))
        await journal.outcome(record)
        acknowledged.append(record.id)

    async def fill() -> None:
        while True:
            await asyncio.gather(*(noisy() for _ in range(10)))

    async with asyncio.timeout(20):
        with pytest.raises(JournalUnavailable, match="full"):
            await fill()
        refused = await asyncio.gather(*(noisy() for _ in range(50)), return_exceptions=True)
        assert any(isinstance(result, JournalUnavailable) for result in refused)
        assert set(acknowledged) <= set(ids(reader.search(Query(limit=10_000))))
        large = a_record(bodies=(Body("request", os.urandom(1_500_000), "application/octet-stream"),))
        with pytest.raises(JournalUnavailable, match="full"):
            await journal.intent(large)
        await asyncio.to_thread(enlarge, small_disk)
        await write(journal, large, *(a_record() for _ in range(50)))
    await journal.aclose()
    assert reader.message(large.id) == large
    assert len(acknowledged) > 20
    found = set(ids(reader.search(Query(limit=10_000))))
    assert set(acknowledged) <= found
    (day,) = days_in(small_disk / "journal")
    database = sqlite3.connect(path_of(small_disk / "journal", day))
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


async def test_a_folder_that_vanishes_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    journal, _ = open_journal(Settings(data=tmp_path))
    await journal.start()
    folder = tmp_path / "journal"
    folder.rename(tmp_path / "elsewhere")
    async with asyncio.timeout(10):
        with pytest.raises(JournalUnavailable, match="cannot be written"):
            await journal.outcome(a_record())
        (tmp_path / "elsewhere").rename(folder)
        await journal.outcome(a_record())
        await journal.aclose()
