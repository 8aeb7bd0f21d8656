"""What moves an instance, and what a move asks of the world: both plain values, so that the machine stays pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bus.errors import RetryClass
from bus.orchestration.instance import Failure, Instance, Phase, Status, TimerKind
from registry.failure_policy import Action
from transformers.document import Json

#: What an operator may say to an instance.
Verb: TypeAlias = Literal["retry", "skip", "compensate", "cancel", "migrate", "acknowledge"]

# ── what moves an instance ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Start:
    """A new instance begins."""

    instance: str
    input: Json


@dataclass(frozen=True, slots=True)
class CallFailure:
    """How a call failed: ``unknown`` when it may have been done all the same, ``idempotent`` when it may be
    repeated with the same key without harm. ``action`` is what the operation's failure policy says, empty where it
    says nothing; ``pause`` is that of its retry, in seconds."""

    code: str
    message: str
    retry: RetryClass
    unknown: bool = False
    idempotent: bool = False
    action: Action | Literal[""] = ""
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A call has ended: with a document, or with a failure."""

    token: str
    step: str
    attempt: int
    document: Json = None
    failure: CallFailure | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """The event that a token waits for has come."""

    token: str
    data: Json


@dataclass(frozen=True, slots=True)
class Excuse:
    """The deadline that was set for ``due_at`` has passed for a reason that was announced: it is now ``until``."""

    token: str
    due_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer is due. ``due_at`` is the time it was set for: one that was set anew since is ignored."""

    token: str
    kind: TimerKind
    due_at: float


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's word to an instance; an empty ``step`` stands for every step that the verb fits.

    retry: try now what is stuck or pauses. skip: it was settled by hand, or is not needed: go on; ``reply`` then
    stands for the reply or the event that never came. compensate: undo everything from here. cancel: stop where it
    is and undo nothing. ``orders.Orders`` also carries out those that are not the machine's: migrate (to the
    definition with the hash ``to``, or to the newest) and acknowledge.
    """

    verb: Verb
    step: str = ""
    reply: Json = None
    to: str = ""


Stimulus: TypeAlias = Start | Result | Event | Timer | Order | Excuse

# ── what a move asks for ────────────────────────────────────────────────────────────────────────────

StepStatus: TypeAlias = Literal["calling", "waiting", "completed", "skipped", "failed", "unknown", "late"]


@dataclass(frozen=True, slots=True)
class CallOut:
    """A call to send. ``settles``: the step itself says what is done when its outcome is unknown."""

    token: str
    step: str
    phase: Phase
    attempt: int
    operation: str
    document: Json
    key: str
    settles: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something an operator should see. ``code`` says what, and never holds data of a document.

    late: an event has not come in time. reversal: an unknown outcome cannot be settled for the time being.
    unknown: a step may have been done and nothing can take it back. stuck: an undo failed for good. parked: a step
    failed and waits for a person. warned: a step failed and counts as done, as the operation's policy has it.
    """

    kind: Literal["late", "reversal", "unknown", "stuck", "parked", "warned"]
    step: str
    code: str


@dataclass(frozen=True, slots=True)
class Task:
    """A person is needed: what a token failed with, and after how many ``attempts``."""

    token: str
    step: str
    phase: Phase
    attempts: int
    trouble: Failure


@dataclass(frozen=True, slots=True)
class StepChange:
    """A line of the instance's history. ``target`` is the operation called or the event waited for."""

    step: str
    phase: Phase
    attempt: int
    status: StepStatus
    target: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """All that one move asks for. Timers, waits and tasks are what changed: set or opened, and taken back."""

    calls: tuple[CallOut, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    history: tuple[StepChange, ...] = ()
    timers_set: Mapping[tuple[str, TimerKind], float] = field(default_factory=dict)
    timers_cleared: frozenset[tuple[str, TimerKind]] = frozenset()
    waits_opened: Mapping[str, tuple[str, Mapping[str, Json]]] = field(default_factory=dict)
    waits_closed: frozenset[str] = frozenset()
    tasks_opened: tuple[Task, ...] = ()
    tasks_closed: frozenset[str] = frozenset()
    finished: Status | None = None


Move: TypeAlias = tuple[Instance, Effects]
