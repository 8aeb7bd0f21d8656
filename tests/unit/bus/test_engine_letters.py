"""Letters of orchestration: what a call's error means to its workflow, and which event fits which wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bus.backbone.tables import outbox
from bus.errors import (
    BusError,
    CircuitOpen,
    JournalUnavailable,
    OutcomeUnknown,
    ProviderFault,
    ProviderLied,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    ShuttingDown,
)
from bus.orchestration import events
from bus.orchestration.calls import Calls, classify
from bus.orchestration.engine import Engine, WorkflowUnknown
from bus.orchestration.letters import (
    EventLetter,
    MoveLetter,
    call_letter,
    event_letter,
    read_engine_letter,
    start_letter,
    timer_letter,
)
from bus.orchestration.stimuli import CallFailure, CallOut, Event, Result, Timer
from bus.orchestration.tables import workflow_timer
from bus.orchestration.timers import next_due, ring
from bus.ports import Letter
from registry.model import Call, Operation, Policy, Service, ServiceVersion, Snapshot
from transformers.document import Json
from transformers.errors import ContractViolation, MalformedDocument, MappingFailed, MeridianError


def operation(effect: str = "write", *, idempotent: bool = False) -> Operation:
    return Operation(
        "lis",
        "1",
        "Order",
        {},
        effect,
        "sync",
        "json",
        Policy(idempotent=idempotent),
        Call(),  # type: ignore[arg-type]
    )


@dataclass
class Registry:
    snapshot: Snapshot = field(default_factory=Snapshot)


def registered(found: Operation) -> Registry:
    version = ServiceVersion("lis", "1", "lis", {}, frozenset(), None, {found.name: found}, {}, {}, ())
    return Registry(Snapshot(services={"lis": Service("lis", "1", {"1": version})}))


@dataclass
class FakeCaller:
    answer: Json | Exception = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def call_operation(self, operation: str, document: Json, **rest: Any) -> Json:
        self.asked.append({"operation": operation, "document": document, **rest})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def the_call() -> Letter:
    out = CallOut("1", "order", "do", 3, "lis.Order", {"a": 1}, "i:order:1")
    return call_letter("i", out, flow="f", keys=(("visit_no", "V1"),))


async def result_of(caller: FakeCaller, found: Operation, *, redelivered: bool = False) -> Result:
    (letter,) = await Calls(registered(found), caller)(the_call(), redelivered=redelivered)
    read = read_engine_letter(letter)
    assert isinstance(read, MoveLetter)
    assert read.instance == "i"
    assert isinstance(read.stimulus, Result)
    return read.stimulus


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_carries_its_key_flow_and_parent_and_answers_its_reply() -> None:
    caller = FakeCaller({"order_no": "L1"})
    assert await result_of(caller, operation()) == Result("1", "order", 3, {"order_no": "L1"})
    assert caller.asked == [
        {
            "operation": "lis.Order",
            "document": {"a": 1},
            "flow": "f",
            "parent": "i",
            "keys": (("visit_no", "V1"),),
            "idempotency_key": "i:order:1",
        }
    ]


SILENT = [
    ProviderTimeout("t"),
    ProviderUnreachable("u", sent=True),
    ProviderLied("l"),
    OutcomeUnknown("o"),
    JournalUnavailable("j"),
    MappingFailed("m"),
    BusError("b"),
    RuntimeError("r"),
]
CLEAR = [
    ProviderFault("f"),
    ProviderUnavailable("u"),
    ProviderUnreachable("u", sent=False),
    ProviderTimeout("t", sent=False),
    CircuitOpen("c"),
    ContractViolation("v", ()),
]


@pytest.mark.parametrize("error", SILENT, ids=lambda error: type(error).__name__)
async def test_a_write_that_got_no_trustworthy_answer_has_an_unknown_outcome(error: Exception) -> None:
    result = await result_of(FakeCaller(error), operation())
    assert result.failure is not None
    assert result.failure.unknown


@pytest.mark.parametrize("error", CLEAR, ids=lambda error: type(error).__name__)
async def test_a_write_that_was_refused_or_never_sent_was_certainly_not_done(error: Exception) -> None:
    result = await result_of(FakeCaller(error), operation())
    assert result.failure is not None
    assert not result.failure.unknown


@pytest.mark.parametrize("error", SILENT, ids=lambda error: type(error).__name__)
def test_the_outcome_of_a_read_is_never_in_doubt(error: Exception) -> None:
    failure = classify(error, operation("read"))
    assert not failure.unknown
    assert failure.idempotent


async def test_a_redelivered_write_is_not_made_again() -> None:
    caller = FakeCaller({"ok": True})
    result = await result_of(caller, operation(), redelivered=True)
    assert caller.asked == []
    assert result.failure == CallFailure(
        "outcome-unknown", "the bus died while it called lis.Order", "transient", unknown=True, idempotent=False
    )


@pytest.mark.parametrize("found", [operation("read"), operation(idempotent=True)])
async def test_a_redelivered_call_that_may_be_repeated_is_made_again(found: Operation) -> None:
    result = await result_of(FakeCaller({"ok": True}), found, redelivered=True)
    assert result.document == {"ok": True}


async def test_a_stopping_process_leaves_the_call_for_another() -> None:
    with pytest.raises(ShuttingDown):
        await result_of(FakeCaller(ShuttingDown("stopping")), operation())


def test_the_text_of_a_foreign_error_never_reaches_an_instance() -> None:
    assert "张三" not in classify(RuntimeError("张三"), operation()).message


def test_a_letter_that_nobody_here_wrote_is_malformed() -> None:
    for body in (b"{", b"[]", b'{"kind":"dance"}', b'{"kind":"dance","instance":"i"}', b'{"kind":"start"}'):
        with pytest.raises(MalformedDocument):
            read_engine_letter(Letter("1", "engine", body))


def test_timers_and_orders_survive_their_letters() -> None:
    for letter, stimulus in ((timer_letter("i", Timer("2", "retry", 1.25)), Timer("2", "retry", 1.25)),):
        assert read_engine_letter(letter) == MoveLetter("i", stimulus)


# ── events, timers and starts, in a store ───────────────────────────────────────────────────────────


def raised(connection: Connection, number: str, data: Json) -> list[Letter]:
    letter = read_engine_letter(event_letter("lab.resulted", data, message_id=number))
    assert isinstance(letter, EventLetter)
    return events.raise_event(connection, letter, float(len(number)))


@pytest.mark.parametrize(
    ("match", "data", "expected"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
        ({"a": [1, {"x": 2.0}]}, {"a": [1.0, {"x": 2}]}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({}, {}, True),
    ],
)
def test_fields_are_compared_as_json_values(match: dict[str, Json], data: dict[str, Json], expected: bool) -> None:
    assert events.fits(match, data) is expected


def test_an_event_goes_to_the_token_that_has_waited_longest(connection: Connection) -> None:
    for instance, since in (("a-late", 2.0), ("z-early", 1.0), ("other", 0.0)):
        wanted = "L2" if instance == "other" else "L1"
        events.open_wait(connection, instance, "1", "lab.resulted", {"order_no": wanted, "final": True}, since)
    first = raised(connection, "e1", {"order_no": "L1", "final": True})
    again = raised(connection, "e1", {"order_no": "L1", "final": True})
    second = raised(connection, "e2", {"order_no": "L1", "final": True})
    taken = [read_engine_letter(letter) for letter in (*first, *again, *second)]
    data: Json = {"order_no": "L1", "final": True}
    assert taken == [MoveLetter("z-early", Event("1", data)), MoveLetter("a-late", Event("1", data))]


def test_an_early_event_is_taken_once_by_the_wait_it_fits(connection: Connection) -> None:
    assert raised(connection, "e1", {"order_no": "L1"}) == []
    assert events.open_wait(connection, "a", "1", "lab.resulted", {"order_no": "L2"}, 5.0) == (False, None)
    assert events.open_wait(connection, "b", "1", "lab.resulted", {"order_no": "L1"}, 5.0) == (True, {"order_no": "L1"})
    assert events.open_wait(connection, "c", "1", "lab.resulted", {"order_no": "L1"}, 5.0) == (False, None)


def test_a_wait_without_match_takes_any_event_of_its_name(connection: Connection) -> None:
    raised(connection, "e1", "not an object")
    assert events.open_wait(connection, "a", "1", "lab.resulted", {}, 5.0) == (True, "not an object")


def test_timers_ring_once_and_only_when_they_are_due(connection: Connection) -> None:
    rows = [{"instance": "i", "token": str(n), "kind": "retry", "due_at": float(n)} for n in (1, 2, 3)]
    connection.execute(workflow_timer.insert(), rows)
    assert next_due(connection) == 1.0
    assert (ring(connection, 2.0), ring(connection, 2.0)) == (2, 0)
    assert next_due(connection) == 3.0
    bodies = [row.body for row in connection.execute(select(outbox.c.body).order_by(outbox.c.seq))]
    rung = [read_engine_letter(Letter("1", "engine", body)) for body in bodies]
    assert rung == [MoveLetter("i", Timer("1", "retry", 1.0)), MoveLetter("i", Timer("2", "retry", 2.0))]


def test_a_workflow_that_is_not_released_is_an_operators_affair(connection: Connection) -> None:
    with pytest.raises(WorkflowUnknown):
        Engine(Registry()).handle(connection, start_letter("surgery", {}, message_id="1", flow="f"))


def test_a_letter_for_an_instance_that_never_was_is_refused(connection: Connection) -> None:
    with pytest.raises(MeridianError, match="no workflow instance"):
        Engine(Registry()).handle(connection, timer_letter("nobody", Timer("1", "retry", 1.0)))
