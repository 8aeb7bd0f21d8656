"""What a thread of ours answers to those who wait for it."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def answer(done: Future[T], value: T, error: BaseException | None = None) -> None:
    """Tell whoever waits; one that gave up waiting must not end the thread for all others."""
    if not done.set_running_or_notify_cancel():
        return
    if error is None:
        done.set_result(value)
    else:
        done.set_exception(error)
