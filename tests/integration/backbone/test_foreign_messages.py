"""What is none of ours, broken or of another time on our queues: put aside with the reason, and workers go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pika
import pytest
from catalogues import SYSTEM, compiled, service

from bus.backbone.dead_letters import DeadLetter, dead_letters
from bus.backbone.outbox import post
from bus.backbone.topology import ATTEMPT, CALLS, DELIVER, ENGINE, LANE, QUEUES, REPLIES, physical
from bus.backbone.transports import open_transport
from bus.backbone.wire import CONTENT_TYPE
from bus.message import Message
from bus.orchestration.worker import Worker
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State
from registry.model import Snapshot

pytestmark = pytest.mark.integration

OURS: Mapping[str, Any] = {LANE: "", ATTEMPT: 1}


@dataclass
class Ward:
    """A registry of one service, and the pipeline that delivers to it."""

    snapshot: Snapshot
    delivered: list[str] = field(default_factory=list)

    async def deliver(self, message: Message) -> Message:
        self.delivered.append(message.id)
        return message

    async def call_operation(self, operation: str, document: Any, **_: Any) -> Any:
        return {}


@dataclass
class Bench:
    """A running worker, and an application that writes to its queues as it likes."""

    ward: Ward
    state: State
    channel: Any

    def write(self, queue: str, body: bytes, **properties: Any) -> None:
        self.channel.basic_publish("", physical(queue), body, pika.BasicProperties(**properties))

    def forge(self, queue: str, body: bytes, name: str, **headers: Any) -> None:
        """A message that looks like one of ours from outside."""
        self.write(queue, body, message_id=name, content_type=CONTENT_TYPE, headers={**OURS, **headers})

    async def dead(self, count: int) -> Sequence[DeadLetter]:
        """The dead letters, once there are so many."""
        deadline = time.monotonic() + 30
        while len(found := await self.state.read(dead_letters)) < count:
            assert time.monotonic() < deadline, f"{len(found)} dead letters instead of {count}"
            await asyncio.sleep(0.05)
        return found

    async def goes_on(self) -> None:
        """Fails unless a good letter still arrives."""
        await self.state.write(lambda c: post(c, [Letter("good", DELIVER, parcel())]))
        deadline = time.monotonic() + 30
        while "good" not in self.ward.delivered:
            assert time.monotonic() < deadline, "a good letter does not arrive any more"
            await asyncio.sleep(0.05)


def parcel(**changes: Any) -> bytes:
    """A delivery as ``bus/parcel.py`` writes it."""
    fields = {"format": 1, "id": "good", "flow": "f" * 32, "service": "lis", "version": "1", "operation": "Place"}
    fields |= {"consumer": "", "kind": "json", "content_type": "application/json", "charset": "utf-8", "body": "e30="}
    fields |= {"received_at": 1.0, "idempotency_key": "good", "keys": []}
    return orjson.dumps({name: value for name, value in {**fields, **changes}.items() if value is not None})


@pytest.fixture
async def bench(rabbitmq_installation: Settings) -> AsyncIterator[Bench]:
    ward = Ward(compiled(SYSTEM, service("- {name: Place, effect: write, mode: async}")).snapshot)
    state = State(rabbitmq_installation)
    await state.start()
    worker = Worker(state, open_transport(rabbitmq_installation), ward, ward, concurrency=4)
    await worker.start()
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_installation.broker))
    try:
        yield Bench(ward, state, connection.channel())
    finally:
        connection.close()
        await worker.stop(drain=1)
        await state.aclose()


async def test_what_another_application_writes_is_put_aside_with_what_shows_it(bench: Bench) -> None:
    bench.write(DELIVER, b"hello")
    bench.write(ENGINE, "张三".encode("gb18030"), content_type="text/plain", message_id="1")
    bench.write(CALLS, b"{}", content_type="application/json", message_id="2", headers=dict(OURS))
    bench.write(DELIVER, b"{}", content_type=CONTENT_TYPE, headers=dict(OURS))
    bench.forge(CALLS, b"{}", "n" * 200)
    bench.forge(ENGINE, b"{}", "3", **{ATTEMPT: "many"})
    bench.forge(ENGINE, b"{}", "4", **{LANE: 7})
    bench.forge(DELIVER, b"{}", "5", **{LANE: "x" * 300})
    dead = await bench.dead(8)
    assert {one.code for one in dead} == {"foreign"}
    assert all(one.letter.id.startswith("foreign-") for one in dead)
    told = sorted((one.letter.queue, one.reason.partition(",")[0]) for one in dead)
    assert told == sorted(
        [
            (DELIVER, "it has no header x-meridian-lane: another application has written it"),
            (ENGINE, "it has no header x-meridian-lane: another application has written it"),
            (CALLS, "its content type is not application/octet-stream"),
            (DELIVER, "its message id is not 1 to 128 characters long"),
            (CALLS, "its message id is not 1 to 128 characters long"),
            (ENGINE, "its header x-meridian-attempt is not a number from 1 on"),
            (ENGINE, "its header x-meridian-lane is not a text of up to 256 characters"),
            (DELIVER, "its header x-meridian-lane is not a text of up to 256 characters"),
        ]
    )
    await bench.goes_on()


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"\xff\xfe", "malformed", "the letter is not an accepted message: it is not JSON"),
        (b"[1]", "malformed", "the letter is not an accepted message: it is no object with a field 'format'"),
        (parcel(body="*"), "malformed", "the letter is not an accepted message: its field 'body' is not base64"),
        (parcel(consumer=None), "malformed", "the letter is not an accepted message: it has no field 'consumer'"),
        (parcel(keys=7), "malformed", "the letter is not an accepted message: a field is not of its type"),
        (parcel(body="fw=="), "malformed", ""),
        (parcel(format=9), "internal", "the letter is of format 9; this version reads 1"),
        (parcel(service="ris"), "unknown-service", "ris"),
        (parcel(version="0"), "unknown-version", "0"),
        (parcel(operation="Cancel"), "unknown-operation", "lis version 1 has no operation Cancel any more"),
    ],
)
async def test_a_delivery_that_cannot_be_read_or_was_retired_is_put_aside_at_once(
    bench: Bench, body: bytes, code: str, reason: str
) -> None:
    bench.forge(DELIVER, body, "odd")
    (dead,) = await bench.dead(1)
    assert (dead.letter.id, dead.code, dead.letter.attempt) == ("odd", code, 1)
    assert reason in dead.reason
    assert [entry.code for entry in dead.history.entries] == [code]
    await bench.goes_on()


@pytest.mark.parametrize("queue", [ENGINE, CALLS])
@pytest.mark.parametrize("body", [b"", b"null", b'{"kind": "order"}', b'{"kind": "result", "instance": 7}', b'"text"'])
async def test_broken_letters_of_workflows_are_put_aside_and_the_engine_goes_on(
    bench: Bench, queue: str, body: bytes
) -> None:
    bench.forge(queue, body, "odd")
    (dead,) = await bench.dead(1)
    assert (dead.letter.id, dead.letter.queue) == ("odd", queue)
    assert dead.code in ("malformed", "not-found")
    await bench.goes_on()


async def test_a_flood_of_rubbish_stops_nobody(bench: Bench) -> None:
    for number in range(200):
        bench.write(QUEUES[number % 3], b"rubbish %d" % number)
    await bench.goes_on()
    assert {one.code for one in await bench.dead(100)} == {"foreign"}
    assert REPLIES not in {one.letter.queue for one in await bench.dead(100)}
