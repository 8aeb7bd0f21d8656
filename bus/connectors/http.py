"""The one HTTP client of the bus: pooled aiohttp without the comforts that are dangerous between systems.

No redirects, cookies, proxies from the environment or retries of its own; a reply is bounded after it is
unpacked, and a request without a whole reply at its deadline is over.
"""

from __future__ import annotations

import asyncio
import io
import re
import time
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from bus.errors import BadRequest, ProviderError, ProviderLied, ProviderTimeout, ProviderUnreachable, ReplyTooLarge
from bus.ports import Inbound, Outbound
from bus.settings import Settings
from transformers.errors import DocumentTooLarge, MalformedDocument
from transformers.packed import CODINGS, Unpacker

#: Shorter than the 5 s after which Apache and Node close an idle connection: one that the other side closes
#: while we write into it leaves a request whose outcome nobody knows.
KEEP_ALIVE = 4.0

#: One lost SYN is sent again after 1 s; an address silent for longer than this is down.
CONNECT_TIMEOUT = 3.0

#: aiohttp copies larger bodies of bytes in one go and warns about it.
_STREAM_FROM = 1 << 20

_SKIPPED = frozenset({"User-Agent", "Accept", "Accept-Encoding", "Content-Type"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_BROKEN_HEADER = re.compile(r"[\r\n\0]")


class _Dial:
    """What is known about the connection of one request: being opened now, and opened for it at all."""

    __slots__ = ("fresh", "opening")

    def __init__(self) -> None:
        self.fresh = False
        self.opening = False


_dial: ContextVar[_Dial] = ContextVar("dial")


class _Dialler(aiohttp.TCPConnector):
    """A pool that says whether a request's connection was new: before it is open, not one byte has left."""

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        dial = _dial.get()
        dial.fresh = dial.opening = True
        protocol = await super()._create_connection(req, traces, timeout)
        dial.opening = False
        return protocol


class AioHttpClient:
    """Implements ``HttpClient`` on one aiohttp session, made on the running loop at the first request.

    Belongs to one event loop. ``settings.max_reply`` bounds a reply in bytes, after it is unpacked.
    """

    def __init__(self, settings: Settings) -> None:
        self._max_reply = settings.max_reply
        self._session: aiohttp.ClientSession | None = None
        self._old_session: aiohttp.ClientSession | None = None

    async def send(self, outbound: Outbound) -> Inbound:
        """Send one request once and answer its whole reply.

        Raises ProviderUnreachable (``sent`` false when no connection came about), ProviderTimeout,
        ReplyTooLarge, ProviderLied (not HTTP, or packed wrongly), and BadRequest for a header with a line break.
        """
        _refuse_broken_headers(outbound)
        if outbound.deadline <= time.monotonic():
            where = origin(outbound.url)
            raise ProviderTimeout(f"{where}: the deadline passed before anything was sent", endpoint=where, sent=False)
        dial = _Dial()
        try:
            return await self._exchange(outbound, dial)
        except ProviderUnreachable as error:
            # A kept connection that the other side closed meanwhile says nothing about the provider, and
            # asking a safe question twice does no harm (RFC 9110 §9.2.1).
            if dial.fresh or not error.sent or outbound.method not in _SAFE_METHODS:
                raise
        return await self._exchange(outbound, _Dial())

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        sessions, self._session, self._old_session = (self._session, self._old_session), None, None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _exchange(self, outbound: Outbound, dial: _Dial) -> Inbound:
        token = _dial.set(dial)
        try:
            async with asyncio.timeout(outbound.deadline - time.monotonic()):
                return await self._request(outbound)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error, outbound, dial) from error
        finally:
            _dial.reset(token)

    async def _request(self, outbound: Outbound) -> Inbound:
        body = outbound.body
        data: Any = (body if len(body) <= _STREAM_FROM else io.BytesIO(body)) if body else None
        session = self._http10() if outbound.http10 else self._session or self._open()
        async with session.request(
            outbound.method, URL(outbound.url), data=data, headers=outbound.headers, allow_redirects=False
        ) as response:
            payload = await self._read(response, outbound)
            return Inbound(response.status, _flat(response.headers), payload)

    async def _read(self, response: aiohttp.ClientResponse, outbound: Outbound) -> bytes:
        limit = self._max_reply
        if (response.content_length or 0) > limit:
            raise ReplyTooLarge(_too_large(outbound, limit), endpoint=origin(outbound.url))
        encoding = response.headers.get("Content-Encoding", "")
        if encoding and encoding.lower() != "identity":
            return await self._unpack(response, encoding.lower(), outbound)
        blocks: list[bytes] = []
        size = 0
        while block := await response.content.readany():
            blocks.append(block)
            size += len(block)
            if size > limit:
                raise ReplyTooLarge(_too_large(outbound, limit), endpoint=origin(outbound.url))
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def _unpack(self, response: aiohttp.ClientResponse, encoding: str, outbound: Outbound) -> bytes:
        endpoint = origin(outbound.url)
        if encoding not in CODINGS:
            raise ProviderLied(f"{endpoint}: answered in a content encoding nobody asked for", endpoint=endpoint)
        unpacker = Unpacker(encoding, self._max_reply)
        try:
            while block := await response.content.readany():
                unpacker.feed(block)
            return unpacker.finish()
        except DocumentTooLarge as error:
            raise ReplyTooLarge(f"{endpoint}: {error}", endpoint=endpoint) from error
        except MalformedDocument as error:
            raise ProviderLied(f"{endpoint}: {error}", endpoint=endpoint) from error

    def _http10(self) -> aiohttp.ClientSession:
        # aiohttp fixes the version for a whole session.
        self._old_session = self._old_session or _session(aiohttp.HttpVersion10)
        return self._old_session

    def _open(self) -> aiohttp.ClientSession:
        self._session = _session(aiohttp.HttpVersion11)
        return self._session


def _session(version: aiohttp.HttpVersion) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=_Dialler(limit=0, limit_per_host=0, keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=30),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_SKIPPED,
        auto_decompress=False,
        trust_env=False,
        version=version,
    )
    # Whether a request may go out twice is for the operation's policy to say.
    session._retry_connection = False
    return session


