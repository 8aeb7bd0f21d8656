"""A real provider on loopback that misbehaves on request, and the client and connector under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from loopback_provider import LoopbackProvider

from bus.connectors.http import AioHttpClient
from bus.settings import Settings


@pytest.fixture
async def provider() -> AsyncIterator[LoopbackProvider]:
    """A provider that is up."""
    provider = LoopbackProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def other() -> AsyncIterator[LoopbackProvider]:
    """A second provider, at another port."""
    provider = LoopbackProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture
async def client() -> AsyncIterator[AioHttpClient]:
    """A client that takes replies of up to 100 000 bytes."""
    client = AioHttpClient(Settings(max_reply=100_000))
    yield client
    await client.aclose()
