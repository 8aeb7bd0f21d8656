"""The chain of schema revisions in PostgreSQL, where all stores are at one."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
from journal_conformance import DAY, a_record, ids
from migration_conformance import MigrationConformance, make_first, migrate

from bus.errors import StateUnavailable
from bus.journal.open import open_journal
from bus.journal.schema import COLUMNS, TABLES
from bus.migrations.places import places
from bus.ports import Query
from bus.settings import Settings

pytestmark = pytest.mark.integration

_TYPES = {"text": "text", "real": "double precision", "integer": "bigint"}


@pytest.fixture
def settings(postgres_database: str, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, database=postgres_database)


class TestPostgres(MigrationConformance):
    """Everything that the suite promises."""


def test_the_journal_writes_the_columns_that_the_revisions_make(settings: Settings) -> None:
    migrate(settings)
    query = (
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'journal' AND table_name = %s ORDER BY ordinal_position"
    )
    with psycopg.connect(settings.database) as connection:
        made = {table: connection.execute(query, (table,)).fetchall() for table in TABLES}
    assert {table: tuple(name for name, _ in columns) for table, columns in made.items()} == TABLES
    assert made["exchanges"] == [(name, _TYPES[kind]) for name, kind in COLUMNS]


async def test_old_days_of_the_journal_stay_readable_after_a_walk(settings: Settings) -> None:
    old, new = a_record(time.time() - 3 * DAY), a_record()
    journal, _ = open_journal(settings)
    await journal.start()
    await journal.outcome(old)
    await journal.outcome(new)
    await journal.aclose()
    make_first(settings)
    migrate(settings)
    journal, reader = open_journal(settings)
    await journal.start()
    assert ids(reader.search(Query())) == [new.id, old.id]
    await journal.aclose()


def test_a_walk_gives_up_rather_than_hold_up_everybody_behind_a_long_transaction(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_first(settings)
    monkeypatch.setattr("bus.migrations.chain._PATIENCE", "200ms")
    with psycopg.connect(settings.database) as other:
        other.execute("LOCK TABLE outbox IN ACCESS SHARE MODE")
        with pytest.raises(StateUnavailable, match="lock timeout"):
            migrate(settings)
    assert [place.recorded() for place in places(settings)] == [""]
    migrate(settings)
