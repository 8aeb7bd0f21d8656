"""Packages at the doors: a request whose attachments stay on the connection, and a reply that streams back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from bus.attachments import Attachments, open_package, written
from bus.errors import BadRequest, BodyTimeout, CallerGone, UnsupportedCoding
from bus.exchange import Exchange
from bus.gateway.answer import Header, Receive, StreamedAnswer
from bus.hops.attached import wanted
from bus.message import Message
from bus.pipeline import Pipeline
from bus.settings import Settings
from transformers.errors import DocumentError, MeridianError
from transformers.related import RelatedWriter


async def read_package(
    receive: Receive, headers: Mapping[str, str], settings: Settings
) -> tuple[bytes, str, Attachments]:
    """Read the root of a request's package: its bytes, its own content type, and the attachments still to come.

    Raises UnsupportedCoding, PackageInvalid, DocumentTooLarge, BodyTimeout (a pause longer than ``body_timeout``),
    BadRequest or CallerGone, as reading the attachments does.
    """
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedCoding("a message with attachments is not unpacked here; send it without Content-Encoding")
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise BadRequest("Content-Length is not a number")
    return await open_package(
        headers["content-type"],
        _Blocks(receive, settings.body_timeout).next,
        root_limit=settings.max_body,
        limit=settings.max_attachments,
        blame=_callers,
    )


def streamed(
    pipeline: Pipeline,
    exchange: Exchange,
    reply: Message,
    receive: Receive,
    headers: tuple[Header, ...],
    patience: float,
) -> StreamedAnswer:
    """The answer to a caller that takes attachments; its outcome is on disk before its last block leaves."""
    asked, attachments = exchange.latest, reply.attachments
    rules = asked.operation.attachments if asked.operation is not None else None
    style = wanted(asked, rules) if rules is not None else None
    if attachments is None or style is None:
        raise RuntimeError("the reply has attachments that its caller cannot take")
    writer = RelatedWriter(style, reply.content_type)
    blocks = written(reply.body, writer, attachments)
    told = _told(pipeline, exchange, reply, blocks, receive) if attachments.live else blocks
    return StreamedAnswer(reply.status, writer.content_type, told, patience, headers)


class _Blocks:
    """The blocks of a request's body, each of them awaited for at most ``timeout`` seconds."""

    def __init__(self, receive: Receive, timeout: float) -> None:
        self._receive = receive
        self._timeout = timeout
        self._ended = False

    async def next(self) -> bytes:
        """Answer the next block that is not empty, or nothing at the body's end. Raises BodyTimeout or CallerGone."""
        while not self._ended:
            try:
                async with asyncio.timeout(self._timeout):
                    event = await self._receive()
            except TimeoutError as error:
                raise BodyTimeout(f"nothing of the body arrived for {self._timeout:g} s") from error
            if event["type"] != "http.request":
                raise CallerGone("the caller hung up before the whole body had arrived")
            self._ended = not event.get("more_body")
            if block := event.get("body", b""):
                return bytes(block)
        return b""


async def _told(
    pipeline: Pipeline, exchange: Exchange, reply: Message, blocks: AsyncGenerator[bytes, None], receive: Receive
) -> AsyncGenerator[bytes, None]:
    """The blocks, the last one held back until the outcome is on disk; whatever breaks them off is the outcome."""
    asked = exchange.received.attachments
    gone = asyncio.create_task(_hung_up(receive)) if asked is None or not asked.live else None
    try:
        held = b""
        async for block in blocks:
            if gone is not None and gone.done():
                raise CallerGone("the caller hung up before it had the whole answer")
            if held:
                yield held
            held = block
    except BaseException as error:
        if reply.attachments is not None:
            reply.attachments.discard()
        await pipeline.settle(exchange, reply, error)
        raise
    finally:
        if gone is not None:
            gone.cancel()
    await pipeline.settle(exchange, reply)
    yield held


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _callers(error: DocumentError) -> MeridianError:
    return error
