"""Reads a request's body whole and unpacked, but never more of it and never longer than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final, cast

from bus.errors import BadRequest, BodyTimeout, CallerGone, UnsupportedCoding
from bus.gateway.answer import Receive
from transformers.errors import DocumentTooLarge
from transformers.packed import CODINGS, Unpacker

#: Says that it was our own patience that broke a read off, and nobody else.
_LATE: Final = "the body is late"


async def read_body(receive: Receive, declared: str, *, coding: str, limit: int, timeout: float) -> bytes:
    """Answer the body.

    ``declared`` is the Content-Length header and ``coding`` the Content-Encoding header, each empty for none;
    ``limit`` holds for the bytes on the wire and for what they unpack to; ``timeout`` is in seconds.
    Raises UnsupportedCoding, DocumentTooLarge (before reading where Content-Length says so), MalformedDocument,
    BodyTimeout, BadRequest or CallerGone.
    """
    if declared:
        if not (declared.isascii() and declared.isdigit()):
            raise BadRequest("Content-Length is not a number")
        if len(declared) > 18 or int(declared) > limit:
            raise DocumentTooLarge(f"the body is announced with more than the {limit} bytes that are accepted")
    unpacker = _unpacker(coding, limit)
    # What asyncio.timeout does, at a quarter of its price: this is in every call.
    task = cast("asyncio.Task[object]", asyncio.current_task())
    patience = asyncio.get_running_loop().call_later(timeout, task.cancel, _LATE)
    try:
        return await _read(receive, await receive(), limit, unpacker)
    except asyncio.CancelledError as error:
        if error.args != (_LATE,) or task.uncancel():
            raise
        raise BodyTimeout(f"the body did not arrive within {timeout:g} s") from error
    finally:
        patience.cancel()


def _unpacker(coding: str, limit: int) -> Unpacker | None:
    coding = coding.lower()
    if coding in ("", "identity"):
        return None
    if coding not in CODINGS:
        raise UnsupportedCoding("the body is packed in a way that is not read here; send it plain, or with gzip")
    return Unpacker(coding, limit)


async def _read(receive: Receive, event: MutableMapping[str, Any], limit: int, unpacker: Unpacker | None) -> bytes:
    blocks: list[bytes] = []
    size = 0
    while event["type"] == "http.request":
        block: bytes = event.get("body", b"")
        size += len(block)
        if size > limit:
            raise DocumentTooLarge(f"the body has more than the {limit} bytes that are accepted")
        if unpacker is None:
            blocks.append(block)
        elif block:
            unpacker.feed(block)
        if not event.get("more_body"):
            if unpacker is not None:
                return unpacker.finish()
            return block if len(blocks) == 1 else b"".join(blocks)
        event = await receive()
    raise CallerGone("the caller hung up before the whole body had arrived")
