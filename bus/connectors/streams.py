"""One request whose body, answer, or both are packages that stream: nothing of them is held but their roots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

from bus.attachments import open_package
from bus.errors import ProviderError, ProviderLied, ProviderTimeout, ReplyTooLarge
from bus.ports import Inbound, Outbound, Package
from transformers.errors import DocumentError, DocumentTooLarge
from transformers.related import is_package

_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)


class Talk:
    """One request under way on one connection, which it closes or gives back whatever becomes of it.

    The request's body is sent while its answer is awaited and read: a provider may refuse early, or answer before it
    has read everything. ``where`` is the provider's origin, ``translate`` turns errors of the connection into ours.
    All times end at ``outbound.deadline``.
    """

    def __init__(
        self, connection: Connection, outbound: Outbound, where: str, translate: Callable[[Exception], ProviderError]
    ) -> None:
        self._connection = connection
        self._protocol: ResponseHandler = connection.protocol  # type: ignore[assignment]  # None once it is released
        self._outbound = outbound
        self._where = where
        self._translate = translate
        self._loop = asyncio.get_running_loop()
        self._payload: StreamReader | None = None
        self._upload: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._alarm = self._loop.call_at(outbound.deadline, self._protocol._on_read_timeout)

    async def ask(self, head: bytes) -> tuple[int, Any]:
        """Send the head and begin with the body; answer the status and the raw headers of the reply.

        Raises the error that broke the request's own attachments off, ProviderTimeout, or ProviderUnreachable.
        """
        try:
            protocol, package = self._protocol, self._outbound.package
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            transport = protocol.transport
            if transport is None:
                raise aiohttp.ServerDisconnectedError
            transport.write(head)
            if package is not None:
                self._upload = asyncio.create_task(self._send(package))
            elif self._outbound.body:
                transport.write(self._outbound.body)
            reply, self._payload = await protocol.read()
            while 100 <= reply.code < 200 and reply.code != 101:  # interim responses (RFC 9110 §15.2)
                reply, self._payload = await protocol.read()
            return reply.code, reply.headers
        except BaseException as error:
            raise self._given_up(error) from error

    async def hear(
        self,
        code: int,
        headers: Mapping[str, str],
        read: Callable[[StreamReader], Awaitable[bytes]],
        *,
        root_limit: int,
        limit: int,
    ) -> Inbound:
        """The answer, read whole by ``read``, or the root of a package whose attachments go on streaming.

        Raises ProviderLied, ReplyTooLarge, and what ``ask`` raises.
        """
        payload, content_type = self._payload, headers.get("content-type", "")
        try:
            if payload is None or not is_package(content_type):
                body = await read(payload) if payload is not None else b""
                if code < 300:
                    await self._sent()
                self._end()
                return Inbound(code, headers, body)
            if headers.get("content-encoding", "identity").lower() != "identity":
                raise ProviderLied(f"{self._where}: packed its package, which nobody asked for", endpoint=self._where)
            root, kind, attachments = await open_package(
                content_type, self._block, root_limit=root_limit, limit=limit, blame=self._blame
            )
        except BaseException as error:
            raise self._given_up(error) from error
        attachments.on_end(self._end)
        return Inbound(code, {**headers, "content-type": kind}, root, attachments)

    async def _block(self) -> bytes:
        """The next block of the answer; at its end, the request has been sent to its end too."""
        try:
            block = b"" if self._payload is None else await self._payload.readany()
            if not block:
                await self._sent()
            return block
        except _BROKEN as error:
            raise self._told(error) from error

    async def _send(self, package: Package) -> None:
        """Write the body as fast as the provider takes it; what breaks it off breaks the connection off."""
        protocol = self._protocol
        chunked = package.length is None
        try:
            async with aclosing(package.blocks):
                async for block in package.blocks:
                    transport = protocol.transport
                    if transport is None or transport.is_closing():
                        return  # the provider hung up: what it answered before tells why
                    transport.writelines((b"%x\r\n" % len(block), block, b"\r\n") if chunked else (block,))
                    await protocol._drain_helper()
            if chunked and protocol.transport is not None:
                protocol.transport.write(b"0\r\n\r\n")
        except _BROKEN:
            return
        except Exception as error:
            self._failure = error
            if protocol.transport is not None:
                protocol.transport.abort()
        finally:
            package.attachments.discard()

    async def _sent(self) -> None:
        """Wait until the body has been sent. Raises what broke it off, or ProviderTimeout."""
        if self._upload is not None and not self._upload.done():
            try:
                async with asyncio.timeout_at(self._outbound.deadline):
                    await asyncio.shield(self._upload)
            except TimeoutError as error:
                raise self._late() from error
        if self._failure is not None:
            raise self._failure

    def _end(self) -> None:
        """Give the connection back if both sides have said everything, else close it."""
        self._alarm.cancel()
        sent = self._upload is None or (self._upload.done() and self._failure is None)
        if not sent and self._upload is not None:
            self._upload.cancel()
        transport = self._protocol.transport
        written = transport is not None and not transport.get_write_buffer_size()
        if sent and written and (self._payload is None or self._payload.is_eof()):
            self._connection.release()
        else:
            self._connection.close()

    def _given_up(self, error: BaseException) -> BaseException:
        if self._upload is not None:
            self._upload.cancel()
        self._alarm.cancel()
        self._connection.close()
        return self._told(error) if isinstance(error, _BROKEN) else error

    def _told(self, error: Exception) -> Exception:
        """What really broke off: the request's own attachments, the deadline, or the connection."""
        if self._failure is not None:
            return self._failure
        return self._late() if isinstance(error, TimeoutError) else self._translate(error)

    def _late(self) -> ProviderTimeout:
        package = self._outbound.package
        if package is not None and package.attachments.live:
            text = (
                "the deadline passed while the attachments were being sent; raise the policy's timeout if that is right"
            )
            return ProviderTimeout(f"{self._where}: {text}", endpoint=self._where)
        return ProviderTimeout(f"{self._where}: no complete answer before the deadline", endpoint=self._where)

    def _blame(self, error: DocumentError) -> ProviderError:
        text = f"{self._where}: {error}"
        if isinstance(error, DocumentTooLarge):
            return ReplyTooLarge(text, endpoint=self._where)
        return ProviderLied(text, endpoint=self._where)
