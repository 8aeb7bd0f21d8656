"""A concurrency limit with a bounded queue: a slow endpoint holds its own callers only, and not too many."""

from __future__ import annotations

import asyncio
from collections import deque


class Full(Exception):
    """No place under way or in the queue, or the wait in the queue took too long."""


class Limit:
    """Counts the calls under way to one endpoint; the rest wait in order. Belongs to one event loop.

    The numbers come with each call, because they are the operation's and the limit is the endpoint's.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def queued(self) -> int:
        """Calls that wait for a place."""
        return len(self._waiting)

    def take(self, concurrency: int) -> bool:
        """Take a place if one is free and nobody waits for it; who got in must ``leave``."""
        if self.in_flight < concurrency and not self._waiting:
            self.in_flight += 1
            return True
        return False

    async def enter(self, *, concurrency: int, queue: int, timeout: float) -> None:
        """Take a place, waiting at most ``timeout`` seconds behind at most ``queue`` others. Raises Full.

        Whoever got in must ``leave``.
        """
        if self.take(concurrency):
            return
        if len(self._waiting) >= queue:
            raise Full
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (place, concurrency)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await place
        except BaseException as error:
            self._give_up(entry)
            if isinstance(error, TimeoutError):
                raise Full from error
            raise

    def leave(self) -> None:
        """Give the place back, to the first who waits."""
        self.in_flight -= 1
        self._hand_out()

    def _give_up(self, entry: tuple[asyncio.Future[None], int]) -> None:
        # The place may have been handed over in the same turn of the loop in which the wait was cancelled.
        if entry[0].done() and not entry[0].cancelled():
            self.leave()
            return
        if entry in self._waiting:
            self._waiting.remove(entry)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self.in_flight < self._waiting[0][1]:
            place, _ = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)
