"""What a door answers: status, headers and body, and how they go out over ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Header: TypeAlias = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole HTTP response."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[Header, ...] = ()


async def respond(send: Send, answer: Answer) -> None:
    """Send an answer."""
    headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