def origin(url: str) -> str:
    """Scheme, host and port of an address: what may be shown, since paths and queries may name a patient."""
    try:
        parts = URL(url)
        return f"{parts.scheme}://{parts.raw_authority.rpartition('@')[2]}"
    except ValueError:
        return "(not an address)"


def _refuse_broken_headers(outbound: Outbound) -> None:
    headers = outbound.headers
    if not _BROKEN_HEADER.search("".join((*headers, *headers.values()))):
        return
    for name, value in headers.items():
        if _BROKEN_HEADER.search(name + value):
            raise BadRequest(f"the header {name!r} holds a line break or a NUL; nothing was sent")


def _flat(headers: Any) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        flat[key] = f"{flat[key]}, {value}" if key in flat else value
    return flat


def _too_large(outbound: Outbound, limit: int) -> str:
    return f"{origin(outbound.url)} answered more than {limit} bytes; raise max_reply if that is right"


def _translated(error: Exception, outbound: Outbound, dial: _Dial) -> ProviderError:
    """The border between aiohttp's errors and ours. Texts name the address and the kind of failure only."""
    where = origin(outbound.url)
    unsent = dial.opening
    if isinstance(error, aiohttp.InvalidURL) or type(error) is ValueError:
        return ProviderUnreachable(f"{where}: no address or method that HTTP can carry", endpoint=where, sent=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ProviderUnreachable(f"{where}: its name cannot be resolved", endpoint=where, sent=False)
    if isinstance(error, aiohttp.ClientSSLError):
        return ProviderUnreachable(f"{where}: its TLS certificate or handshake failed", endpoint=where, sent=False)
    if isinstance(error, TimeoutError):
        if unsent:
            return ProviderUnreachable(f"{where}: no connection in time", endpoint=where, sent=False)
        return ProviderTimeout(f"{where}: no complete answer before the deadline", endpoint=where)
    if unsent or isinstance(error, aiohttp.ClientConnectorError):
        return ProviderUnreachable(f"{where}: connection refused or unreachable", endpoint=where, sent=False)
    if isinstance(error, aiohttp.ClientResponseError):
        return ProviderLied(f"{where}: its answer is not HTTP", endpoint=where)
    return ProviderUnreachable(f"{where}: the connection broke before a whole reply", endpoint=where)
