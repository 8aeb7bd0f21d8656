"""Opens the registry's store where the settings say it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bus.database import check_database
from bus.migrations.chain import ALL, settle
from bus.migrations.places import database
from bus.settings import Settings
from registry.errors import RegistryUnavailable
from registry.store import RegistryStore
from registry.store_engine import sqlite_url

#: The hospital that ships with the project.
SHIPPED: Final = Path(__file__).resolve().parent.parent / "services"


def open_store(settings: Settings) -> RegistryStore:
    """The store in PostgreSQL, or in ``registry.db`` of the data folder, which is made if need be.

    The store itself is opened when it is first used, and raises SchemaMismatch for tables of another release. Raises
    RegistryUnavailable when the folder cannot be made, SettingsInvalid or StateUnavailable when the database is no use.
    """
    if settings.database:
        check_database(settings.database)
        where = database(settings.database).name
        return RegistryStore(settings.database, lambda connection: settle(connection, ALL, where))
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryUnavailable(f"the data folder {settings.data} cannot be made: {error.strerror}") from error
    path = settings.data / "registry.db"
    return RegistryStore(sqlite_url(path), lambda connection: settle(connection, frozenset({"registry"}), str(path)))
