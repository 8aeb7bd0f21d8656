"""The running snapshot: swapped whole, kept when the new revision is broken."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from catalogues import SYSTEM, catalogue, service

from registry.catalogue import Catalogue
from registry.errors import ManifestInvalid, RegistryError, RegistryUnavailable
from registry.live import LiveRegistry
from registry.store import RegistryStore
from registry.store_engine import sqlite_url

GOOD = catalogue(SYSTEM, service("- {name: PlaceOrder}"))
BROKEN = catalogue(SYSTEM, service("- {name: PlaceOrder, keys: {visit_no: '.a | ('}}"))


@pytest.fixture
def store(tmp_path: Path) -> RegistryStore:
    return RegistryStore(sqlite_url(tmp_path / "registry.db"))


def test_before_the_first_apply_the_snapshot_is_empty(store: RegistryStore) -> None:
    live = LiveRegistry(store, {})
    assert live.refresh() is False
    assert (live.snapshot.revision, live.snapshot.services, live.problem) == (0, {}, None)


def test_a_new_revision_is_compiled_once_and_swapped_in(store: RegistryStore) -> None:
    live = LiveRegistry(store, {})
    store.apply(GOOD, "li")
    assert live.refresh() is True
    first = live.snapshot
    assert (first.revision, set(first.services)) == (1, {"lis"})
    assert live.refresh() is False
    assert live.snapshot is first


def test_a_revision_that_does_not_compile_never_replaces_the_running_one(store: RegistryStore) -> None:
    told: list[RegistryError] = []
    live = LiveRegistry(store, {}, on_problem=told.append)
    store.apply(GOOD, "li")
    live.refresh()
    running = live.snapshot
    store.apply(BROKEN, "li")
    assert live.refresh() is False
    assert live.refresh() is False
    assert live.snapshot is running
    assert isinstance(live.problem, ManifestInvalid)
    assert len(told) == 1
    store.rollback(1, "li")
    assert live.refresh() is True
    assert (live.snapshot.revision, live.problem) == (3, None)


def test_a_store_that_is_away_keeps_the_snapshot_and_is_forgotten_when_back(tmp_path: Path) -> None:
    store = RegistryStore(sqlite_url(tmp_path / "registry.db"))
    store.apply(GOOD, "li")
    live = LiveRegistry(store, {})
    live.refresh()
    (tmp_path / "registry.db").rename(tmp_path / "away.db")
    (tmp_path / "registry.db").mkdir()
    assert live.refresh() is False
    assert isinstance(live.problem, RegistryUnavailable)
    assert live.snapshot.revision == 1
    (tmp_path / "registry.db").rmdir()
    (tmp_path / "away.db").rename(tmp_path / "registry.db")
    live.refresh()
    assert (live.problem, live.snapshot.revision) == (None, 1)


def test_readers_never_see_half_a_swap(store: RegistryStore) -> None:
    def revision(number: int) -> Catalogue:
        name = f"Op{number}"
        grant = f"kind: Consumer\nname: kiosk\ngrants: [{{service: lis, operations: [{name}]}}]\n"
        return catalogue(SYSTEM, service(f"- {{name: {name}}}"), grant)

    live = LiveRegistry(store, {})
    store.apply(revision(1), "li")
    live.refresh()
    wrong: list[int] = []
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            snapshot = live.snapshot
            seen.add(snapshot.revision)
            (operation,) = snapshot.services["lis"].versions["1"].operations
            if operation != f"Op{snapshot.revision}" or not snapshot.consumers["kiosk"].may_call("lis", operation):
                wrong.append(snapshot.revision)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2, 8):
        store.apply(revision(number), "li")
        live.refresh()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert 7 in seen | {live.snapshot.revision}


def test_another_processes_apply_is_running_here_within_two_seconds(store: RegistryStore, tmp_path: Path) -> None:
    live = LiveRegistry(store, {})
    store.apply(GOOD, "li")
    live.refresh()
    live.watch()
    program = textwrap.dedent("""
        import sys
        from registry.catalogue import Catalogue
        from registry.store import RegistryStore
        RegistryStore(sys.argv[1]).apply(Catalogue({"a.yaml": b"kind: System\\nname: other\\n"}), "other process")
    """)
    try:
        address = sqlite_url(tmp_path / "registry.db")
        subprocess.run([sys.executable, "-c", program, address], check=True, timeout=60)
        applied = time.monotonic()
        while live.snapshot.revision != 2 and time.monotonic() < applied + 2:
            time.sleep(0.02)
        assert set(live.snapshot.systems) == {"other"}
    finally:
        live.stop()


def test_watching_stops_when_it_is_told_to(store: RegistryStore) -> None:
    live = LiveRegistry(store, {})
    live.watch(interval=0.01)
    live.stop()
    store.apply(GOOD, "li")
    time.sleep(0.05)
    assert live.snapshot.revision == 0
    assert "registry-watch" not in {thread.name for thread in threading.enumerate()}


def test_an_unforeseen_error_is_reported_and_does_not_end_the_watching(
    store: RegistryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    live = LiveRegistry(store, {})
    store.apply(GOOD, "li")
    with monkeypatch.context() as patched:
        patched.setattr("registry.live.compile_catalogue", break_down)
        assert live.refresh() is False
    assert str(live.problem) == "revision 1 cannot be compiled: ZeroDivisionError"
    store.apply(catalogue(SYSTEM), "li")
    assert live.refresh() is True
    assert live.problem is None
