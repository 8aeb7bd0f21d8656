"""An installation as on several machines: each process a role, nothing in common but PostgreSQL and RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from role_processes import Machine, Machines
from stock_provider import stores_open


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, rabbitmq_url: str) -> Iterator[Machines]:
    """Two gateways, two workers and two relays, started all at once on an empty database."""
    folder = tmp_path_factory.mktemp("machines")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE machines"))
    with stores_open() as stores:
        environ = {
            "STOCK_URL": stores.url,
            "MERIDIAN_DATABASE": postgres_url.rpartition("/")[0] + "/machines",
            "MERIDIAN_BROKER": rabbitmq_url,
        }
        found = Machines(stores)
        for role in ("gateway", "worker", "relay"):
            found.extend(Machine(folder / f"{role}-{number}", environ, role) for number in (1, 2))
        with ThreadPoolExecutor(len(found)) as pool:
            try:
                list(pool.map(Machine.start, found))
                yield found
            finally:
                list(pool.map(Machine.stop, found))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE machines WITH (FORCE)"))
