"""Reads a request's body whole, but never more of it and never longer than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from bus.errors import BadRequest, BodyTimeout, CallerGone
from bus.gateway.answer import Receive
from transformers.errors import DocumentTooLarge


async def read_body(receive: Receive, declared: str, *, limit: int, timeout: float) -> bytes:
    """Answer the body. ``declared`` is the Content-Length header, empty for none; ``timeout`` is in seconds.

    Raises DocumentTooLarge (before reading where Content-Length says so), BodyTimeout, BadRequest or CallerGone.
    """
    if declared:
        if not (declared.isascii() and declared.isdigit()):
            raise BadRequest("Content-Length is not a number")
        if len(declared) > 18 or int(declared) > limit:
            raise DocumentTooLarge(f"the body is announced with more than the {limit} bytes that are accepted")
    try:
        async with asyncio.timeout(timeout):
            return await _read(receive, await receive(), limit)
    except TimeoutError as error:
        raise BodyTimeout(f"the body did not arrive within {timeout:g} s") from error


async def _read(receive: Receive, event: MutableMapping[str, Any], limit: int) -> bytes:
    blocks: list[bytes] = []
    size = 0
    while event["type"] == "http.request":
        block: bytes = event.get("body", b"")
        size += len(block)
        if size > limit:
            raise DocumentTooLarge(f"the body has more than the {limit} bytes that are accepted")
        blocks.append(block)
        if not event.get("more_body"):
            return block if len(blocks) == 1 else b"".join(blocks)
        event = await receive()
    raise CallerGone("the caller hung up before the whole body had arrived")
