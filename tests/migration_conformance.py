"""What the chain of schema revisions must do in every database; each adapter's test module supplies the fixture."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from io import StringIO
from subprocess import PIPE

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

import bus.bootstrap  # noqa: F401 - whose imports register every table
from bus.errors import SchemaMismatch, SettingsInvalid
from bus.journal.open import open_journal
from bus.migrations import chain, installation
from bus.migrations.places import Place, places
from bus.registry import open_store
from bus.security.users import Users
from bus.security.users import metadata as console
from bus.settings import Settings
from bus.state import actions
from bus.state.store import State
from bus.state.store import metadata as state
from registry.store_schema import metadata as registry

DECLARED: dict[str, MetaData] = {"state": state, "console": console, "registry": registry}
FIRST, HEAD = chain.revisions()[0], chain.revisions()[-1]

#: One row in a table of each store but the journal, as the first release wrote it.
ROWS = {
    "state": "INSERT INTO outbox (queue, id, body, headers, lane, attempt, ready_at, owner, crashes, created_at)"
    " VALUES ('deliver', 'kept', 'x', '{}', '', 1, 0, '', 0, 0)",
    "console": "INSERT INTO console_user VALUES ('li', '', 'admin', 1.5, 0)",
    "registry": "INSERT INTO registry_revision VALUES (7, 'li', 'kept', 1.5, NULL)",
}
KEPT = {
    "state": "SELECT count(*) FROM outbox WHERE id = 'kept'",
    "console": "SELECT count(*) FROM console_user WHERE name = 'li'",
    "registry": "SELECT count(*) FROM registry_revision WHERE note = 'kept'",
}


def migrate(settings: Settings, wanted: str = "") -> list[installation.Standing]:
    """Every place as it was found."""
    return list(installation.migrate(settings, wanted, who="li"))


@contextmanager
def opened(settings: Settings, store: str) -> Iterator[Connection]:
    """The database that holds ``store``, in a transaction."""
    place = next(place for place in places(settings) if store in place.stores)
    with place.alone() as connection:
        yield connection


def make_first(settings: Settings) -> None:
    """An installation as the first release left it: with rows, and without a recorded revision."""
    migrate(settings, FIRST)
    for store, row in ROWS.items():
        with opened(settings, store) as connection:
            connection.execute(text(row))
    for place in places(settings):
        with place.alone() as connection:
            connection.execute(text("DROP TABLE alembic_version"))


def lost(settings: Settings) -> list[str]:
    """The stores whose row is not there any more."""
    gone = []
    for store, query in KEPT.items():
        with opened(settings, store) as connection:
            gone += [store] if connection.scalar(text(query)) != 1 else []
    return gone


def draft(place: Place) -> str:
    """What a revision would have to do to the place so that its tables are as the code declares them."""
    declared = MetaData()
    for store in place.stores & DECLARED.keys():
        for table in DECLARED[store].tables.values():
            table.to_metadata(declared)

    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        return kind != "table" or name != "alembic_version"

    with place.alone() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        lines = str(render_python_code(produce_migrations(context, declared).upgrade_ops)).splitlines()
        return "\n".join(line.strip() for line in lines if "###" not in line)


class MigrationConformance:
    def test_the_tables_that_the_code_declares_are_those_that_the_revisions_make(self, settings: Settings) -> None:
        migrate(settings)
        for place in places(settings):
            if place.stores != {"journal"}:
                missing = draft(place)
                assert missing == "pass", f"bus/migrations/revisions/ needs a revision that does\n{missing}"

    async def test_an_empty_installation_starts_with_the_newest_tables(self, settings: Settings) -> None:
        async with started(settings):
            installation.check(settings)
            assert {place.recorded() for place in places(settings) if place.found()} == {HEAD}

    async def test_the_first_release_is_recognised_refused_and_brought_forward(self, settings: Settings) -> None:
        make_first(settings)
        with pytest.raises(SchemaMismatch, match=f"revision {FIRST}, this release works with {HEAD}; run `meridian"):
            await State(settings).start()
        with closing(open_store(settings)) as store, pytest.raises(SchemaMismatch, match="meridian migrate"):
            store.active()
        with pytest.raises(SchemaMismatch, match="meridian migrate"):
            Users(settings)
        assert {one.found for one in migrate(settings)} == {FIRST}
        assert lost(settings) == []
        async with started(settings) as state:
            await state.write(lambda c: actions.record(c, "li", "migrate", "schema", "", 0.0))

    def test_every_revision_can_be_taken_back_and_made_again_without_loss(self, settings: Settings) -> None:
        make_first(settings)
        for revision in chain.revisions():
            migrate(settings, revision)
        with opened(settings, "state") as connection:
            (done, *_) = actions.actions(connection)
            assert (done.who, done.verb, done.reason) == ("li", "migrate", f"{chain.revisions()[-2]} → {HEAD}")
        for revision in reversed(chain.revisions()[:-1]):
            assert installation.before(settings) == revision
            migrate(settings, revision)
            assert lost(settings) == []
        with pytest.raises(SettingsInvalid, match=f"no revision before {FIRST}"):
            installation.before(settings)
        migrate(settings)
        assert lost(settings) == []
        self.test_the_tables_that_the_code_declares_are_those_that_the_revisions_make(settings)

    def test_letters_parked_since_are_dead_letters_for_the_first_release(self, settings: Settings) -> None:
        migrate(settings)
        with opened(settings, "state") as connection:
            connection.execute(text(ROWS["state"]))
            connection.execute(text("UPDATE outbox SET parked_at = 5, parked_code = 'expired', parked_reason = 'late'"))
        migrate(settings, FIRST)
        with opened(settings, "state") as connection:
            assert connection.execute(text("SELECT id, code, reason FROM dead_letter")).all() == [
                ("kept", "expired", "late")
            ]
            assert connection.scalar(text("SELECT count(*) FROM outbox")) == 0

    async def test_tables_of_a_newer_release_are_refused_and_left_alone(self, settings: Settings) -> None:
        migrate(settings)
        with opened(settings, "state") as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        for attempt in (
            lambda: installation.check(settings),
            lambda: migrate(settings),
            lambda: installation.before(settings),
        ):
            with pytest.raises(SchemaMismatch, match=f"revision 9999, which is newer than this release, {HEAD}"):
                attempt()
        with pytest.raises(SchemaMismatch, match=f"step back with it: `meridian migrate --to {HEAD}`"):
            await State(settings).start()

    def test_the_statements_of_a_walk_are_shown_and_not_run(self, settings: Settings) -> None:
        make_first(settings)
        output = StringIO()
        installation.statements(settings, output)
        assert "CREATE TABLE alembic_version" in output.getvalue()
        assert "ALTER TABLE outbox ADD COLUMN parked_at" in output.getvalue()
        assert {place.recorded() for place in places(settings)} == {""}
        migrate(settings)
        back = StringIO()
        installation.statements(settings, back, FIRST)
        assert "ALTER TABLE outbox DROP COLUMN parked_at" in back.getvalue()
        with pytest.raises(SettingsInvalid, match="no schema revision '0000'"):
            installation.statements(settings, back, "0000")

    def test_two_processes_that_migrate_at_once_do_it_once(self, settings: Settings) -> None:
        make_first(settings)
        environ = {**os.environ, "MERIDIAN_DATA": str(settings.data), "MERIDIAN_DATABASE": settings.database}
        command = [sys.executable, "-c", "from bus.cli import main; main()", "migrate"]
        both = [subprocess.Popen(command, env=environ, stdout=PIPE, stderr=PIPE, text=True) for _ in range(2)]
        said = [process.communicate(timeout=100) for process in both]
        # On SQLite the later one may find the files in the hands of the earlier one, and says so.
        assert all(
            process.returncode == 0 or "stop it first" in err for process, (_, err) in zip(both, said, strict=True)
        )
        assert 0 in [process.returncode for process in both]
        assert lost(settings) == []
        installation.check(settings)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[State]:
    """Every store of the installation, open."""
    state, (journal, _) = State(settings), open_journal(settings)
    with closing(open_store(settings)) as store:
        store.active()
        Users(settings).close()
        await state.start()
        await journal.start()
        yield state
        await journal.aclose()
        await state.aclose()
