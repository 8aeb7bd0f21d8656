"""Kept connections: aiohttp's pool, TLS, name cache and response parser, without the session in front of them.

A session builds a request object, a writer task, cookies, timers and a response object for every call: twice the
work of everything that the bus needs, which is one write and one parsed reply.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import strip_auth_from_url
from msgspec import Struct
from yarl import URL

#: Shorter than the 5 s after which Apache and Node close an idle connection: one that the other side closes
#: while we write into it leaves a request whose outcome nobody knows.
KEEP_ALIVE = 4.0

#: One lost SYN is sent again after 1 s; an address silent for longer than this is down.
CONNECT_TIMEOUT = 3.0

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
_NAMELESS = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})


class Dial(Struct):
    """What is known about the connection of one request: being opened now, and opened for it at all.

    ``deadline`` is on the monotonic clock of the loop.
    """

    deadline: float
    fresh: bool = False
    opening: bool = False


_dial: ContextVar[Dial] = ContextVar("dial")


class _Origin(aiohttp.ClientRequest):
    """What the pool wants to know of a request; it is the same for all requests to one origin."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        """What connections are kept under."""
        return super().connection_key


class Address(NamedTuple):
    """Where a request goes: what the pool finds its connection by, the request target, and the headers it implies."""

    request: aiohttp.ClientRequest
    target: str
    headers: dict[str, str]


class Pool(aiohttp.TCPConnector):
    """Any number of connections to any number of hosts, found by ``resolver``. Belongs to the running loop."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        super().__init__(limit=0, limit_per_host=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=30, resolver=resolver)
        self._origins: dict[URL, tuple[aiohttp.ClientRequest, dict[str, str]]] = {}

    def address(self, url: str) -> Address:
        """Read an absolute URL. Raises InvalidURL or ValueError for one that HTTP cannot carry."""
        origin, target = _split(url)
        known = self._origins.get(origin)
        if known is None:
            known = self._origins[origin] = self._origin(origin)
        return Address(known[0], target, known[1])

    async def take(self, address: Address, dial: Dial) -> Connection:
        """A kept connection, or a new one; ``dial`` tells which. Close it or release it.

        Raises ClientError, OSError, or TimeoutError at the dial's deadline.
        """
        token = _dial.set(dial)
        try:
            return await self.connect(address.request, [], _TIMEOUT)
        finally:
            _dial.reset(token)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        # Before the connection is open, not one byte has left.
        dial = _dial.get()
        dial.fresh = dial.opening = True
        async with asyncio.timeout_at(dial.deadline):
            protocol = await super()._create_connection(req, traces, timeout)
        dial.opening = False
        return protocol

    def _origin(self, origin: URL) -> tuple[aiohttp.ClientRequest, dict[str, str]]:
        url, auth = strip_auth_from_url(origin)
        request = _Origin("GET", url, loop=self._loop, skip_auto_headers=_NAMELESS)
        headers = {"Host": request.headers["Host"]}
        if auth is not None:
            headers["Authorization"] = auth.encode()
        return request, headers


@lru_cache(maxsize=1024)
def _split(url: str) -> tuple[URL, str]:
    """Origin, with the user that stands in it, and request target (RFC 9112 §3.2.1)."""
    parts = URL(url)
    if parts.scheme not in ("http", "https") or not parts.raw_host:
        raise aiohttp.InvalidURL(url)
    return parts.with_path("/").with_query(None).with_fragment(None), parts.raw_path_qs
