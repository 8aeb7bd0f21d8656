"""Health probes: a silent endpoint loses its traffic before a patient's message finds out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urljoin

import structlog

from bus.background import Background
from bus.errors import BadRequest, ProviderError
from bus.ports import HttpClient, Outbound, SnapshotSource
from bus.resilience.endpoints import Endpoints
from registry.model import Endpoint, Snapshot

_log = structlog.get_logger(__name__)


class HealthProbes:
    """Asks every endpoint that names a ``health`` path, each ``every`` seconds, all at the same time.

    The path is resolved against the endpoint's address, so ``/health`` starts at its root. 2xx within
    ``timeout`` seconds is healthy. Follows the snapshot: endpoints that come and go need no restart.
    """

    def __init__(
        self,
        http: HttpClient,
        endpoints: Endpoints,
        registry: SnapshotSource,
        *,
        every: float = 5.0,
        timeout: float = 2.0,
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._registry = registry
        self._every = every
        self._timeout = timeout
        self._background = Background(self._run, "health probes")

    def start(self) -> None:
        """Begin probing on the running loop."""
        self._background.start()

    async def stop(self) -> None:
        """Stop probing; probes under way are cancelled."""
        await self._background.stop()

    async def round(self) -> None:
        """Probe every endpoint once and forget those that the snapshot no longer names."""
        endpoints = list({endpoint.url: endpoint for endpoint in serving(self._registry.snapshot)}.values())
        self._endpoints.forget_except(endpoint.url for endpoint in endpoints)
        await asyncio.gather(*(self._probe(endpoint) for endpoint in endpoints if endpoint.health))

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except Exception:
                # Probes that died unseen would leave every endpoint as it was last seen, for ever.
                _log.exception("endpoint.probes_failed")
            await asyncio.sleep(self._every)

    async def _probe(self, endpoint: Endpoint) -> None:
        state = self._endpoints.state(endpoint)
        was = state.healthy
        state.probed(ok=await self._alive(endpoint))
        if state.healthy != was:
            _log.warning("endpoint.health", endpoint=state.label, healthy=state.healthy)

    async def _alive(self, endpoint: Endpoint) -> bool:
        deadline = time.monotonic() + self._timeout
        try:
            url = urljoin(endpoint.url, endpoint.health)
            reply = await self._http.send(Outbound("GET", url, {"Accept": "*/*"}, b"", deadline))
        except (ProviderError, BadRequest, ValueError):
            return False
        return 200 <= reply.status < 300


def serving(snapshot: Snapshot) -> Iterator[Endpoint]:
    """Every endpoint of every version of a snapshot."""
    for service in snapshot.services.values():
        for version in service.versions.values():
            if version.provider is not None:
                yield from version.provider.endpoints
