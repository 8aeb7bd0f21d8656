"""What a door answers: status, headers and body, and how they go out over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

from msgspec import Struct

from transformers.errors import MeridianError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Header: TypeAlias = tuple[bytes, bytes]


class Answer(Struct, frozen=True):
    """One whole HTTP response."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """One HTTP response whose body is sent as it comes about; one that breaks off is left visibly incomplete.

    ``patience`` is how long, in seconds, the caller may take none of it.
    """

    status: int
    content_type: str
    blocks: AsyncGenerator[bytes, None]
    patience: float
    headers: tuple[Header, ...] = ()


async def respond(send: Send, answer: Answer | StreamedAnswer) -> None:
    """Send an answer."""
    if isinstance(answer, StreamedAnswer):
        return await _stream(send, answer)
    headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
    return None


async def _stream(send: Send, answer: StreamedAnswer) -> None:
    headers = [*answer.headers, (b"content-type", answer.content_type.encode("latin-1", "replace"))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    try:
        async with aclosing(answer.blocks):
            async for block in answer.blocks:
                async with asyncio.timeout(answer.patience):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
    except (MeridianError, TimeoutError):
        # It is in the journal. Without its last chunk (RFC 9112 §7.1) nobody can take this answer for a whole one.
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})
