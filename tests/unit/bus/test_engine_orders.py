"""What operators may order, what it does, and the trail and the tasks that it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import yaml
from sqlalchemy import Connection, create_engine, select

from bus.backbone.tables import outbox
from bus.errors import NotFound, OrderRefused
from bus.orchestration.engine import Engine
from bus.orchestration.instances import get_instance
from bus.orchestration.letters import event_letter, read_call_letter, result_letter, start_letter
from bus.orchestration.orders import Orders
from bus.orchestration.stimuli import CallFailure, Order
from bus.orchestration.tasks import count_tasks, list_tasks
from bus.ports import Letter
from bus.state.store import metadata
from registry.model import Snapshot
from registry.workflow import link, parse_workflow
from transformers.document import Json

VISIT = """
name: visit
version: "1"
steps:
  - {call: his.Register, undo: {call: his.Cancel}}
  - {call: lis.Order, save: order, undo: {call: lis.Cancel}}
  - {wait: lab.resulted, name: result, match: {order_no: .vars.order.no}, save: result}
  - {call: emr.File, with: .vars.result}
"""


@dataclass
class Registry:
    snapshot: Snapshot = field(default_factory=Snapshot)

    def release(self, text: str) -> Registry:
        parsed = parse_workflow(yaml.safe_load(text))
        self.snapshot = Snapshot(workflows=link({parsed.name: parsed}))
        return self


@dataclass
class Desk:
    """An instance ``v``, the engine that moves it, and the operator's orders."""

    connection: Connection
    registry: Registry = field(default_factory=lambda: Registry().release(VISIT))

    def __post_init__(self) -> None:
        self.engine, self.orders = Engine(self.registry, lambda: 1000.0), Orders(self.registry, lambda: 2000.0)
        self.open: list[Letter] = []
        self.handle(start_letter("visit", {}, message_id="v", flow="f"))

    def handle(self, letter: Letter) -> None:
        self.open += self.engine.handle(self.connection, letter)

    def answer(self, operation: str, document: Json = None, failure: CallFailure | None = None) -> None:
        """The open call of this operation ends so."""
        self.open += [Letter(row.id, row.queue, row.body) for row in self.connection.execute(select(outbox))]
        self.connection.execute(outbox.delete())
        letter = next(each for each in self.open if read_call_letter(each).operation == operation)
        self.open.remove(letter)
        self.handle(result_letter(read_call_letter(letter), document=document, failure=failure))

    def fail(self, operation: str, action: str = "") -> None:
        self.answer(operation, failure=CallFailure("provider-fault", "no", "permanent", action=action))  # type: ignore[arg-type]

    def give(self, verb: str, step: str = "", *, reason: str = "because", reply: Json = None, to: str = "") -> object:
        order = Order(verb, step, reply, to)  # type: ignore[arg-type]
        return self.orders.give(self.connection, "v", order, who="wang", reason=reason)

    @property
    def one(self) -> dict[str, object]:
        found = get_instance(self.connection, "v")
        assert found is not None
        return dict(found)


@pytest.fixture
def desk() -> Iterator[Desk]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield Desk(connection)
    engine.dispose()


def test_a_running_instance_can_be_undone_from_here_in_the_order_foretold(desk: Desk) -> None:
    desk.answer("his.Register")
    desk.answer("lis.Order", {"no": "L1"})
    foretold = desk.orders.foresee(desk.connection, "v", Order("compensate"))
    assert (foretold.undoes, foretold.under_way) == (("order", "register"), ())
    assert desk.one["status"] == "running"
    assert desk.give("compensate") == foretold
    desk.answer("lis.Cancel")
    desk.answer("his.Cancel")
    assert desk.one["status"] == "compensated"


