"""What the bus knows about every endpoint, and which one the next call goes to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from bus.errors import CircuitOpen, ProviderUnreachable
from bus.resilience.breaker import Breaker
from bus.resilience.limit import Limit
from registry.model import Endpoint

#: One missed probe may be chance; two are an outage.
PROBES_TO_FAIL = 2


class EndpointState:
    """One endpoint as this process knows it: breaker, limit, health. ``label`` is its address without credentials."""

    def __init__(self, label: str, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self.label = label
        self.breaker = Breaker(clock)
        self.limit = Limit()
        self.last_ok = 0.0
        self.last_error = ""
        self.last_error_at = 0.0
        self._now = now
        self._missed = 0

    @property
    def healthy(self) -> bool:
        """False once probes keep failing; true where nobody probes."""
        return self._missed < PROBES_TO_FAIL

    def answered(self) -> None:
        """Remember that it answered just now."""
        self.last_ok = self._now()

    def erred(self, code: str) -> None:
        """Remember the code of its latest failure."""
        self.last_error = code
        self.last_error_at = self._now()

    def probed(self, *, ok: bool) -> None:
        """Take the result of a health probe."""
        self._missed = 0 if ok else self._missed + 1

    def describe(self) -> Mapping[str, Any]:
        """Everything an operator may see of it. Times are Unix seconds, 0 for never."""
        return {
            "url": self.label,
            "state": self.breaker.state,
            "failures": self.breaker.failures,
            "retry_after": round(self.breaker.retry_after, 3),
            "in_flight": self.limit.in_flight,
            "queued": self.limit.queued,
            "healthy": self.healthy,
            "last_ok": self.last_ok,
            "last_error": self.last_error,
            "last_error_at": self.last_error_at,
        }


class Endpoints:
    """The states of all endpoints by address, and the weighted choice among those that serve one version.

    Services that share an address share its breaker and its limit: it is one system that suffers.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        dice: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._now = now
        self._dice = dice or random.Random()  # noqa: S311  (shares load, guards nothing)
        self._states: dict[str, EndpointState] = {}

    def state(self, endpoint: Endpoint) -> EndpointState:
        """The state of this address, made at its first use."""
        state = self._states.get(endpoint.url)
        if state is None:
            state = self._states[endpoint.url] = EndpointState(
                without_credentials(endpoint.url), self._clock, self._now
            )
        return state

    def choose(self, endpoints: Collection[Endpoint], tried: Collection[str] = ()) -> Endpoint:
        """Choose by weight among the endpoints whose breaker admits a call.

        Those not yet ``tried`` (by address) go first, then healthy ones; when every probe fails the probes are
        not believed. Raises CircuitOpen when all breakers are open, ProviderUnreachable when none takes traffic.
        """
        if len(endpoints) == 1:
            (only,) = endpoints
            if only.weight > 0 and self.state(only).breaker.admits():
                return only
        serving = [endpoint for endpoint in endpoints if endpoint.weight > 0]
        if not serving:
            raise ProviderUnreachable("no endpoint takes traffic: every weight is 0", sent=False)
        able = [endpoint for endpoint in serving if self.state(endpoint).breaker.admits()]
        if not able:
            nearest = min((self.state(endpoint) for endpoint in serving), key=lambda state: state.breaker.retry_after)
            raise CircuitOpen(
                f"{nearest.label}: its circuit is open; nothing was sent",
                endpoint=nearest.label,
                retry_after=nearest.breaker.retry_after,
            )
        if len(able) == 1:
            return able[0]
        able = [endpoint for endpoint in able if endpoint.url not in tried] or able
        able = [endpoint for endpoint in able if self.state(endpoint).healthy] or able
        return able[0] if len(able) == 1 else self._draw(able)

    def describe(self) -> list[Mapping[str, Any]]:
        """One mapping per endpoint met so far, in order of address."""
        return [state.describe() for _, state in sorted(self._states.items())]

    def forget_except(self, urls: Iterable[str]) -> None:
        """Drop the states of addresses that no version uses any more and nobody is calling."""
        kept = set(urls)
        for url, state in list(self._states.items()):
            if url not in kept and not state.limit.in_flight and not state.limit.queued:
                del self._states[url]

    def _draw(self, endpoints: list[Endpoint]) -> Endpoint:
        return self._dice.choices(endpoints, [endpoint.weight for endpoint in endpoints])[0]


def without_credentials(url: str) -> str:
    """The address as it may be shown: no user, no password, no query (both may hold secrets)."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.partition("?")[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2].partition('?')[0]}{slash}{path.partition('?')[0]}"
