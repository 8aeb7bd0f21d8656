"""A worker in miniature: state store, transport and worker of one process, with a hospital instead of a pipeline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import orjson
from ledger_hospital import Hospital, Source, snapshot
from sqlalchemy import Connection, select

from bus.backbone.dead_letters import dead_letters
from bus.backbone.outbox import post
from bus.backbone.relay import Pace
from bus.backbone.transports import open_transport
from bus.orchestration.instance import Instance
from bus.orchestration.letters import event_letter, start_letter
from bus.orchestration.tables import alert, workflow_instance
from bus.orchestration.worker import Worker
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State
from registry.model import Snapshot
from transformers.document import Json

T = TypeVar("T")

PACE = Pace(poll=0.05, refused=0.1, backoff=0.1, longest_backoff=0.3)


@dataclass(frozen=True)
class Orchestra:
    """What a test can reach of a running worker."""

    state: State

    async def send(self, *letters: Letter) -> None:
        """Put letters into the outbox."""
        await self.state.write(lambda connection: post(connection, letters))

    async def start(self, name: str, workflow: str = "visit", **document: Json) -> None:
        """Start the instance ``name``."""
        patient = {"patient_id": f"P-{name}", "amount": 10, "drugs": 0, "imaging": False}
        await self.send(start_letter(workflow, {**patient, **document}, message_id=name, flow="f" * 32))

    async def result(self, name: str) -> None:
        """Raise the event that the visit ``name`` waits for."""
        data: Json = {"visit_no": f"V{name}", "value": "5.4"}
        await self.send(event_letter("lab.resulted", data, message_id=f"result-{name}"))

    async def instance(self, name: str) -> Instance | None:
        """The state of an instance."""
        wanted = select(workflow_instance.c.state).where(workflow_instance.c.id == name)
        state: bytes | None = await self.state.read(lambda c: c.execute(wanted).scalar_one_or_none())
        return Instance.load(state) if state else None

    async def until(self, name: str, status: str, *, within: float = 20.0) -> Instance:
        """Wait until an instance has this status."""
        found = await self.wait_for(lambda c: _status(c, name), lambda now: now == status, within=within)
        assert found == status, f"{name} is {found}, not {status}"
        instance = await self.instance(name)
        assert instance is not None
        return instance

    async def wait_for(self, read: Callable[[Connection], T], holds: Callable[[T], bool], *, within: float = 20.0) -> T:
        """Read until ``holds`` is true of what was read, or the time is up; answer what was read last."""
        deadline = time.monotonic() + within
        while True:
            value = await self.state.read(read)
            if holds(value) or time.monotonic() > deadline:
                return value
            await asyncio.sleep(0.01)

    async def alerts(self) -> Sequence[tuple[str, str, str]]:
        """(kind, instance, step) of every alert."""
        rows = select(alert.c.kind, alert.c.instance, alert.c.step)
        return await self.state.read(lambda c: [tuple(row) for row in c.execute(rows)])  # type: ignore[misc]

    async def dead(self) -> Sequence[str]:
        """The codes of the dead letters."""
        return [letter.code for letter in await self.state.read(dead_letters)]


def _status(connection: Connection, name: str) -> str | None:
    row = connection.execute(select(workflow_instance.c.status).where(workflow_instance.c.id == name)).first()
    return row.status if row else None


@asynccontextmanager
async def playing(settings: Settings, hospital: Hospital, known: Snapshot | None = None) -> AsyncIterator[Orchestra]:
    """Run a worker against this hospital."""
    state, transport = State(settings), open_transport(settings)
    await state.start()
    worker = Worker(state, transport, Source(known or snapshot()), hospital, pace=PACE)
    await worker.start()
    try:
        yield Orchestra(state)
    finally:
        await worker.stop(drain=2)
        await state.aclose()


def document(letter: Letter) -> dict[str, Json]:
    """A letter's body."""
    body: dict[str, Json] = orjson.loads(letter.body)
    return body
