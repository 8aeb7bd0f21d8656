"""The registry's store in PostgreSQL: the same promises as in SQLite."""

from __future__ import annotations

import pytest
from registry_conformance import *  # noqa: F403

from registry.errors import RegistryUnavailable
from registry.store import RegistryStore

pytestmark = pytest.mark.integration


@pytest.fixture
def store_url(postgres_database: str) -> str:
    return postgres_database


def test_a_server_that_is_away_is_said_without_the_password() -> None:
    store = RegistryStore("postgresql://meridian:hunter2@127.0.0.1:1/registry")
    with pytest.raises(RegistryUnavailable) as caught:
        store.active()
    assert "cannot be written" in str(caught.value)
    assert "hunter2" not in str(caught.value)
