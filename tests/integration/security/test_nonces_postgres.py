"""Replays across processes that share PostgreSQL."""

from __future__ import annotations

import asyncio
import time

import pytest

from bus.errors import StateUnavailable
from bus.security.nonces import Nonces
from bus.settings import Settings
from bus.state.store import State

pytestmark = pytest.mark.integration


async def test_of_two_processes_that_see_one_nonce_at_once_one_accepts_it(postgres_database: str) -> None:
    states = [State(Settings(database=postgres_database)) for _ in range(2)]
    for state in states:
        await state.start()
    try:
        expires_at = time.time() + 300
        for round_ in range(10):
            uses = [Nonces(state).use("his", bytes([round_]), expires_at) for state in states for _ in range(4)]
            assert sorted(await asyncio.gather(*uses)) == [False] * 7 + [True]
    finally:
        for state in states:
            await state.aclose()


async def test_a_nonce_is_refused_unseen_when_the_database_is_gone() -> None:
    state = State(Settings(database="postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(StateUnavailable):
        await Nonces(state).use("his", b"n", time.time() + 300)
