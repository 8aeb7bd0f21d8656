"""The one HTTP client of the bus: pooled aiohttp without the comforts that are dangerous between systems.

No redirects, cookies, proxies from the environment or retries of its own; a reply is bounded after it is
unpacked, and a request without a whole reply at its deadline is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy
from yarl import URL

from bus.connectors.pool import Dial, Pool
from bus.connectors.streams import Talk
from bus.errors import BadRequest, ProviderError, ProviderLied, ProviderTimeout, ProviderUnreachable, ReplyTooLarge
from bus.ports import Inbound, Outbound
from bus.settings import Settings
from transformers.errors import DocumentTooLarge, MalformedDocument
from transformers.packed import CODINGS, Unpacker

_SAFE_METHODS = frozenset({"GET", "HEAD"})
#: Methods whose requests say nothing of a content that they do not have (RFC 9110 §8.6).
_WITHOUT_CONTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: What a connection, or what came over it, may raise.
_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)


class AioHttpClient:
    """Implements ``HttpClient`` on one pool of connections, made on the running loop at the first request.

    Belongs to one event loop. ``settings.max_reply`` bounds a reply in bytes, after it is unpacked. ``resolver`` makes
    what finds the addresses of names: the system's own where nothing else is said.
    """

    def __init__(self, settings: Settings, *, resolver: Callable[[], AbstractResolver | None] = lambda: None) -> None:
        self._max_reply = settings.max_reply
        self._resolver = resolver
        self._pool: Pool | None = None

    async def send(self, outbound: Outbound) -> Inbound:
        """Send one request once and answer its whole reply.

        Raises ProviderUnreachable (``sent`` false when no connection came about), ProviderTimeout,
        ReplyTooLarge, ProviderLied (not HTTP, or packed wrongly), and BadRequest for a header with a line break.
        """
        if outbound.deadline <= time.monotonic():
            where = origin(outbound.url)
            raise ProviderTimeout(f"{where}: the deadline passed before anything was sent", endpoint=where, sent=False)
        dial = Dial(outbound.deadline)
        try:
            return await self._request(outbound, dial)
        except _BROKEN as error:
            failure = _translated(error, outbound, dial)
            # A kept connection that the other side closed meanwhile says nothing about the provider, and
            # asking a safe question twice does no harm (RFC 9110 §9.2.1).
            if not _closed_meanwhile(failure, dial) or outbound.method not in _SAFE_METHODS:
                raise failure from error
        dial = Dial(outbound.deadline)
        try:
            return await self._request(outbound, dial)
        except _BROKEN as error:
            raise _translated(error, outbound, dial) from error

    async def exchange(self, outbound: Outbound, limit: int) -> Inbound:
        """Send one request once, its package as a stream where it has one; of an answered package read the root only.

        Raises like ``send``, and what breaks the request's own attachments off.
        """
        where = origin(outbound.url)
        if outbound.deadline <= time.monotonic():
            raise ProviderTimeout(f"{where}: the deadline passed before anything was sent", endpoint=where, sent=False)
        dial = Dial(outbound.deadline)
        pool = self._pool = self._pool or Pool(self._resolver())
        try:
            address = pool.address(outbound.url)
            head = _head(outbound, address.target, address.headers)
            talk = Talk(
                await pool.take(address, dial), outbound, where, lambda error: _translated(error, outbound, dial)
            )
            code, raw = await talk.ask(head)
            headers = _flat(raw)
            return await talk.hear(
                code,
                headers,
                lambda payload: self._read(payload, headers, outbound),
                root_limit=self._max_reply,
                limit=limit,
            )
        except _BROKEN as error:
            raise _translated(error, outbound, dial) from error

    async def aclose(self) -> None:
        """Close every connection; a later request opens new ones."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def _request(self, outbound: Outbound, dial: Dial) -> Inbound:
        pool = self._pool
        if pool is None:
            pool = self._pool = Pool(self._resolver())
        address = pool.address(outbound.url)
        head = _head(outbound, address.target, address.headers)
        connection = await pool.take(address, dial)
        protocol: ResponseHandler = connection.protocol  # type: ignore[assignment]  # None once it is released
        deadline = asyncio.get_running_loop().call_at(outbound.deadline, protocol._on_read_timeout)
        try:
            inbound = await self._carry(protocol, head, outbound)
        except BaseException:
            connection.close()
            raise
        finally:
            deadline.cancel()
        if protocol.transport is not None and protocol.transport.get_write_buffer_size():
            connection.close()  # the answer came before the whole request was read: nobody knows what follows
        else:
            connection.release()
        return inbound

    async def _carry(self, protocol: ResponseHandler, head: bytes, outbound: Outbound) -> Inbound:
        """One request out, in one write, and its whole reply in."""
        protocol.set_response_params(skip_payload=outbound.method == "HEAD", read_until_eof=True, auto_decompress=False)
        transport = protocol.transport
        if transport is None:
            raise aiohttp.ServerDisconnectedError
        transport.writelines((head, outbound.body) if outbound.body else (head,))
        reply, payload = await protocol.read()
        while 100 <= reply.code < 200 and reply.code != 101:  # interim responses (RFC 9110 §15.2)
            reply, payload = await protocol.read()
        headers = _flat(reply.headers)
        return Inbound(reply.code, headers, await self._read(payload, headers, outbound))

    async def _read(self, payload: StreamReader, headers: dict[str, str], outbound: Outbound) -> bytes:
        limit = self._max_reply
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit and outbound.method != "HEAD":
            raise ReplyTooLarge(_too_large(outbound, limit), endpoint=origin(outbound.url))
        encoding = headers.get("content-encoding", "").lower()
        if encoding and encoding != "identity":
            return await self._unpack(payload, encoding, outbound)
        blocks: list[bytes] = []
        size = 0
        while block := await payload.readany():
            blocks.append(block)
            size += len(block)
            if size > limit:
                raise ReplyTooLarge(_too_large(outbound, limit), endpoint=origin(outbound.url))
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    async def _unpack(self, payload: StreamReader, encoding: str, outbound: Outbound) -> bytes:
        endpoint = origin(outbound.url)
        if encoding not in CODINGS:
            raise ProviderLied(f"{endpoint}: answered in a content encoding nobody asked for", endpoint=endpoint)
        unpacker = Unpacker(encoding, self._max_reply)
        try:
            while block := await payload.readany():
                unpacker.feed(block)
            return unpacker.finish()
        except DocumentTooLarge as error:
            raise ReplyTooLarge(f"{endpoint}: {error}", endpoint=endpoint) from error
        except MalformedDocument as error:
            raise ProviderLied(f"{endpoint}: {error}", endpoint=endpoint) from error


