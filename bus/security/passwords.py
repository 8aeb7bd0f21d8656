"""Checks scrypt passwords off the event loop and remembers the answer, so that a busy caller pays for it once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Callable

from bus.security.secrets import password_matches

#: Seconds for which a right and a wrong password are remembered. A change in the manifest counts at once,
#: because the stored line is a part of what is remembered.
RIGHT_FOR, WRONG_FOR = 300.0, 30.0

_MOST = 4096

#: Checks at a time: each takes a core and 16 MiB for some 30 ms.
_PARALLEL = 2

#: No password fits it; checked for unknown usernames so that the answer takes as long.
_NOBODY = f"scrypt$16384$8$1${'00' * 16}${'00' * 64}"


class Passwords:
    """A memory of checked passwords, keyed by an HMAC under a key that dies with the process.

    ``check`` is the slow comparison, ``clock`` monotonic. Belongs to one event loop.
    """

    def __init__(
        self,
        check: Callable[[str, str], bool] = password_matches,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._clock = clock
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()
        self._turn = asyncio.Semaphore(_PARALLEL)

    async def match(self, password: str, line: str = _NOBODY) -> bool:
        """Whether ``password`` is the one of the stored ``line``; without a line it takes as long and never is."""
        digest = hmac.digest(self._key, f"{line}\0{password}".encode(), hashlib.sha256)
        known = self._recall(digest)
        if known is not None:
            return known
        async with self._turn:
            # The call before this one may have had the same password to check.
            known = self._recall(digest)
            if known is None:
                known = await asyncio.to_thread(self._check, password, line)
                self._remember(digest, known)
        return known

    def _recall(self, digest: bytes) -> bool | None:
        entry = self._known.get(digest)
        return entry[0] if entry is not None and self._clock() < entry[1] else None

    def _remember(self, digest: bytes, right: bool) -> None:
        self._known[digest] = (right, self._clock() + (RIGHT_FOR if right else WRONG_FOR))
        self._known.move_to_end(digest)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
