"""What every registry store must do: each backend's test file imports these and brings a fixture ``store_url``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from registry.catalogue import Catalogue
from registry.errors import RevisionUnknown
from registry.store import RegistryStore

FIRST = Catalogue({"a.yaml": b"kind: System\nname: a\n", "x.json": b"{}"})
SECOND = Catalogue({"a.yaml": b"kind: System\nname: b\n", "x.json": b"{}", "y.csv": b"\x00\xff"})


@pytest.fixture
def store(store_url: str) -> Iterator[RegistryStore]:
    with closing(RegistryStore(store_url)) as opened:
        yield opened


def test_an_empty_store_has_revision_zero_and_no_files(store: RegistryStore) -> None:
    assert store.active() == 0
    assert store.revisions() == ()
    assert store.current() == (0, Catalogue())


def test_an_apply_is_a_revision_with_author_note_and_time(store: RegistryStore) -> None:
    revision = store.apply(FIRST, "李", "第一版")
    assert (revision.number, revision.author, revision.note, revision.restores) == (1, "李", "第一版", None)
    assert revision.at > 1_700_000_000
    assert store.revisions() == (revision,)
    assert store.current() == (1, FIRST)


def test_applying_the_same_content_again_changes_nothing(store: RegistryStore) -> None:
    first = store.apply(FIRST, "li", "")
    assert store.apply(Catalogue(dict(FIRST.files)), "wang", "again") == first
    assert len(store.revisions()) == 1


def test_earlier_revisions_stay_readable_byte_for_byte(store: RegistryStore) -> None:
    store.apply(FIRST, "li", "")
    store.apply(SECOND, "li", "")
    assert store.catalogue(1) == FIRST
    assert store.catalogue(2) == SECOND
    assert store.active() == 2


def test_a_rollback_is_a_new_revision_with_the_old_content(store: RegistryStore) -> None:
    store.apply(FIRST, "li", "")
    store.apply(SECOND, "li", "")
    made = store.rollback(1, "wang")
    assert (made.number, made.restores, made.author) == (3, 1, "wang")
    assert store.current() == (3, FIRST)
    assert [each.number for each in store.revisions()] == [3, 2, 1]


def test_an_unknown_revision_is_refused_by_name(store: RegistryStore) -> None:
    store.apply(FIRST, "li", "")
    for ask in (lambda: store.catalogue(9), lambda: store.rollback(9, "li"), lambda: store.diff(1, 9)):
        with pytest.raises(RevisionUnknown, match="no revision 9; the newest is 1"):
            ask()
    assert store.active() == 1


def test_the_difference_of_two_revisions_names_each_file(store: RegistryStore) -> None:
    store.apply(FIRST, "li", "")
    store.apply(SECOND, "li", "")
    changes = {change.name: (change.before, change.after) for change in store.diff(1, 2)}
    assert changes == {
        "a.yaml": (b"kind: System\nname: a\n", b"kind: System\nname: b\n"),
        "y.csv": (None, b"\x00\xff"),
    }
    assert [change.after for change in store.diff(2, 0)] == [None, None, None]


def test_two_stores_of_one_address_see_each_other(store: RegistryStore, store_url: str) -> None:
    with closing(RegistryStore(store_url)) as other:
        store.apply(FIRST, "li", "")
        assert other.active() == 1
        other.apply(SECOND, "wang", "")
        assert store.current() == (2, SECOND)


def test_writers_at_the_same_time_make_one_revision_each(store_url: str) -> None:
    gate = threading.Barrier(6)
    numbers: list[int] = []

    def write(number: int) -> None:
        store = RegistryStore(store_url)
        gate.wait()
        for turn in range(3):
            made = store.apply(Catalogue({f"{number}-{turn}.yaml": b"kind: System"}), "li", "")
            numbers.append(made.number)
        store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 19))
