"""Pauses and deadlines are rows in the store: a process that is killed neither shortens, loses nor forgives them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from ledger_hospital import Ledger
from sqlalchemy import Connection, select
from test_killed_workers import reading

from bus.backbone.outbox import post
from bus.orchestration.instances import get_instance
from bus.orchestration.letters import start_letter
from bus.orchestration.tables import workflow_timer
from bus.settings import Settings
from bus.state.store import State

pytestmark = pytest.mark.integration

T = TypeVar("T")
HERE = Path(__file__).parent

PAUSES = """
name: pauses
version: "1"
steps:
  - call: his.Register
    retry: {attempts: 3, first: 4, max: 4}
    undo: {call: his.CancelRegistration, with: '{undoes: .attempt_key}'}
"""

WAITS = """
name: waits
version: "1"
steps:
  - call: his.Register
    undo: {call: his.CancelRegistration, with: '{undoes: .attempt_key}'}
  - wait: lab.resulted
    deadline: 3
"""


class Lives:
    """A worker that is started and killed, and what can be read of its store meanwhile."""

    def __init__(self, folder: Path, workflow: str, script: dict[str, list[str]]) -> None:
        self.settings = Settings(data=folder)
        self.ledger = Ledger(folder / "ledger.db")
        self._arguments = [str(folder), str(folder / "ledger.db"), json.dumps(script), workflow]

    @contextmanager
    def life(self) -> Iterator[None]:
        """A worker that is killed at the end, as a power cut would."""
        command = [sys.executable, str(HERE / "scripted_worker.py"), *self._arguments]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert worker.stdout is not None
        with closing(worker.stdout):
            try:
                assert worker.stdout.readline() == "ready\n", f"it did not start; exit status {worker.poll()}"
                yield
            finally:
                worker.kill()
                worker.wait(20)

    async def begin(self, workflow: str, name: str) -> None:
        """Put a start into the outbox while nobody works on the store."""
        state = State(self.settings)
        await state.start()
        await state.write(lambda c: post(c, [start_letter(workflow, {}, message_id=name, flow="f" * 32)]))
        await state.aclose()

    def until(self, read: Callable[[Connection], T | None], *, within: float = 30.0) -> T:
        """Read until there is something."""
        engine, deadline = reading(self.settings), time.monotonic() + within
        try:
            while True:
                with engine.connect() as connection:
                    found = read(connection)
                if found:
                    return found
                assert time.monotonic() < deadline, f"nothing after {within} s"
                time.sleep(0.02)
        finally:
            engine.dispose()


def timer(kind: str) -> Callable[[Connection], float | None]:
    """When the timer of this kind is due."""
    return lambda c: c.execute(select(workflow_timer.c.due_at).where(workflow_timer.c.kind == kind)).scalar()


def ended(name: str, status: str) -> Callable[[Connection], float | None]:
    """When the instance last moved, once it has this status."""

    def read(connection: Connection) -> float | None:
        one = get_instance(connection, name)
        return float(one["updated_at"]) if one and one["status"] == status else None

    return read


async def test_a_pause_before_a_retry_survives_a_killed_process_to_the_moment(tmp_path: Path) -> None:
    lives = Lives(tmp_path, PAUSES, {"his.Register": ["transient"]})
    await lives.begin("pauses", "p6")
    with lives.life():
        due = await asyncio.to_thread(lives.until, timer("retry"))
    assert lives.ledger.arrivals("his.Register") == ["p6:register:1"]
    assert due > time.time(), "the kill came within the pause"

    with lives.life():
        moved = await asyncio.to_thread(lives.until, ended("p6", "completed"))
    assert moved >= due
    assert lives.ledger.arrivals("his.Register") == ["p6:register:1"] * 2
    assert len(lives.ledger.done("his.Register")) == 1


async def test_a_deadline_that_passes_while_nobody_runs_is_kept_by_the_next_life(tmp_path: Path) -> None:
    lives = Lives(tmp_path, WAITS, {})
    await lives.begin("waits", "w1")
    with lives.life():
        due = await asyncio.to_thread(lives.until, timer("deadline"))
    await asyncio.sleep(max(0.0, due - time.time()) + 0.1)

    with lives.life():
        await asyncio.to_thread(lives.until, ended("w1", "compensated"))
    assert lives.ledger.standing("his.Register", "his.CancelRegistration") == []
