"""A write that may have been done and must not be done twice is asked for: after a crash, and after a timeout."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from catalogues import SYSTEM, compiled, problems, service
from test_backbone_consumer import Hand, rows, the_dead

from bus.backbone import inbox, outbox
from bus.backbone.consumer import EffectConsumer
from bus.backbone.retries import Retries
from bus.backbone.topology import CALLS, DELIVER
from bus.errors import CircuitOpen, ProviderTimeout
from bus.message import Content, Message, Target
from bus.orchestration.calls import ASKED, Calls
from bus.orchestration.deliveries import Deliveries
from bus.orchestration.letters import MoveLetter, call_letter, read_engine_letter
from bus.orchestration.stimuli import CallOut, Result
from bus.parcel import pack
from bus.ports import Letter
from bus.settings import Settings
from bus.state.store import State
from registry.model import Snapshot
from transformers.document import Json

WITH = "{no: .request.no, visit: .keys.visit_no, key}"
QUERY = f"query: {{operation: Find, with: '{WITH}', done: .reply.found, as: .reply.order}}"
LAB = f"""
- {{name: Order, effect: write, mode: async, keys: {{visit_no: .visit}}, {QUERY}}}
- {{name: Find, effect: read}}
- {{name: Bill, effect: write, mode: async}}
"""


@dataclass
class Lab:
    """The laboratory: what it answers to the next deliveries and queries, and what it was asked."""

    snapshot: Snapshot
    delivers: list[Exception | None] = field(default_factory=list)
    finds: list[Json | Exception] = field(default_factory=list)
    asked: list[tuple[str, Json]] = field(default_factory=list)

    async def deliver(self, message: Message) -> Message:
        assert message.operation is not None
        self.asked.append((message.operation.name, None))
        if self.delivers and (outcome := self.delivers.pop(0)) is not None:
            raise outcome
        return message

    async def call_operation(self, operation: str, document: Json, **rest: Any) -> Json:
        self.asked.append((operation.partition(".")[2], document))
        answers: list[Any] = self.finds if operation == "lis.Find" else self.delivers
        answer = answers.pop(0) if answers else {"ok": True}
        if isinstance(answer, Exception):
            raise answer
        return answer or {"ok": True}  # type: ignore[no-any-return]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


def letter(snapshot: Snapshot, name: str = "Order") -> Letter:
    version = snapshot.services["lis"].versions["1"]
    message = Message(
        id="m1",
        flow="f",
        door="rest",
        target=Target("lis", "1", name),
        body=b'{"no": "L1", "visit": "V1"}',
        content_type="application/json",
        received_at=1.0,
        content=Content({"no": "L1", "visit": "V1"}, None, 27),
        version=version,
        operation=version.operations[name],
        keys=(("visit_no", "V1"),),
    )
    return Letter("m1", DELIVER, pack(message))


@pytest.fixture
def lab() -> Lab:
    return Lab(compiled(SYSTEM, service(LAB)).snapshot)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


async def begin(state: State, lab: Lab, *, died: Letter | None = None) -> Hand:
    """A consumer of deliveries; ``died``: an earlier life had begun this letter."""
    if died is not None:
        await state.write(lambda c: inbox.claim(c, died, "1@host-dead", 0.0, 1.0))
    hand, deliveries = Hand(), Deliveries(lab, lab)
    retries = Retries(delays=(0.0,), attempts=3)
    await EffectConsumer(state, hand, DELIVER, deliveries, policy=deliveries, retries=retries).start()
    return hand


async def test_what_was_done_before_a_crash_is_finished_without_being_sent_again(state: State, lab: Lab) -> None:
    lab.finds = [{"found": True}]
    order = letter(lab.snapshot)
    hand = await begin(state, lab, died=order)
    await hand.deliver(order)
    assert lab.asked == [("Find", {"no": "L1", "visit": "V1", "key": "m1"})]
    assert await state.read(lambda c: inbox.is_done(c, order))


async def test_what_was_not_done_before_a_crash_is_sent(state: State, lab: Lab) -> None:
    lab.finds = [{"found": False}]
    order = letter(lab.snapshot)
    hand = await begin(state, lab, died=order)
    await hand.deliver(order)
    assert lab.names == ["Find", "Order"]
    assert await state.read(lambda c: inbox.is_done(c, order))


async def test_a_delivery_that_timed_out_is_asked_for_when_it_comes_again(state: State, lab: Lab) -> None:
    lab.delivers, lab.finds = [ProviderTimeout("no answer")], [{"found": False}]
    order = letter(lab.snapshot)
    await state.write(lambda c: outbox.post(c, [order]))
    hand = await begin(state, lab)
    await hand.deliver(order)
    assert await rows(state) == [("m1", 2)]
    await hand.deliver(Letter("m1", DELIVER, order.body, attempt=2))
    assert lab.names == ["Order", "Find", "Order"]
    assert await rows(state) == []


async def test_a_query_without_an_answer_is_asked_again_and_then_given_up_and_nothing_is_sent(
    state: State, lab: Lab
) -> None:
    lab.finds = [ProviderTimeout("silent"), CircuitOpen("open"), ProviderTimeout("silent")]
    order = letter(lab.snapshot)
    hand = await begin(state, lab, died=order)
    for attempt in (1, 2, 3):
        await hand.deliver(Letter("m1", DELIVER, order.body, attempt=attempt))
    assert lab.names == ["Find"] * 3
    (dead,) = await the_dead(state)
    assert dead.code == "outcome-unknown"
    assert "lis.Find does not tell" in dead.reason


async def test_a_delivery_that_certainly_was_not_done_is_no_longer_in_doubt(state: State, lab: Lab) -> None:
    lab.delivers, lab.finds = [ProviderTimeout("no answer"), CircuitOpen("open")], [{"found": False}]
    order = letter(lab.snapshot)
    hand = await begin(state, lab)
    for attempt in (1, 2, 3):
        await hand.deliver(Letter("m1", DELIVER, order.body, attempt=attempt))
    assert lab.names == ["Order", "Find", "Order", "Order"]


async def test_without_a_query_an_unknown_outcome_is_left_to_a_person(state: State, lab: Lab) -> None:
    bill = letter(lab.snapshot, "Bill")
    hand = await begin(state, lab, died=bill)
    await hand.deliver(bill)
    assert lab.asked == []
    assert [dead.code for dead in await the_dead(state)] == ["outcome-unknown"]


async def call(lab: Lab, *, redelivered: bool, attempt: int = 1, settles: bool = False) -> Result:
    out = CallOut("1", "order", "do", 1, "lis.Order", {"no": "L1"}, "i:order:1", settles)
    sent = call_letter("i", out, flow="f", keys=(("visit_no", "V1"),))
    (answer,) = await Calls(lab, lab)(Letter(sent.id, CALLS, sent.body, attempt=attempt), redelivered=redelivered)
    read = read_engine_letter(answer)
    assert isinstance(read, MoveLetter)
    assert isinstance(read.stimulus, Result)
    return read.stimulus


async def test_a_workflows_call_is_asked_for_too_and_its_step_goes_on_with_the_answer(lab: Lab) -> None:
    lab.finds = [{"found": True, "order": {"no": "L1"}}]
    result = await call(lab, redelivered=True)
    assert (result.document, result.failure) == ({"no": "L1"}, None)
    assert lab.asked == [("Find", {"no": "L1", "visit": "V1", "key": "i:order:1"})]


async def test_a_step_that_settles_unknown_outcomes_itself_is_not_asked_for(lab: Lab) -> None:
    result = await call(lab, redelivered=True, settles=True)
    assert result.failure is not None
    assert result.failure.unknown
    assert lab.asked == []


async def test_a_workflow_hears_of_an_unknown_outcome_when_asking_was_in_vain(lab: Lab) -> None:
    lab.finds = [ProviderTimeout("silent")]
    result = await call(lab, redelivered=True, attempt=ASKED)
    assert result.failure is not None
    assert (result.failure.code, result.failure.unknown) == ("outcome-unknown", True)


@pytest.mark.parametrize(
    ("lab", "says"),
    [
        ("- {name: Order, query: {operation: Fnd, done: .reply}}\n- {name: Find, effect: read}", "no operation 'Fnd'"),
        ("- {name: Order, query: {operation: Bill, done: .reply}}\n- {name: Bill}", "Bill writes, and is meant to ask"),
        ("- {name: Find, effect: read, query: {operation: Find, done: .reply}}", "Find can be repeated"),
        ("- {name: Order, query: {operation: Find, done: '.['}}\n- {name: Find, effect: read}", "not a jq expression"),
    ],
)
def test_a_query_that_could_not_tell_is_refused_where_it_stands(lab: str, says: str) -> None:
    assert any(says in problem for problem in problems(SYSTEM, service(lab)))
