"""The lowest layer of a move: the state being changed, the effects gathered, and calls with their keys and pauses."""

from __future__ import annotations

import hashlib

from bus.orchestration.instance import Failure, Instance, Phase, Token, Undoable
from bus.orchestration.program import Program, Wait
from bus.orchestration.stimuli import Alarm, CallOut, Effects, StepChange, StepStatus, Task
from registry.workflow import Retry
from transformers.document import Json


class Sending:
    """Changes its own copy of an instance; whoever made the copy reads ``effects`` at the end."""

    def __init__(self, program: Program, instance: Instance, now: float) -> None:
        self._program = program
        self._it = instance
        self._now = now
        self._calls: list[CallOut] = []
        self._alarms: list[Alarm] = []
        self._history: list[StepChange] = []

    def effects(self, before: Instance | None) -> Effects:
        """All that this move asks for, with timers and waits as differences."""
        old_timers, timers = (before.timers() if before else {}), self._it.timers()
        old_waits, waits = (before.waits() if before else {}), self._it.waits()
        old_tasks, tasks = (before.tasks() if before else {}), self._it.tasks()
        ended = self._it.status if not self._it.tokens or self._it.status == "stuck" else None
        return Effects(
            calls=tuple(self._calls),
            alarms=tuple(self._alarms),
            history=tuple(self._history),
            timers_set={key: due for key, due in timers.items() if old_timers.get(key) != due},
            timers_cleared=frozenset(old_timers.keys() - timers.keys()),
            waits_opened={token: wait for token, wait in waits.items() if old_waits.get(token) != wait},
            waits_closed=frozenset(token for token, wait in old_waits.items() if waits.get(token) != wait),
            tasks_opened=tuple(_task(token) for token in tasks.values() if token.id not in old_tasks),
            tasks_closed=frozenset(old_tasks.keys() - tasks.keys()),
            finished=ended if before is None or before.status != ended else None,
        )

    def _new_token(self, pc: int, parent: str = "") -> Token:
        self._it.counter += 1
        token = Token(id=str(self._it.counter), pc=pc, parent=parent)
        self._it.tokens[token.id] = token
        return token

    def _send(self, token: Token) -> None:
        """Send the call of the token's phase; ``token.request`` holds its document."""
        token.status, token.retry_at = "calling", None
        token.attempt += 1
        token.phase_tries += 1
        operation, key = self._operation(token), self._key(token)
        settles = token.phase == "do" and self._program.calls[token.step].step.unknown is not None
        self._calls.append(
            CallOut(token.id, token.step, token.phase, token.attempt, operation, token.request, key, settles)
        )
        self._note(token, "calling", operation)

    def _request(self, token: Token) -> Json:
        call = self._program.calls[token.step]
        expression = {"do": call.request, "undo": call.undo, "unknown": call.unknown}[token.phase]
        tried = self._key(token, "do") if token.phase != "undo" else self._it.undo[-1].key
        return expression.evaluate(self._it.context(key=self._key(token), attempt_key=tried))

    def _operation(self, token: Token) -> str:
        step = self._program.calls[token.step].step
        if token.phase == "undo" and step.undo:
            return step.undo.operation
        if token.phase == "unknown" and step.unknown:
            return step.unknown.operation
        return step.operation

    def _key(self, token: Token, phase: Phase | None = None) -> str:
        """The idempotency key: the same however often a call is sent, a new one after a reversal.

        A query has one for each time that the outcome became unknown, so that no system repeats an old answer.
        """
        phase = phase or token.phase
        middle = "" if phase == "do" else f":{phase}"
        asks = phase == "unknown" and self._program.calls[token.step].done.source
        return f"{self._it.id}:{token.step}{middle}:{token.generation}{f'.{token.tries}' if asks else ''}"

    def _retry(self, token: Token) -> Retry:
        step = self._program.calls[token.step].step
        if token.phase == "undo" and step.undo:
            return step.undo.retry
        if token.phase == "unknown" and step.unknown:
            return step.unknown.retry
        return step.retry

    def _pause(self, token: Token, retry: Retry) -> float:
        """Full jitter, drawn from the attempt's own name so that the machine stays pure."""
        longest = min(retry.max, retry.first * 2.0 ** min(token.phase_tries - 1, 60))
        seed = hashlib.sha256(f"{self._it.id}:{token.id}:{token.step}:{token.attempt}".encode()).digest()
        return longest * int.from_bytes(seed[:6]) / 2**48

    def _doubt(self, token: Token, code: str) -> None:
        if not token.doubtful:
            return
        if self._program.calls[token.step].step.undo:
            self._it.undo.append(Undoable(token.step, self._key(token, "do")))
        else:
            self._alarms.append(Alarm("unknown", token.step, code))

    def _target(self, token: Token) -> str:
        instruction = self._program.code[token.pc]
        return instruction.step.event if isinstance(instruction, Wait) else self._operation(token)

    def _note(self, token: Token, status: StepStatus, target: str, error: str = "") -> None:
        self._history.append(StepChange(token.step, token.phase, token.attempt, status, target, error))


def _task(token: Token) -> Task:
    trouble = token.trouble or Failure(token.step, "internal", "")
    return Task(token.id, token.step, token.phase, token.attempt, trouble)
