"""The registry's store in an SQLite file."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from registry_conformance import *  # noqa: F403

from registry.catalogue import Catalogue
from registry.errors import RegistryUnavailable
from registry.store import RegistryStore
from registry.store_engine import StoreEngine, sqlite_url


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "registry.db")


def test_a_content_is_stored_once_however_many_revisions_hold_it(tmp_path: Path, store_url: str) -> None:
    store = RegistryStore(store_url)
    store.apply(Catalogue({"a.yaml": b"same", "b.yaml": b"same"}), "li")
    store.apply(Catalogue({"a.yaml": b"same", "c.yaml": b"other"}), "li")
    store.rollback(1, "li")
    connection = sqlite3.connect(tmp_path / "registry.db")
    assert connection.execute("SELECT count(*) FROM registry_blob").fetchone() == (2,)
    connection.close()


def test_the_file_is_written_through_and_without_a_wal(tmp_path: Path, store_url: str) -> None:
    RegistryStore(store_url).apply(Catalogue({"a.yaml": b"x"}), "li")
    connection = sqlite3.connect(tmp_path / "registry.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]


def _written_long_ago(path: Path) -> None:
    os.utime(path, (0, time.time() - 60))


def test_a_file_that_nobody_writes_is_not_opened_to_ask_for_the_active_revision(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RegistryStore(store_url)
    store.apply(Catalogue({"a.yaml": b"x"}), "li")
    _written_long_ago(tmp_path / "registry.db")
    assert store.active() == 1
    monkeypatch.setattr(StoreEngine, "read", None)
    assert store.active() == 1


def test_a_revision_of_another_process_is_seen_however_long_the_file_was_at_rest(
    tmp_path: Path, store_url: str
) -> None:
    store, other = RegistryStore(store_url), RegistryStore(store_url)
    other.apply(Catalogue({"a.yaml": b"x"}), "li")
    _written_long_ago(tmp_path / "registry.db")
    assert store.active() == 1
    other.apply(Catalogue({"a.yaml": b"y"}), "li")
    assert store.active() == 2
    other.apply(Catalogue({"a.yaml": b"z"}), "li")
    assert store.active() == 3


def test_two_revisions_within_one_tick_of_the_file_systems_clock_are_told_apart(tmp_path: Path, store_url: str) -> None:
    store, other = RegistryStore(store_url), RegistryStore(store_url)
    tick = time.time()
    for number, content in enumerate((b"x", b"y", b"z"), 1):
        other.apply(Catalogue({"a.yaml": content}), "li")
        os.utime(tmp_path / "registry.db", (tick, tick))
        assert store.active() == number


def test_a_store_that_cannot_be_opened_says_so_in_its_own_error(tmp_path: Path) -> None:
    store = RegistryStore(sqlite_url(tmp_path / "missing" / "registry.db"))
    with pytest.raises(RegistryUnavailable, match=r"registry\.db cannot be written: unable to open"):
        store.active()


def test_a_file_that_is_no_database_says_so_in_its_own_error(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_text("not a database, but a good deal of text " * 50)
    with pytest.raises(RegistryUnavailable, match="not a database"):
        RegistryStore(sqlite_url(tmp_path / "registry.db")).apply(Catalogue(), "li")


def test_an_address_that_is_no_url_is_refused() -> None:
    with pytest.raises(RegistryUnavailable, match="not a database URL"):
        RegistryStore("data/registry.db")
