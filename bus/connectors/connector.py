"""The door out: one call to a provider, with its deadline, tries, breaker, limit and choice of endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct

from bus.connectors.envelope import dressed, is_dressed, undressed
from bus.connectors.headers import outbound_headers
from bus.connectors.health import HealthProbes
from bus.connectors.packages import packaged
from bus.connectors.replies import is_failure, refusal, reply_message
from bus.connectors.trail import Attempts, attempt_trail
from bus.errors import (
    BusError,
    CircuitOpen,
    EndpointBusy,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    meaning,
)
from bus.message import Message
from bus.ports import HttpClient, Inbound, Outbound, SnapshotSource
from bus.resilience.backoff import full_jitter
from bus.resilience.endpoints import Endpoints, EndpointState
from bus.resilience.limit import Full
from registry.model import Endpoint, Operation, Policy, Provider

_FAILURES = (ProviderUnreachable, ProviderTimeout)
_PASSING = (*_FAILURES, ProviderUnavailable)


class _Trip(Struct):
    """One call on its way: what every try needs, and where it has been."""

    message: Message
    operation: Operation
    provider: Provider
    deadline: float
    trail: Attempts
    tried: list[str]
    sent: ProviderError | None = None

    @property
    def policy(self) -> Policy:
        return self.operation.policy

    def remember(self, error: ProviderError) -> None:
        """Keep the latest failure of a try that may have reached the provider."""
        if error.sent:
            self.sent = error

    def telling(self, error: ProviderError) -> ProviderError:
        """The error to end with: once a byte may have left, an unsent try must not make it look otherwise."""
        return error if error.sent or self.sent is None else self.sent


class ProviderConnector:
    """Implements ``Connector`` over an ``HttpClient``. Belongs to one event loop.

    Reads ``message.version.provider`` and ``message.operation``; sends ``message.body`` as it is (but for
    WS-Addressing and WS-Security headers). Tries again only what the policy calls idempotent or what surely was
    not sent, with full jitter, at the next endpoint first, and never past the deadline.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        max_attachments: int = 0,
        endpoints: Endpoints | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[int, float], float] = full_jitter,
    ) -> None:
        self._http = http
        self._limit = max_attachments
        self._endpoints = endpoints or Endpoints(clock)
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._probes: HealthProbes | None = None

    def start(self, registry: SnapshotSource) -> None:
        """Begin to probe the health of the endpoints that ``registry`` names."""
        if self._probes is None:
            self._probes = HealthProbes(self._http, self._endpoints, registry)
            self._probes.start()

    async def stop(self) -> None:
        """Stop the probes. The ``HttpClient`` belongs to whoever made it."""
        if self._probes is not None:
            probes, self._probes = self._probes, None
            await probes.stop()

    async def send(self, message: Message) -> Message:
        """Send ``message`` (in the provider's wire form) and answer its reply, whatever its status says to the caller.

        A reply of 4xx or 500, and any SOAP fault, is answered with its status for ``transform`` to read. Raises
        ProviderRefusedUs (401, 403), ProviderUnavailable (429, 502, 503, 504), ProviderLied (a redirect),
        CircuitOpen, EndpointBusy and what the ``HttpClient`` raises.
        """
        trip = self._plan(message)
        while True:
            endpoint = self._choose(trip)
            try:
                return await self._try(endpoint, trip)
            except ProviderError as error:
                trip.remember(error)
                wait = self._wait_before_next(trip, error)
                if wait is None:
                    telling = trip.telling(error)
                    raise telling from telling.__cause__
            if wait > 0.0:
                await self._sleep(wait)

    def describe(self) -> list[Mapping[str, Any]]:
        """Every endpoint met so far: url, state, failures, in_flight, queued, healthy, last_ok, last_error …"""
        return self._endpoints.describe()

    def _plan(self, message: Message) -> _Trip:
        version, operation = message.version, message.operation
        if version is None or operation is None or version.provider is None:
            raise BusError("the message has no provider to go to; resolve it first")
        deadline = self._clock() + operation.policy.timeout
        if message.deadline:
            deadline = min(deadline, message.deadline)
        return _Trip(message, operation, version.provider, deadline, attempt_trail.get() or Attempts(), [])

    def _choose(self, trip: _Trip) -> Endpoint:
        try:
            return self._endpoints.choose(trip.provider.endpoints, trip.tried)
        except ProviderError as error:
            raise trip.telling(error) from None

    async def _try(self, endpoint: Endpoint, trip: _Trip) -> Message:
        state = self._endpoints.state(endpoint)
        trip.tried.append(endpoint.url)
        trip.trail.endpoint = state.label
        if not state.limit.take(trip.operation.policy.concurrency):
            await self._wait_for_place(state, trip)
        try:
            self._check_time(state, trip)
            inbound = await self._guarded(endpoint, state, trip)
        except BaseException:
            state.limit.leave()
            raise
        if inbound.attachments is None:
            state.limit.leave()
        else:
            inbound.attachments.on_end(state.limit.leave)
        error = refusal(inbound, trip.provider, state.label)
        if error is not None:
            if inbound.attachments is not None:
                inbound.attachments.discard()
            state.erred(meaning(error).code)
            raise error
        if is_dressed(trip.provider):
            inbound = undressed(inbound, trip.message, trip.provider, state.label)
        state.answered()
        return reply_message(trip.message, inbound, trip.provider)

    async def _wait_for_place(self, state: EndpointState, trip: _Trip) -> None:
        policy = trip.policy
        try:
            await state.limit.enter(
                concurrency=policy.concurrency, queue=policy.queue, timeout=trip.deadline - self._clock()
            )
        except Full as error:
            raise EndpointBusy(
                f"{state.label}: {policy.concurrency} calls under way, {state.limit.queued} waiting; nothing was sent",
                endpoint=state.label,
            ) from error

    def _check_time(self, state: EndpointState, trip: _Trip) -> None:
        if self._clock() >= trip.deadline:
            raise ProviderTimeout(
                f"{state.label}: the deadline passed before anything was sent", endpoint=state.label, sent=False
            )

    async def _guarded(self, endpoint: Endpoint, state: EndpointState, trip: _Trip) -> Inbound:
        """One request under the breaker: it learns from every end of it, cancellation included."""
        breaker, policy = state.breaker, trip.policy
        ticket = breaker.enter()
        if ticket is None:
            raise CircuitOpen(
                f"{state.label}: its circuit is open; nothing was sent",
                endpoint=state.label,
                retry_after=breaker.retry_after,
            )
        try:
            inbound = await self._request(endpoint, trip)
        except _FAILURES as error:
            breaker.failed(ticket, threshold=policy.breaker_failures, open_for=policy.breaker_open)
            self._note(state, error)
            raise
        except ProviderError as error:
            breaker.succeeded(ticket)
            self._note(state, error)
            raise
        except BaseException:
            breaker.abandoned(ticket)
            raise
        if is_failure(inbound, trip.provider):
            breaker.failed(ticket, threshold=policy.breaker_failures, open_for=policy.breaker_open)
        else:
            breaker.succeeded(ticket)
        return inbound

    async def _request(self, endpoint: Endpoint, trip: _Trip) -> Inbound:
        message, provider, wire = trip.message, trip.provider, trip.message.wire
        url = _join(endpoint.url, wire.path if wire is not None else "")
        outbound = Outbound(
            method=wire.method if wire is not None else trip.operation.call.method,
            url=url,
            headers=outbound_headers(message, provider, trip.operation),
            body=dressed(message, provider, url) if is_dressed(provider) else message.body,
            deadline=trip.deadline,
            http10=provider.quirks is not None and provider.quirks.http10,
        )
        rules = trip.operation.attachments
        trip.trail.attempts += 1
        started = time.perf_counter()
        try:
            if rules is None or rules.style == "inline":
                return await self._http.send(outbound)
            return await self._http.exchange(packaged(outbound, message, rules.style), rules.limit or self._limit)
        finally:
            trip.trail.waited_us += int((time.perf_counter() - started) * 1e6)

    def _note(self, state: EndpointState, error: ProviderError) -> None:
        state.erred(meaning(error).code)
        error.endpoint = state.label

    def _wait_before_next(self, trip: _Trip, error: ProviderError) -> float | None:
        """Seconds until the next try, or None when there is none."""
        policy, tries = trip.policy, len(trip.tried)
        if tries > policy.retries or not _may_repeat(error, policy) or _spent(trip.message):
            return None
        fresh = any(one.weight > 0 and one.url not in trip.tried for one in trip.provider.endpoints)
        if isinstance(error, CircuitOpen | EndpointBusy) and not fresh:
            return None
        wait = 0.0 if fresh else self._jitter(tries, policy.backoff)
        if isinstance(error, ProviderUnavailable) and not fresh:
            wait = max(wait, error.retry_after)
        return wait if self._clock() + wait < trip.deadline else None


def _may_repeat(error: ProviderError, policy: Policy) -> bool:
    return not error.sent or (policy.idempotent and isinstance(error, _PASSING))


def _spent(message: Message) -> bool:
    """Whether attachments that streamed past have been read: they cannot be sent again."""
    return message.attachments is not None and message.attachments.began


def _join(url: str, path: str) -> str:
    """An endpoint's address with the operation's path (and query) behind it."""
    if path.startswith("/") and url.endswith("/"):
        return url[:-1] + path
    return url + path
