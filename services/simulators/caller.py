"""How a simulated system calls the bus: again and again until it is told that the bus has the message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from services.simulators.context import Context


async def deliver(
    context: Context,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    accepted: Callable[[int, bytes], bool] = lambda status, _body: status in (200, 202),
) -> None:
    """POST ``body`` to the bus until ``accepted`` says so, with growing pauses of at most five seconds."""
    pause = 0.2
    while True:
        try:
            async with context.session.post(context.bus + path, data=body, headers=dict(headers)) as response:
                if accepted(response.status, await response.read()):
                    return
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            pause = max(pause, 0.5)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)