def test_a_cancelled_instance_says_what_stays_done_and_what_is_under_way(desk: Desk) -> None:
    desk.answer("his.Register")
    outcome = desk.give("cancel")
    assert (outcome.status, outcome.keeps, outcome.under_way) == ("cancelled", ("register",), ("order",))  # type: ignore[attr-defined]
    assert desk.one["done"] == ("register",)
    with pytest.raises(OrderRefused, match="the instance is cancelled"):
        desk.give("retry")


def test_every_order_is_kept_with_who_gave_it_and_why(desk: Desk) -> None:
    desk.answer("his.Register")
    desk.fail("lis.Order", "park")
    desk.give("retry", "order", reason="the laboratory is back")
    desk.give("compensate", reason="the patient went home")
    assert [(o["who"], o["verb"], o["reason"], o["at"]) for o in desk.one["orders"]] == [  # type: ignore[attr-defined]
        ("wang", "compensate", "the patient went home", 2000.0),
        ("wang", "retry", "order: the laboratory is back", 2000.0),
    ]


@pytest.mark.parametrize("verb", ["skip", "compensate", "cancel", "migrate"])
def test_an_order_that_gives_something_up_needs_a_reason(desk: Desk, verb: str) -> None:
    desk.answer("his.Register")
    desk.fail("lis.Order", "park")
    with pytest.raises(OrderRefused, match=f"{verb} needs a reason"):
        desk.give(verb, reason=" ")
    assert desk.one["status"] == "stuck"


def test_an_order_that_does_not_fit_says_what_would(desk: Desk) -> None:
    with pytest.raises(OrderRefused, match="skip does not fit while the instance is running; compensate, cancel"):
        desk.give("skip")
    desk.answer("his.Register")
    desk.fail("lis.Order", "park")
    with pytest.raises(OrderRefused, match="does not fit step 'file'; it fits order"):
        desk.give("retry", "file")
    with pytest.raises(OrderRefused, match="it is for the instance as a whole"):
        desk.give("cancel", "order")
    with pytest.raises(NotFound):
        desk.orders.foresee(desk.connection, "nobody", Order("cancel"))
    assert desk.one["orders"] == []


def test_a_failed_undo_is_a_task_until_an_order_settles_it(desk: Desk) -> None:
    desk.answer("his.Register")
    desk.fail("lis.Order")
    desk.fail("his.Cancel")
    (task,) = list_tasks(desk.connection)
    told = (task["step"], task["phase"], task["code"], task["message"], task["attempts"], task["since"])
    assert told == ("register", "undo", "provider-fault", "no", 1, 1000.0)
    assert set(task["verbs"]) == {"retry", "skip", "acknowledge", "cancel", "migrate"}
    desk.give("acknowledge", "register", reason="")
    assert list_tasks(desk.connection)[0]["taken_by"] == "wang"
    desk.give("retry", reason="")
    assert count_tasks(desk.connection) == 0
    desk.fail("his.Cancel")
    assert count_tasks(desk.connection) == 1
    desk.give("skip")
    assert desk.one["status"] == "compensated"
    assert [task["closed_by"] for task in desk.one["tasks"]] == ["wang", "wang"]  # type: ignore[attr-defined]


def test_a_parked_step_can_be_completed_with_the_reply_that_a_person_gives(desk: Desk) -> None:
    desk.answer("his.Register")
    desk.fail("lis.Order", "park")
    desk.give("skip", "order", reply={"no": "L7"})
    desk.handle(event_letter("lab.resulted", {"order_no": "L7"}, message_id="e"))
    assert desk.one["done"] == ("register", "order")
    assert desk.one["vars"]["order"] == {"no": "L7"}  # type: ignore[index]


def test_an_event_that_never_comes_can_be_given_by_hand(desk: Desk) -> None:
    desk.answer("his.Register")
    desk.answer("lis.Order", {"no": "L1"})
    desk.give("skip", "result", reply={"value": "5"})
    desk.answer("emr.File")
    assert desk.one["status"] == "completed"
    assert desk.one["waits"] == []
