"""What a backbone promises when its process is killed: nothing lost, nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from backbone_bus import letter, running

from bus.backbone.topology import CALLS, ENGINE
from bus.settings import Settings

pytestmark = pytest.mark.integration

CHILD = Path(__file__).with_name("backbone_child.py")
ROOT = Path(__file__).parents[3]


class Life:
    """One life of a bus process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []

    def until(self, enough: Callable[[list[str]], bool]) -> list[str]:
        """Read its output until there is ``enough``, or until it ends."""
        assert self._process.stdout is not None
        while not enough(self.lines):
            line = self._process.stdout.readline()
            if not line:
                break
            self.lines.append(line.strip())
        return self.lines

    def kill9(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def end(self) -> int:
        """Wait for its own end; answer the exit status, negative for a signal."""
        return self._process.wait(60)


@contextmanager
def life(settings: Settings, mode: str) -> Iterator[Life]:
    process = subprocess.Popen(
        [sys.executable, CHILD, settings.data, settings.broker, mode, settings.database],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield Life(process)
    finally:
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


async def accepted(settings: Settings, queue: str, *names: str) -> None:
    """Accept letters while no consumer runs, and make the table in which the child notes effects."""
    async with running(settings) as bus:
        await bus.state.write(lambda c: c.exec_driver_sql("CREATE TABLE effect (id TEXT)"))
        await bus.outbox.post([letter(name, queue) for name in names])


async def noted(settings: Settings) -> Counter[str]:
    async with running(settings) as bus:
        rows = await bus.state.read(lambda c: c.exec_driver_sql("SELECT id FROM effect").scalars().all())
        return Counter(rows)


def began(count: int, verb: str) -> Callable[[list[str]], bool]:
    return lambda lines: len({line for line in lines if line.startswith(verb)}) >= count


async def test_a_process_killed_with_ten_letters_in_hand_loses_none(any_installation: Settings) -> None:
    names = {f"call-{number}" for number in range(10)}
    await accepted(any_installation, CALLS, *names)
    with life(any_installation, "hold") as first:
        first.until(began(10, "holding"))
        first.kill9()
    with life(any_installation, "tell") as second:
        lines = [line for line in second.until(began(10, "handled")) if line.startswith("handled")]
    assert sorted(lines) == sorted(f"handled {name} again" for name in names)


async def test_a_process_killed_between_commit_and_acknowledgement_has_its_effect_once(
    installation: Settings,
) -> None:
    await accepted(installation, ENGINE, "order")
    with life(installation, "die-before-ack") as first:
        assert first.end() == -signal.SIGKILL
    async with running(installation) as bus:
        await bus.outbox.post([letter("last", ENGINE)])
    with life(installation, "note") as second:
        second.until(lambda lines: "idle" in lines)
    assert await noted(installation) == {"order": 1, "last": 1}


async def test_a_letter_that_kills_its_process_is_put_aside_and_its_neighbours_are_not(
    installation: Settings,
) -> None:
    neighbours = [f"neighbour-{number}" for number in range(20)]
    await accepted(installation, ENGINE, *neighbours[:10], "poison", *neighbours[10:])
    deaths = 0
    for _ in range(20):
        with life(installation, "poison") as one:
            lines = one.until(lambda lines: "dead" in lines)
            one.end()
        if "dead" in lines:
            break
        deaths += 1
    async with running(installation) as bus:
        dead = await bus.dead()
    assert [(found.letter.id, found.code) for found in dead] == [("poison", "poison")]
    assert await noted(installation) == Counter(neighbours)
    assert 3 <= deaths <= 14
    # Who killed its process cannot tell of it: the relay, or the broker that got it back, does.
    assert 3 <= sum(entry.code == "died" for entry in dead[0].history.entries) <= deaths
