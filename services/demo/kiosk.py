"""The kiosk: starts visits over the bus's REST face, a few at a time, and asks again until each is accepted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiohttp

from services.demo.patients import Visit

_AGAIN = frozenset({408, 429, 502, 503, 504})


@dataclass(slots=True)
class Kiosk:
    """``started`` keeps when each accepted visit was sent (Unix), ``messages`` the id that the bus gave it,
    ``refused`` what the bus would not take and why."""

    url: str
    key: str
    concurrency: int = 16
    started: dict[str, float] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    async def start(self, visits: Iterable[Visit]) -> None:
        """Start all visits; returns when the bus has answered for each."""
        waiting = iter(visits)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            await asyncio.gather(*(self._worker(session, waiting) for _ in range(self.concurrency)))

    async def _worker(self, session: aiohttp.ClientSession, waiting: Iterable[Visit]) -> None:
        for visit in waiting:
            await self.start_one(session, visit)

    async def start_one(self, session: aiohttp.ClientSession, visit: Visit) -> None:
        """Start one visit; returns when the bus has answered for it."""
        headers = {"X-API-Key": self.key, "Idempotency-Key": f"kiosk-{visit.visit_no}"}
        sent, pause = time.time(), 0.2
        while True:
            try:
                async with session.post(f"{self.url}/rest/visits/start", json=visit.request, headers=headers) as answer:
                    if answer.status == 202:
                        self.messages[visit.visit_no] = (await answer.json())["message_id"]
                        self.started[visit.visit_no] = sent
                        return
                    if answer.status not in _AGAIN:
                        self.refused[visit.visit_no] = f"HTTP {answer.status}"
                        return
            except (aiohttp.ClientError, TimeoutError):
                pause = max(pause, 0.5)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
