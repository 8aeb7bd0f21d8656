"""One running workflow as JSON: its variables, where its tokens stand, and what would have to be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from transformers.document import Json

Phase = Literal["do", "unknown", "undo"]
TokenStatus = Literal["ready", "joining", "calling", "backoff", "waiting", "stuck"]
Status = Literal["running", "completed", "compensating", "compensated", "cancelled", "stuck"]
TimerKind = Literal["retry", "deadline"]

#: An instance in one of these is over.
FINISHED: frozenset[Status] = frozenset({"completed", "compensated", "cancelled"})


@dataclass(slots=True)
class Failure:
    """Why an instance failed: the step, a stable code, and a text that quotes no value of a document."""

    step: str
    code: str
    message: str


@dataclass(slots=True)
class Token:
    """One place of an instance in its program.

    ``attempt`` counts every call of the present step, whatever its phase, so that (token, step, attempt) names
    one result. ``tries`` counts the calls of the present phase against its retry. ``generation`` is part of
    the idempotency key: it changes only when an unknown outcome has been reversed. ``doubtful`` says that a
    call of this generation may have been done. ``request`` is the document of the call under way, so that a
    retry sends the same one; ``doubted`` keeps it while its outcome is being settled. ``missing`` counts the
    branches a forking token still waits for. ``failure`` is why the step's call is in doubt, ``trouble`` why the
    token waits for a person.
    """

    id: str
    pc: int
    parent: str = ""
    step: str = ""
    status: TokenStatus = "ready"
    phase: Phase = "do"
    started_at: float = 0.0
    attempt: int = 0
    tries: int = 0
    phase_tries: int = 0
    generation: int = 1
    doubtful: bool = False
    alerted: bool = False
    request: Json = None
    doubted: Json = None
    match: dict[str, Json] = field(default_factory=dict)
    retry_at: float | None = None
    deadline_at: float | None = None
    missing: int = 0
    failure: Failure | None = None
    trouble: Failure | None = None


@dataclass(slots=True)
class Undoable:
    """A step that was, or may have been, done: ``key`` is the idempotency key it was called with."""

    step: str
    key: str


@dataclass(slots=True)
class Instance:
    """The whole state of one running workflow."""

    id: str
    workflow: str
    definition: str
    input: Json
    status: Status = "running"
    vars: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    undo: list[Undoable] = field(default_factory=list)
    failure: Failure | None = None
    counter: int = 0

    def context(self, **more: Json) -> Json:
        """What jq expressions see."""
        return {"id": self.id, "input": self.input, "vars": self.vars, **more}

    def timers(self) -> dict[tuple[str, TimerKind], float]:
        """When which token wants to be woken."""
        found: dict[tuple[str, TimerKind], float] = {}
        for token in self.tokens.values():
            if token.status == "backoff" and token.retry_at is not None:
                found[token.id, "retry"] = token.retry_at
            if token.deadline_at is not None and self.failure is None and self.status not in FINISHED:
                found[token.id, "deadline"] = token.deadline_at
        return found

    def waits(self) -> dict[str, tuple[str, dict[str, Json]]]:
        """Which token waits for what: (step, match)."""
        return {t.id: (t.step, t.match) for t in self.tokens.values() if t.status == "waiting"}

    def tasks(self) -> dict[str, Token]:
        """The tokens that wait for a person, and those that go on trying and would be helped by one."""
        held = [t for t in self.tokens.values() if t.status == "stuck" or (t.phase == "unknown" and t.alerted)]
        return {token.id: token for token in held}

    def take_up(self) -> None:
        """Before a move: a stuck instance goes in the direction that it had."""
        if self.status == "stuck":
            self.status = "running" if self.failure is None else "compensating"

    def lay_down(self) -> None:
        """After a move: an instance is stuck while one of its tokens is, whatever the others still do."""
        if self.status not in FINISHED and any(token.status == "stuck" for token in self.tokens.values()):
            self.status = "stuck"

    def dump(self) -> bytes:
        """The instance as JSON."""
        return orjson.dumps(asdict(self))

    @classmethod
    def load(cls, data: bytes | str) -> Instance:
        """Read what ``dump`` wrote."""
        raw: dict[str, Any] = orjson.loads(data)
        raw["tokens"] = {name: _token(token) for name, token in raw["tokens"].items()}
        raw["undo"] = [Undoable(**entry) for entry in raw["undo"]]
        raw["failure"] = _failure(raw["failure"])
        return cls(**raw)

    def copy(self) -> Instance:
        """A copy that shares nothing with this one."""
        return Instance.load(self.dump())


def _token(raw: Mapping[str, Any]) -> Token:
    return Token(**{**raw, "failure": _failure(raw["failure"]), "trouble": _failure(raw.get("trouble"))})


def _failure(raw: Mapping[str, str] | None) -> Failure | None:
    return None if raw is None else Failure(**raw)
