"""The revisions of a whole installation: what its places are at, and the walk of all of them to one revision."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from sqlalchemy import Connection

from bus.errors import SchemaMismatch, SettingsInvalid, StateUnavailable
from bus.migrations import chain
from bus.migrations.places import Place, places
from bus.settings import Settings
from bus.state import actions


@dataclass(frozen=True, slots=True)
class Standing:
    """The revision that a place is at, empty when it has no tables, and the one that was asked for."""

    place: Place
    found: str
    wanted: str


def standings(settings: Settings, wanted: str = "") -> tuple[Standing, ...]:
    """Every place of an installation, beside ``wanted`` (default: the revision that this release works with).

    Raises SettingsInvalid for a revision that this release does not know, StateUnavailable.
    """
    wanted = wanted or chain.revisions()[-1]
    if wanted not in chain.revisions():
        raise SettingsInvalid(f"no schema revision {wanted!r}; this release knows {', '.join(chain.revisions())}")
    return tuple(Standing(place, place.found(), wanted) for place in places(settings))


def check(settings: Settings) -> None:
    """Raises SchemaMismatch that names every place at another revision.

    An empty place gets its tables when it is opened, and who opens one that cannot be read says so.
    """
    wrong = []
    for place in places(settings):
        with suppress(StateUnavailable):
            if (found := place.found()) not in ("", chain.revisions()[-1]):
                wrong.append(chain.mismatch(place.name, found))
    if wrong:
        raise SchemaMismatch("\n".join(wrong))


def before(settings: Settings) -> str:
    """The revision one step before the newest that a place is at. Raises SettingsInvalid when there is none."""
    known = chain.revisions()
    newest = max((_place_of(one) for one in standings(settings) if one.found), default=0)
    if newest == 0:
        raise SettingsInvalid(f"there is no revision before {known[0]}")
    return known[newest - 1]


def migrate(settings: Settings, wanted: str = "", *, who: str) -> Iterator[Standing]:
    """Walk every place to ``wanted``, each in a transaction of its own; answer each as it was found, once it is done.

    ``who`` did so, says the trail of operators' actions.

    Several processes may do this at once: the later ones find nothing left to do. Raises SchemaMismatch for a place
    at a revision that this release does not know, StateUnavailable for one that a bus works on or that fails; the
    places before it are done, those after it as they were.
    """
    for standing in standings(settings, wanted):
        _place_of(standing)
        settings.data.mkdir(parents=True, exist_ok=True)
        with standing.place.alone() as connection:
            now = chain.found(connection, standing.place.stores)
            if chain.recorded(connection) != standing.wanted:
                _walk(connection, Standing(standing.place, now, standing.wanted), who)
        yield Standing(standing.place, now, standing.wanted)


def _walk(connection: Connection, standing: Standing, who: str) -> None:
    """Walk, and note it on whichever end of the way has the tables of this release."""
    stores, now, wanted = standing.place.stores, standing.found, standing.wanted

    def note() -> None:
        actions.record(connection, who, "migrate", "schema", f"{now or 'no tables'} → {wanted}", time.time())

    newest = chain.revisions()[-1]
    if "state" in stores and now == newest:
        note()
    chain.walk(connection, stores, now, wanted)
    if "state" in stores and wanted == newest:
        note()


def statements(settings: Settings, output: TextIO, wanted: str = "") -> None:
    """Write the SQL that ``migrate`` would run, place by place."""
    for standing in standings(settings, wanted):
        _place_of(standing)
        if standing.found != standing.wanted:
            output.write(f"-- {standing.place.name}\n\n")
            recorded = standing.place.recorded()
            chain.sql(standing.place.dialect, standing.place.stores, recorded, standing.wanted, output)


def _place_of(standing: Standing) -> int:
    """Where in the chain a place is. Raises SchemaMismatch for a revision that this release does not know."""
    known = chain.revisions()
    if standing.found and standing.found not in known:
        raise SchemaMismatch(chain.mismatch(standing.place.name, standing.found))
    return known.index(standing.found) if standing.found else 0
