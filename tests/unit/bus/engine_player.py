"""Plays the world to the engine's pure machine: answers calls, raises events, lets time pass."""

from __future__ import annotations

from typing import Any

import yaml

from bus.errors import RetryClass
from bus.orchestration.instance import Instance, TimerKind
from bus.orchestration.machine import advance
from bus.orchestration.program import Program, compile_program
from bus.orchestration.stimuli import (
    Alarm,
    CallFailure,
    CallOut,
    Effects,
    Event,
    Order,
    Result,
    Start,
    StepChange,
    Stimulus,
    Timer,
)
from registry.workflow import link, parse_workflow
from transformers.document import Json


def program(*definitions: str) -> Program:
    """The program of the first of these YAML definitions; names and versions may be left out."""
    raws = [yaml.safe_load(text) for text in definitions]
    parsed = [parse_workflow({"name": f"flow-{number}", "version": "1", **raw}) for number, raw in enumerate(raws)]
    return compile_program(link({each.name: each for each in parsed})[parsed[0].name])


class Player:
    """One instance and everything that the machine has asked for so far."""

    def __init__(self, *definitions: str, given: Json = None) -> None:
        self.program = program(*definitions)
        self.now = 1000.0
        self.calls: list[CallOut] = []
        self.alarms: list[Alarm] = []
        self.history: list[StepChange] = []
        self.finished: list[str] = []
        self.last = Effects()
        instance, effects = advance(self.program, None, Start("i", {} if given is None else given), self.now)
        self.instance: Instance = instance
        self._take(effects)

    def move(self, stimulus: Stimulus) -> Player:
        """Apply one stimulus."""
        self.instance, effects = advance(self.program, self.instance, stimulus, self.now)
        self._take(effects)
        return self

    def _take(self, effects: Effects) -> None:
        self.last = effects
        self.calls += effects.calls
        self.alarms += effects.alarms
        self.history += effects.history
        self.finished += [effects.finished] if effects.finished else []

    # ── the world ────────────────────────────────────────────────────────────────────────────────

    def open_call(self, operation: str) -> CallOut:
        """The newest call of this operation."""
        return next(call for call in reversed(self.calls) if call.operation == operation)

    def ok(self, operation: str, document: Json = None) -> Player:
        """The newest call of this operation succeeds."""
        call = self.open_call(operation)
        return self.move(Result(call.token, call.step, call.attempt, document))

    def fails(
        self,
        operation: str,
        retry: RetryClass = "permanent",
        *,
        unknown: bool = False,
        idempotent: bool = False,
        action: Any = "",
        pause: float = 0.0,
    ) -> Player:
        """The newest call of this operation fails."""
        call = self.open_call(operation)
        code = "provider-timeout" if unknown else "provider-fault"
        failure = CallFailure(code, "it failed", retry, unknown, idempotent, action, pause)
        return self.move(Result(call.token, call.step, call.attempt, failure=failure))

    def times_out(self, operation: str, *, idempotent: bool = False, action: Any = "") -> Player:
        """Nobody knows whether the newest call of this operation was done."""
        return self.fails(operation, "transient", unknown=True, idempotent=idempotent, action=action)

    def event(self, step: str, data: Json) -> Player:
        """The event that ``step`` waits for comes."""
        token = next(token for token, (waiting, _) in self.instance.waits().items() if waiting == step)
        return self.move(Event(token, data))

    def ring(self, kind: TimerKind = "retry") -> Player:
        """The earliest timer of this kind is due."""
        due, token = min((at, token) for (token, found), at in self.instance.timers().items() if found == kind)
        self.now = max(self.now, due)
        return self.move(Timer(token, kind, due))

    def order(self, verb: Any, step: str = "", reply: Json = None) -> Player:
        """An operator speaks."""
        return self.move(Order(verb, step, reply))

    # ── what it has come to ──────────────────────────────────────────────────────────────────────

    @property
    def status(self) -> str:
        """The instance's status."""
        return self.instance.status

    def asked(self) -> list[str]:
        """The operations called, in order."""
        return [call.operation for call in self.calls]
