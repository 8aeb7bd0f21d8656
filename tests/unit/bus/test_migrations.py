"""The chain of schema revisions in SQLite files, where every day of the journal is at one of its own."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from journal_conformance import DAY, a_record, ids
from migration_conformance import FIRST, HEAD, MigrationConformance, make_first, migrate, started

from bus.errors import SchemaMismatch, StateUnavailable
from bus.journal.files import path_of
from bus.journal.open import open_journal
from bus.journal.partitions import day_of
from bus.journal.schema import COLUMNS, TABLES
from bus.migrations import chain
from bus.migrations.places import file, places
from bus.ports import Query
from bus.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


class TestSqlite(MigrationConformance):
    """Everything that the suite promises."""


def test_the_chain_has_one_first_and_one_last_revision() -> None:
    assert chain.revisions() == tuple(f"{number:04}" for number in range(1, len(chain.revisions()) + 1))


def test_the_files_are_named_as_the_revisions_in_them_follow_one_another() -> None:
    folder = Path(chain.__file__).parent
    script = ScriptDirectory(folder, version_locations=[folder / "revisions"])
    assert tuple(each.revision for each in script.walk_revisions())[::-1] == chain.revisions()


def test_the_journal_writes_the_columns_that_the_revisions_make(tmp_path: Path) -> None:
    file(tmp_path / "day.db", "journal").settle()
    with sqlite3.connect(tmp_path / "day.db") as day:
        made = {table: day.execute(f"PRAGMA table_info({table})").fetchall() for table in TABLES}
    day.close()
    assert {table: tuple(row[1] for row in rows) for table, rows in made.items()} == TABLES
    assert tuple((row[1], row[2].lower()) for row in made["exchanges"]) == COLUMNS


async def test_old_days_of_the_journal_are_brought_forward_and_stay_readable(settings: Settings) -> None:
    old, new = a_record(time.time() - 3 * DAY), a_record()
    journal, _ = open_journal(settings)
    await journal.start()
    await journal.outcome(old)
    await journal.outcome(new)
    await journal.aclose()
    make_first(settings)
    path = path_of(settings.data / "journal", day_of(old.received_at))
    with pytest.raises(SchemaMismatch, match=r"journal/\S+\.db: its tables"):
        await open_journal(settings)[0].start()
    walked = {standing.place.name for standing in migrate(settings)}
    assert str(path) in walked
    journal, reader = open_journal(settings)
    await journal.start()
    assert ids(reader.search(Query())) == [new.id, old.id]
    await journal.aclose()


async def test_files_that_a_bus_works_on_are_not_changed_under_it(settings: Settings) -> None:
    async with started(settings):
        with pytest.raises(StateUnavailable, match="a bus works on these files; stop it first"):
            migrate(settings, FIRST)
        assert {place.found() for place in places(settings) if place.stores == {"state"}} == {HEAD}


def test_a_walk_that_fails_leaves_its_file_as_it_was(settings: Settings) -> None:
    make_first(settings)
    path = settings.data / "state.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE operator_action (in_the_way INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateUnavailable, match=r"state\.db: cannot be changed \(table operator_action already exists"):
        migrate(settings)
    assert path.read_bytes() == before
