"""The journal's promises, kept in PostgreSQL, and what only several processes on one journal can show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from journal_conformance import DurableConformance, Life, a_record, ids, write

from bus.errors import JournalUnavailable
from bus.journal.open import open_journal
from bus.ports import Query
from bus.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[str]:
    """One database for all of this module: creating one takes longer than most of these tests."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE journals")
    yield postgres_url.rpartition("/")[0] + "/journals"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE journals WITH (FORCE)")


@pytest.fixture
def postgres_database(database: str) -> str:
    """The address of a database without a journal."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS journal, public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return database


@pytest.fixture
async def life(postgres_database: str) -> AsyncIterator[Life]:
    lives: list[Life] = []

    async def born() -> Life:
        for life in lives:
            await life.journal.aclose()
        journal, reader = open_journal(Settings(database=postgres_database))
        await journal.start()
        lives.append(Life(journal, reader, born))
        return lives[-1]

    yield await born()
    await lives[-1].journal.aclose()


class TestPostgres(DurableConformance):
    """Everything that the suite promises."""


async def test_two_processes_write_one_journal_at_once(life: Life, postgres_database: str) -> None:
    other, _ = open_journal(Settings(database=postgres_database))
    await other.start()
    records = [a_record(keys=(("visit_no", "V1"),)) for _ in range(300)]
    await asyncio.gather(write(life.journal, *records[::2]), write(other, *records[1::2]))
    await other.aclose()
    assert set(ids(life.reader.search(Query(key="V1", limit=1000)))) == set(ids(records))


async def test_intents_of_a_neighbour_are_in_doubt_only_once_it_is_dead(life: Life, postgres_database: str) -> None:
    other, _ = open_journal(Settings(database=postgres_database))
    await other.start()
    record = a_record()
    await other.intent(record)
    assert life.reader.in_doubt() == []
    with psycopg.connect(postgres_database, autocommit=True) as database:
        database.execute("UPDATE journal.boots SET seen_at = now() - interval '16 seconds'")
    assert ids(life.reader.in_doubt()) == [record.id]
    await other.aclose()


async def test_the_heartbeat_goes_on_while_nothing_is_written(life: Life, postgres_database: str) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as database:
        database.execute("UPDATE journal.boots SET seen_at = now() - interval '16 seconds'")
        for _ in range(60):
            await asyncio.sleep(0.1)
            ((age,),) = database.execute("SELECT extract(epoch FROM now() - seen_at) FROM journal.boots")
            if age < 10:
                return
    pytest.fail("no sign of life for six seconds")


async def test_a_lost_connection_costs_neither_a_record_nor_a_search(life: Life, postgres_database: str) -> None:
    record = a_record()
    await life.journal.outcome(a_record())
    assert life.reader.search(Query())
    with psycopg.connect(postgres_database, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian-journal'"
        )
    await life.journal.outcome(record)
    assert record.id in ids(life.reader.search(Query()))


async def test_a_database_that_is_not_there_is_named_at_the_start() -> None:
    journal, reader = open_journal(Settings(database="postgresql://meridian@127.0.0.1:1/none"))
    with pytest.raises(JournalUnavailable, match="PostgreSQL cannot be written"):
        await journal.start()
    with pytest.raises(JournalUnavailable):
        await journal.outcome(a_record())
    with pytest.raises(JournalUnavailable, match="PostgreSQL cannot be read"):
        reader.search(Query())


async def test_a_search_by_key_reads_no_table_from_end_to_end(life: Life, postgres_database: str) -> None:
    await write(life.journal, *(a_record() for _ in range(500)))
    with psycopg.connect(postgres_database, autocommit=True) as database:
        database.execute("ANALYZE")
        plan = database.execute(
            "EXPLAIN SELECT * FROM journal.keys k JOIN journal.exchanges x"
            " ON x.received_at = k.received_at AND x.id = k.exchange WHERE k.value = 'V1'"
        ).fetchall()
    assert "Seq Scan" not in str(plan)
