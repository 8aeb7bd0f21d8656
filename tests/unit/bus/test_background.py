"""Work in the background ends when it is told to, and an answer that nobody waits for harms nobody."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from bus.background import Background
from bus.futures import answer


class Work:
    """Counts how often it began and ended."""

    def __init__(self) -> None:
        self.began = self.ended = 0
        self.under_way = asyncio.Event()

    async def __call__(self) -> None:
        self.began += 1
        self.under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended += 1


async def test_work_has_ended_when_its_stopping_is_over_and_may_begin_anew() -> None:
    work = Work()
    background = Background(work, "counting")
    for times in (1, 2):
        work.under_way.clear()
        background.start()
        await work.under_way.wait()
        await background.stop()
        assert (work.began, work.ended) == (times, times)


async def test_work_that_is_begun_twice_runs_once_and_one_that_never_began_can_be_stopped() -> None:
    work = Work()
    background = Background(work, "counting")
    await background.stop()
    background.start()
    background.start()
    await work.under_way.wait()
    await background.stop()
    assert (work.began, work.ended) == (1, 1)


async def test_work_that_failed_by_itself_does_not_make_its_stopping_fail() -> None:
    async def fail() -> None:
        raise ValueError

    background = Background(fail, "failing")
    background.start()
    await asyncio.sleep(0)
    await background.stop()


def test_whoever_gave_up_waiting_is_told_nothing_and_the_teller_goes_on() -> None:
    left: Future[int] = Future()
    left.cancel()
    answer(left, 1)
    stayed: Future[int] = Future()
    answer(stayed, 1)
    assert stayed.result(0) == 1


def test_a_failure_reaches_whoever_waits() -> None:
    done: Future[int] = Future()
    answer(done, 1, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        done.result(0)
