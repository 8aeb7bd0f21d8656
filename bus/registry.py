"""Opens the registry's store where the settings say it is."""

from __future__ import annotations

from bus.settings import Settings
from registry.errors import RegistryUnavailable
from registry.store import RegistryStore
from registry.store_engine import sqlite_url


def open_store(settings: Settings) -> RegistryStore:
    """The store in PostgreSQL, or in ``registry.db`` of the data folder, which is made if need be.

    Raises RegistryUnavailable when the folder cannot be made; the store itself is opened when it is first used.
    """
    if settings.database:
        return RegistryStore(settings.database)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryUnavailable(f"the data folder {settings.data} cannot be made: {error.strerror}") from error
    return RegistryStore(sqlite_url(settings.data / "registry.db"))
