"""One visit whose laboratory order failed once, and a console over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bus.backbone.dead_letters import DeadLetter, Filter
from bus.backbone.parking import Lane, ParkedLetter
from bus.console.ports import ConsolePorts, DeadLetterDesk
from bus.errors import NotFound, OrderRefused
from bus.journal.memory import MemoryJournal
from bus.message import new_id
from bus.orchestration.instances import Wanted
from bus.orchestration.orders import Outcome
from bus.orchestration.stimuli import Order
from bus.parked import Parked
from bus.ports import Body, HopRecord, Record
from bus.security.users import Users
from bus.settings import Settings
from registry.model import Consumer, Journey, Milestone, Snapshot, System

FLOW = "4bf92f3577b34da6a3ce929d0e0e4736"
START = 1_795_000_000.0
IDENTITY = "11010519491231002X"
REQUEST = '{"visit_no":"V17","patient":{"name":"张三丰","id_no":"11010519491231002X","phone":"13800001234"}}'.encode()
SENT = (
    '<a:Op xmlns:a="urn:a"><a:patient><a:name>张三丰</a:name></a:patient>'
    "<a:note><![CDATA[<p><xm>张三丰</xm></p>]]></a:note></a:Op>"
).encode("gb18030")


DEFINITION: Mapping[str, Any] = {
    "name": "visit",
    "version": "2",
    "steps": [
        {"call": "his.Register", "name": "register", "title": {"zh": "挂号", "en": "Register"}},
        {
            "parallel": [
                [{"call": "lis.PlaceOrder", "name": "order-lab", "undo": {"call": "lis.CancelOrder"}}],
                [{"wait": "lab.resulted", "name": "result", "when": ".vars.lab"}],
            ],
            "name": "examine",
        },
        {
            "choose": [{"when": ".vars.paid", "steps": [{"call": "his.Charge", "name": "charge"}]}],
            "name": "paying",
        },
        {"run": "report", "name": "report", "steps": [{"call": "emr.Save", "name": "report/save"}]},
    ],
}


class OneWorkflow:
    """Workflow instances of a console that has one, whose laboratory order could not be undone."""

    instance: Mapping[str, Any] = {
        "id": "i1",
        "workflow": "visit",
        "version": "2",
        "definition_hash": "c0ffee11" * 8,
        "definition": DEFINITION,
        "status": "stuck",
        "flow": FLOW,
        "keys": [("visit_no", "V17"), ("id_no", IDENTITY)],
        "created_at": START,
        "updated_at": START,
        "error": "",
        "input": {"name": "张三丰"},
        "vars": {"name": "张三丰"},
        "waits": [{"event": "lab.resulted", "match": {"order_no": "O-7", "name": "张三丰"}, "since": START}],
        "timers": [{"kind": "deadline", "due_at": START + 60}],
        "alerts": [{"kind": "late", "at": START, "text": "no result yet"}],
        "places": [
            {"step": "order-lab", "phase": "undo", "status": "stuck", "error": "provider-fault"}
            | {"retry_at": 0.0, "deadline_at": 0.0}
        ],
        "done": ("register", "order-lab"),
        "verbs": {"retry": ("order-lab",), "skip": ("order-lab",), "cancel": (), "migrate": (), "acknowledge": ()},
        "tasks": [],
        "orders": [{"at": START, "who": "lin", "verb": "compensate", "reason": "the patient went home"}],
        "steps": [
            {
                "step": "order-lab",
                "phase": "undo",
                "operation": "lis.CancelOrder",
                "status": "completed",
                "attempt": 1,
                "message_id": "",
                "started_at": START,
                "ended_at": START + 1,
                "error": "",
            }
        ],
    }
    task: Mapping[str, Any] = {
        "id": "t1",
        "instance": "i1",
        "workflow": "visit",
        "step": "order-lab",
        "phase": "undo",
        "code": "provider-fault",
        "message": "the laboratory refuses",
        "attempts": 10,
        "since": START,
        "taken_by": "",
        "taken_at": 0.0,
        "closed_by": "",
        "closed_at": 0.0,
        "verbs": {"retry": ("order-lab",), "skip": ("order-lab",), "acknowledge": ("order-lab",)},
    }

    def __init__(self) -> None:
        self.asked: Wanted | None = None
        self.given: list[tuple[str, Order, str, str]] = []

    def page(self, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
        self.asked = wanted
        return [self.instance] if wanted.status in ("", "stuck") and not wanted.before else []

    def one(self, instance: str) -> Mapping[str, Any] | None:
        return dict(self.instance) | {"tasks": self.tasks()} if instance == "i1" else None

    def by_key(self, name: str, value: str) -> Sequence[Mapping[str, Any]]:
        return [self.instance] if (name, value) == ("visit_no", "V17") else []

    def counts(self) -> Mapping[str, int]:
        return {"stuck": 1}

    def alerts(self, limit: int = 20) -> Sequence[Mapping[str, Any]]:
        return []

    def silenced(self, downtime: int) -> Sequence[Mapping[str, Any]]:
        return []

    def tasks(self, limit: int = 100) -> Sequence[Mapping[str, Any]]:
        return [self.task]

    def task_count(self) -> int:
        return len(self.tasks())

    def foresee(self, instance: str, order: Order) -> Outcome:
        if order.verb == "compensate":
            return Outcome("compensate", "stuck", problems=("compensate does not fit while the instance is stuck",))
        return Outcome(order.verb, "cancelled", (order.step,) if order.step else (), keeps=("register", "order-lab"))

    def order(self, instance: str, order: Order, *, who: str, reason: str = "") -> Outcome:
        if instance != "i1":
            raise NotFound(f"no workflow instance {instance}")
        if order.verb == "compensate":
            raise OrderRefused("compensate does not fit while the instance is stuck; retry, skip would")
        self.given.append((instance, order, who, reason))
        return Outcome(order.verb, "compensating", (order.step,))


class CalmWorkflow(OneWorkflow):
    """The same with nothing that needs a person."""

    def tasks(self, limit: int = 100) -> Sequence[Mapping[str, Any]]:
        return []


class NothingParked(Parked):
    """A console at which no letter waits for a person."""

    def __init__(self) -> None:
        """Without a store."""

    def letters(self, *, code: str = "", limit: int = 100) -> Sequence[ParkedLetter]:
        return []

    def lanes(self, *, limit: int = 100) -> Sequence[Lane]:
        return []

    def count(self) -> int:
        return 0


def exchange(operation: str, seconds: float, status: str = "ok", **changes: Any) -> Record:
    """One record of the visit."""
    service, name = operation.split(".")
    values: dict[str, Any] = {
        "id": new_id(START + seconds),
        "flow": FLOW,
        "parent": "",
        "door": "workflow",
        "consumer": "workflow",
        "system": service,
        "service": service,
        "version": "1",
        "operation": name,
        "received_at": START + seconds,
        "status": status,
        "http_status": 200,
        "attempts": 1,
        "duration_us": 42_000,
        "sent_us": 40_000,
        "keys": (("visit_no", "V17"), ("id_no", IDENTITY)),
        "hops": (HopRecord("decode", 0, 90), HopRecord("call", 1_500, 40_100)),
        "bodies": (
            Body("request", REQUEST, "application/json"),
            Body("request.sent", SENT, "text/xml; charset=GBK"),
        ),
    }
    return Record(**(values | changes))


def visit() -> list[Record]:
    """A visit as the journal has it, in order."""
    return [
        exchange("visits.Start", 0, "accepted", door="rest", consumer="kiosk", system="", sent_us=0),
        exchange("his.Register", 1),
        exchange("lis.PlaceOrder", 2, "error", error="provider-timeout", detail="lis did not answer within 3.0 s"),
        exchange("lis.PlaceOrder", 9),
    ]


def snapshot() -> Snapshot:
    """Two systems, one caller and the journey of a visit."""
    title = {"zh": "检验系统", "en": "Laboratory"}
    stages = ("Registered", "his.Register"), ("Examined", "lis.PlaceOrder"), ("Dispensed", "pharmacy.Dispense")
    milestones = tuple(Milestone(en.lower(), {"zh": en, "en": en}, frozenset({op})) for en, op in stages)
    return Snapshot(
        revision=3,
        systems={"his": System("his", {"zh": "医院系统", "en": "HIS"}), "lis": System("lis", title)},
        consumers={"kiosk": Consumer("kiosk", {"zh": "自助机", "en": "Kiosk"})},
        journeys={"outpatient": Journey("outpatient", {"zh": "门诊", "en": "Outpatient"}, "visit_no", milestones)},
    )


class Registry:
    """A snapshot that stays."""

    def __init__(self) -> None:
        self.snapshot = snapshot()


class NothingDead:
    """No letter was ever given up."""

    def page(self, wanted: Filter, limit: int) -> Sequence[DeadLetter]:
        return ()

    def count(self, wanted: Filter) -> int:
        return 0

    def one(self, queue: str, letter_id: str) -> DeadLetter | None:
        return None

    def replay(self, queue: str, letter_id: str, who: str, reason: str) -> bool:
        return False

    def replay_all(self, wanted: Filter, who: str, reason: str, *, rate: float) -> int:
        return 0

    def discard(self, queue: str, letter_id: str, who: str, reason: str) -> bool:
        return False


def console_over(
    settings: Settings,
    journal: MemoryJournal | None = None,
    users: Users | None = None,
    workflows: OneWorkflow | None = None,
    dead_letters: DeadLetterDesk | None = None,
) -> ConsolePorts:
    """A console's ports over a journal in memory; unless told otherwise nothing needs a person."""
    return ConsolePorts(
        settings,
        Registry(),
        journal or MemoryJournal(),
        users or Users(settings),
        workflows or CalmWorkflow(),
        NothingParked(),
        dead_letters or NothingDead(),
    )
