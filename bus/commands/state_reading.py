"""The state store read from a command, beside the bus that may be running on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bus.errors import StateUnavailable
from bus.settings import Settings


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """A read-only connection of its own: the bus, if it runs, keeps the file's one writer."""
    url, where = _address(settings)
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StateUnavailable(f"{where}: cannot be read; has the bus been started with these settings?") from error
    finally:
        engine.dispose()


def _address(settings: Settings) -> tuple[URL, str]:
    if settings.database:
        url = make_url(settings.database).set(drivername="postgresql+psycopg")
        return url, f"PostgreSQL at {url.host}:{url.port or 5432}"
    path = settings.data / "state.db"
    return URL.create("sqlite", database=f"{path.absolute().as_uri()}", query={"mode": "ro", "uri": "true"}), str(path)
