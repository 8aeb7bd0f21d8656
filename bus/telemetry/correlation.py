"""Binds flow and message id to everything that is logged while one message walks."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType

#: Flow and message id of what this task is doing now.
_current: ContextVar[tuple[str, str] | None] = ContextVar("correlation", default=None)


class correlated:
    """A block in which every log line, in tasks started below too, carries these two ids."""

    __slots__ = ("_ids", "_token")

    def __init__(self, flow: str, message_id: str) -> None:
        self._ids = (flow, message_id)
        self._token: Token[tuple[str, str] | None] | None = None

    def __enter__(self) -> None:
        self._token = _current.set(self._ids)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _current.reset(self._token)


def current() -> tuple[str, str] | None:
    """Flow and message id in this context, or None outside any message."""
    return _current.get()
