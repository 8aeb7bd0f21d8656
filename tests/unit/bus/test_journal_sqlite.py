"""What only the SQLite journal promises: its files, its one writer, its query plans."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from journal_conformance import DAY, a_record, ids

from bus.errors import JournalUnavailable
from bus.journal.files import days_in, living_boot, path_of
from bus.journal.open import open_journal
from bus.journal.partitions import day_of, time_in
from bus.journal.search import statement
from bus.journal.sqlite_shelf import SqliteShelf
from bus.message import new_id
from bus.migrations.places import file
from bus.ports import Query
from bus.settings import Settings


async def test_each_day_of_utc_has_a_file_of_its_own(tmp_path: Path) -> None:
    journal, reader = open_journal(Settings(data=tmp_path))
    await journal.start()
    midnight = time.time() // DAY * DAY
    before, after = a_record(midnight - 0.001), a_record(midnight)
    await journal.intent(before)
    await journal.outcome(after)
    await journal.outcome(before)
    await journal.aclose()
    names = sorted(path.name for path in (tmp_path / "journal").glob("*.db"))
    assert names == [f"{day_of(midnight - 1)}.db", f"{day_of(midnight)}.db"]
    assert ids(reader.search(Query())) == [after.id, before.id]
    assert reader.in_doubt() == []


async def test_a_commit_is_on_the_disk_before_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    connect = sqlite3.connect

    def overheard(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr("bus.journal.sqlite.sqlite3.connect", overheard)
    journal, _ = open_journal(Settings(data=tmp_path))
    await journal.start()
    await journal.outcome(a_record())
    monkeypatch.undo()
    await journal.aclose()
    # The order matters: without a timeout, two that switch a new file to WAL at once fail.
    assert said[:3] == ["PRAGMA busy_timeout = 5000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]
    assert said[-1] == "COMMIT"


async def test_a_folder_has_one_writer_and_the_second_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.journal.files._PATIENCE", 0.1)
    first, _ = open_journal(Settings(data=tmp_path))
    second, _ = open_journal(Settings(data=tmp_path))
    await first.start()
    with pytest.raises(JournalUnavailable, match="another process writes this journal"):
        await second.start()
    await first.aclose()
    third, _ = open_journal(Settings(data=tmp_path))
    await third.start()
    await third.aclose()


async def test_a_reader_alone_knows_that_no_writer_lives(tmp_path: Path) -> None:
    journal, _ = open_journal(Settings(data=tmp_path))
    assert living_boot(tmp_path / "journal") == ""
    await journal.start()
    record = a_record()
    await journal.intent(record)
    _, elsewhere = open_journal(Settings(data=tmp_path))
    assert elsewhere.in_doubt() == []
    await journal.aclose()
    assert living_boot(tmp_path / "journal") == ""
    assert ids(elsewhere.in_doubt()) == [record.id]


def test_a_reader_of_an_empty_folder_finds_nothing_and_makes_nothing(tmp_path: Path) -> None:
    _, reader = open_journal(Settings(data=tmp_path))
    assert reader.search(Query(key="V1")) == []
    assert reader.message(new_id()) is None
    assert reader.in_doubt() == []
    assert reader.summary(0) == []
    assert list(tmp_path.iterdir()) == []


async def test_files_that_are_no_partitions_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    for name in ("2020-13-99.db", "notes.txt", "2020-01-01.db.bak"):
        (folder / name).write_text("keep me")
    (folder / "2020-01-01.db").write_bytes(b"")
    (folder / "2020-01-01.db-wal").write_bytes(b"")
    journal, reader = open_journal(Settings(data=tmp_path))
    await journal.start()
    await journal.outcome(a_record())
    assert len(reader.search(Query())) == 1
    await journal.aclose()
    left = {path.name for path in folder.iterdir()}
    assert {"2020-13-99.db", "notes.txt", "2020-01-01.db.bak"} < left
    assert not {"2020-01-01.db", "2020-01-01.db-wal"} & left
    assert days_in(folder) == [day_of(time.time())]


async def test_a_damaged_file_is_named_and_not_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / f"{day_of(time.time())}.db").write_bytes(b"this is not a database" * 100)
    journal, reader = open_journal(Settings(data=tmp_path))
    await journal.start()
    with pytest.raises(JournalUnavailable, match=r"\.db: cannot be written"):
        await journal.outcome(a_record())
    with pytest.raises(JournalUnavailable, match=r"\.db: cannot be read"):
        reader.search(Query())
    await journal.aclose()


async def test_a_file_that_retention_drops_under_a_reader_is_an_empty_one(tmp_path: Path) -> None:
    journal, _ = open_journal(Settings(data=tmp_path))
    await journal.start()
    await journal.outcome(a_record())
    await journal.aclose()
    (partition,) = SqliteShelf(tmp_path / "journal").partitions(0, 0)
    path = path_of(tmp_path / "journal", day_of(time.time()))
    path.unlink()
    with partition as execute:
        assert execute("SELECT * FROM exchanges", ()) == []
    assert not path.exists()


async def test_a_page_that_is_full_opens_no_older_file(tmp_path: Path) -> None:
    journal, reader = open_journal(Settings(data=tmp_path))
    await journal.start()
    now = time.time()
    for age in range(3):
        for second in range(5):
            await journal.outcome(a_record(now - age * DAY - second, keys=(("visit_no", "V1"),)))
    await journal.aclose()
    for day in days_in(tmp_path / "journal")[1:]:
        (tmp_path / "journal" / f"{day}.db").write_bytes(b"opening this would fail" * 100)
    fits = sum(day_of(now - second) == day_of(now) for second in range(5))
    assert len(reader.search(Query(limit=fits))) == fits
    assert len(reader.search(Query(key="V1", limit=fits))) == fits
    assert len(reader.search(Query(since=now // DAY * DAY))) == fits


@pytest.mark.parametrize(
    ("query", "step"),
    [
        (Query(), "SCAN x USING INDEX sqlite_autoindex_exchanges_1"),
        (Query(before="x"), "SEARCH x USING INDEX sqlite_autoindex_exchanges_1 ((received_at,id)<(?,?))"),
        (Query(key="V1"), "SEARCH keys USING PRIMARY KEY (value=?)"),
        (Query(key="V1", key_name="visit_no", service="lis"), "SEARCH keys USING PRIMARY KEY (value=?)"),
        (Query(flow="f"), "SEARCH x USING INDEX exchanges_flow (flow=?)"),
        (Query(service="lis"), "SEARCH x USING INDEX exchanges_service (service=?)"),
        (Query(service="lis", operation="Place"), "SEARCH x USING INDEX exchanges_operation (operation=?)"),
        (Query(consumer="his"), "SEARCH x USING INDEX exchanges_consumer (consumer=?)"),
        (Query(status="fault"), "SEARCH x USING INDEX exchanges_status (status=?)"),
        (Query(error="contract"), "SEARCH x USING INDEX exchanges_error (error=?)"),
    ],
)
def test_every_search_starts_at_an_index_and_scans_no_table(query: Query, step: str, tmp_path: Path) -> None:
    file(tmp_path / "day.db", "journal").settle()
    database = sqlite3.connect(tmp_path / "day.db")
    sql, values = statement(query, (1e9, query.before) if query.before else None)
    plans = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    database.close()
    assert step in plans
    assert not {"SCAN x", "SCAN u", "SCAN exchanges", "SCAN intents", "SCAN keys"} & set(plans)


def test_a_message_id_says_when_it_was_made() -> None:
    assert time_in(new_id(1_700_000_000.123)) == 1_700_000_000.123
    assert time_in("not a message id") is None
    assert time_in("z" * 12 + "7" + "0" * 19) is None