def _closed_meanwhile(failure: ProviderError, dial: Dial) -> bool:
    return isinstance(failure, ProviderUnreachable) and failure.sent and not dial.fresh


def origin(url: str) -> str:
    """Scheme, host and port of an address: what may be shown, since paths and queries may name a patient."""
    try:
        parts = URL(url)
        return f"{parts.scheme}://{parts.raw_authority.rpartition('@')[2]}"
    except ValueError:
        return "(not an address)"


def _head(outbound: Outbound, target: str, implied: Mapping[str, str]) -> bytes:
    """Request line and headers (RFC 9112 §3, §5).

    Raises BadRequest for a header that would end its line, and ValueError for a method that is no token of ours.
    """
    method = outbound.method
    if not (method.isascii() and method.isalpha() and method.isupper()):
        raise ValueError("no method")
    headers = {**implied, **outbound.headers}
    if outbound.http10 and "Connection" not in headers:
        headers["Connection"] = "keep-alive"  # a wish in HTTP/1.0 (RFC 9112 appendix C.2.2), a rule in 1.1
    if outbound.package is None and (outbound.body or method not in _WITHOUT_CONTENT):
        headers["Content-Length"] = str(len(outbound.body))
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not lines.count("\n") == lines.count("\r") == len(headers) or "\0" in lines:
        broken = next(name for name, value in headers.items() if _breaks(name + value))
        raise BadRequest(f"the header {broken!r} holds a line break or a NUL; nothing was sent")
    return f"{method} {target} HTTP/1.{0 if outbound.http10 else 1}\r\n{lines}\r\n".encode()


def _breaks(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def _flat(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """The headers by lower-case name, those of several lines as one (RFC 9110 §5.3)."""
    flat = {name.lower(): value for name, value in headers.items()}
    if len(flat) < len(headers):
        return {name: ", ".join(headers.getall(name)) for name in flat}
    return flat


def _too_large(outbound: Outbound, limit: int) -> str:
    return f"{origin(outbound.url)} answered more than {limit} bytes; raise max_reply if that is right"


def _translated(error: Exception, outbound: Outbound, dial: Dial) -> ProviderError:
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
    if isinstance(error, HttpProcessingError):
        return ProviderLied(f"{where}: its answer is not HTTP", endpoint=where)
    return ProviderUnreachable(f"{where}: the connection broke before a whole reply", endpoint=where)
