"""The pure heart of orchestration: state and stimulus in, state and effects out; no clock, no store, no chance."""

from __future__ import annotations

import hashlib

from bus.orchestration.instance import Failure, Instance, Phase, Token, Undoable
from bus.orchestration.program import Call, End, Fail, Fork, Join, Jump, Program, Set, Unless, Wait
from bus.orchestration.stimuli import (
    Alarm,
    CallFailure,
    CallOut,
    Effects,
    Event,
    Move,
    Order,
    Result,
    Start,
    StepChange,
    StepStatus,
    Stimulus,
    Timer,
)
from registry.workflow import Retry
from transformers.document import Json
from transformers.errors import MappingFailed


def advance(program: Program, instance: Instance | None, stimulus: Stimulus, now: float) -> Move:
    """Move an instance by one stimulus. ``now`` is in Unix seconds; ``instance`` is None for a Start only.

    A stimulus that does not fit the state any more (a duplicate, a result or a timer that came too late)
    changes nothing. Neither argument is changed.
    """
    if isinstance(stimulus, Start):
        begun = Instance(id=stimulus.instance, workflow=program.workflow, definition=program.hash, input=stimulus.input)
        machine = _Machine(program, begun, now)
        machine.start()
        return begun, machine.effects(None)
    if instance is None:
        raise ValueError("only a Start may come without an instance")
    moved = instance.copy()
    machine = _Machine(program, moved, now)
    match stimulus:
        case Result():
            machine.result(stimulus)
        case Event():
            machine.event(stimulus)
        case Timer():
            machine.timer(stimulus)
        case Order():
            machine.order(stimulus)
    return moved, machine.effects(instance)


class _Machine:
    """One move of one instance: changes its own copy of the state and gathers the effects."""

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
        ended = self._it.status if not self._it.tokens or self._it.status == "stuck" else None
        return Effects(
            calls=tuple(self._calls),
            alarms=tuple(self._alarms),
            history=tuple(self._history),
            timers_set={key: due for key, due in timers.items() if old_timers.get(key) != due},
            timers_cleared=frozenset(old_timers.keys() - timers.keys()),
            waits_opened={token: wait for token, wait in waits.items() if old_waits.get(token) != wait},
            waits_closed=frozenset(old_waits.keys() - waits.keys()),
            finished=ended if before is None or before.status != ended else None,
        )

    # ── stimuli ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        self._run(self._new_token(0))
        self._settle()

    def result(self, result: Result) -> None:
        token = self._it.tokens.get(result.token)
        if token is None or token.status != "calling" or (token.step, token.attempt) != (result.step, result.attempt):
            return
        if result.failure is None:
            self._succeeded(token, result.document)
        else:
            self._failed(token, result.failure)
        self._settle()

    def event(self, event: Event) -> None:
        token = self._it.tokens.get(event.token)
        if token is None or token.status != "waiting":
            return
        instruction = self._program.code[token.pc]
        if isinstance(instruction, Wait):
            self._note(token, "completed", instruction.step.event)
            if instruction.step.save:
                self._it.vars[instruction.step.save] = event.data
            self._go_on(token)
        self._settle()

    def timer(self, timer: Timer) -> None:
        token = self._it.tokens.get(timer.token)
        if token is None or self._it.timers().get((timer.token, timer.kind)) != timer.due_at:
            return
        if timer.kind == "retry":
            self._send(token)
        else:
            self._late(token)
        self._settle()

    def order(self, order: Order) -> None:
        if order.action == "cancel":
            if self._it.status == "running":
                self._fail("", "cancelled", "an operator cancelled it")
        else:
            for token in self._settleable(order.step):
                if order.action == "skip":
                    self._settled(token)
                else:
                    token.phase_tries = 0
                    self._resume()
                    self._send(token)
        self._settle()

    def _settleable(self, step: str) -> list[Token]:
        """The tokens that wait for an operator: a stuck undo, or a reversal that keeps failing."""
        tokens = list(self._it.tokens.values())
        held = [t for t in tokens if t.status == "stuck" or (t.phase == "unknown" and t.status == "backoff")]
        return [token for token in held if step in ("", token.step)]

    def _settled(self, token: Token) -> None:
        self._note(token, "skipped", self._operation(token))
        if token.phase == "undo":
            self._resume()
            self._undone(token)
        else:
            self._reversed(token)

    # ── walking ──────────────────────────────────────────────────────────────────────────────────

    def _new_token(self, pc: int, parent: str = "") -> Token:
        self._it.counter += 1
        token = Token(id=str(self._it.counter), pc=pc, parent=parent)
        self._it.tokens[token.id] = token
        return token

    def _go_on(self, token: Token) -> None:
        """The token's step is complete: walk on, unless the instance is failing."""
        self._it.tokens[token.id] = token = Token(id=token.id, pc=token.pc + 1, parent=token.parent)
        self._run(token)

    def _run(self, token: Token) -> None:
        """Walk from instruction to instruction until the token has to wait for the world."""
        while self._it.status == "running":
            instruction = self._program.code[token.pc]
            try:
                match instruction:
                    case Unless():
                        self._branch(token, instruction)
                    case Set():
                        self._set(token, instruction)
                    case Jump():
                        token.pc = instruction.target
                    case Fork():
                        self._fork(token, instruction)
                        return
                    case Join():
                        parent = self._join(token)
                        if parent is None:
                            return
                        token = parent
                    case Call():
                        self._begin_call(token, instruction)
                        return
                    case Wait():
                        self._begin_wait(token, instruction)
                        return
                    case Fail():
                        reason = instruction.reason.evaluate(self._it.context())
                        del self._it.tokens[token.id]
                        self._history.append(StepChange(instruction.step.name, "do", 0, "failed", error="failed"))
                        self._fail(instruction.step.name, "failed", _text(reason))
                        return
                    case End():
                        del self._it.tokens[token.id]
                        self._it.status = "completed"
                        return
            except MappingFailed as error:
                step = getattr(instruction, "step", None)
                self._it.tokens.pop(token.id, None)
                self._fail(token.step or (step.name if step else ""), "mapping", str(error))
                return
        self._it.tokens.pop(token.id, None)

    def _branch(self, token: Token, instruction: Unless) -> None:
        if instruction.condition.holds(self._it.context()):
            token.pc += 1
            return
        if instruction.skips:
            self._history.append(StepChange(instruction.skips, "do", 0, "skipped"))
        token.pc = instruction.target

    def _set(self, token: Token, instruction: Set) -> None:
        for name, expression in instruction.values.items():
            self._it.vars[name] = expression.evaluate(self._it.context())
        token.pc += 1

    def _fork(self, token: Token, instruction: Fork) -> None:
        token.status, token.missing = "joining", len(instruction.branches)
        # All tokens exist before the first one runs, so that a branch that ends at once cannot end the fork.
        for branch in [self._new_token(pc, token.id) for pc in instruction.branches]:
            if self._it.status == "running":
                self._run(branch)

    def _join(self, token: Token) -> Token | None:
        del self._it.tokens[token.id]
        parent = self._it.tokens[token.parent]
        parent.missing -= 1
        if parent.missing:
            return None
        joined = Token(id=parent.id, pc=token.pc + 1, parent=parent.parent)
        self._it.tokens[joined.id] = joined
        return joined

    def _begin_wait(self, token: Token, instruction: Wait) -> None:
        step = instruction.step
        match = {name: expression.evaluate(self._it.context()) for name, expression in instruction.match.items()}
        empty = sorted(name for name, value in match.items() if value is None)
        if empty:
            raise MappingFailed(f"the match of {', '.join(empty)} gives null, which no event can fit", step=step.name)
        token.step, token.status, token.match, token.started_at = step.name, "waiting", match, self._now
        token.deadline_at = self._now + step.deadline if step.deadline else None
        self._note(token, "waiting", step.event)

    def _late(self, token: Token) -> None:
        """The token's deadline has passed."""
        instruction = self._program.code[token.pc]
        token.deadline_at = None
        if isinstance(instruction, Wait) and instruction.step.late == "alert":
            self._alarms.append(Alarm("late", token.step, "late"))
            self._note(token, "late", instruction.step.event)
            return
        self._fail(token.step, "deadline", "the step's deadline has passed")

    # ── calls ────────────────────────────────────────────────────────────────────────────────────

    def _begin_call(self, token: Token, instruction: Call) -> None:
        step = instruction.step
        token.step, token.started_at = step.name, self._now
        token.deadline_at = self._now + step.deadline if step.deadline else None
        token.phase = "do"
        token.request = self._request(token)
        self._send(token)

    def _send(self, token: Token) -> None:
        """Send the call of the token's phase; ``token.request`` holds its document."""
        token.status, token.retry_at = "calling", None
        token.attempt += 1
        token.phase_tries += 1
        operation, key = self._operation(token), self._key(token)
        self._calls.append(CallOut(token.id, token.step, token.phase, token.attempt, operation, token.request, key))
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
        """The idempotency key: the same however often a call is sent, a new one after a reversal."""
        phase = phase or token.phase
        middle = "" if phase == "do" else f":{phase}"
        return f"{self._it.id}:{token.step}{middle}:{token.generation}"

    def _retry(self, token: Token) -> Retry:
        step = self._program.calls[token.step].step
        if token.phase == "undo" and step.undo:
            return step.undo.retry
        if token.phase == "unknown" and step.unknown:
            return step.unknown.retry
        return step.retry

    def _succeeded(self, token: Token, document: Json) -> None:
        self._note(token, "completed", self._operation(token))
        if token.phase == "undo":
            self._undone(token)
        elif token.phase == "unknown":
            self._reversed(token)
        else:
            step = self._program.calls[token.step].step
            if step.save:
                self._it.vars[step.save] = document
            if step.undo:
                self._it.undo.append(Undoable(step.name, self._key(token)))
            self._go_on(token)

    def _failed(self, token: Token, failure: CallFailure) -> None:
        status: StepStatus = "unknown" if failure.unknown else "failed"
        self._note(token, status, self._operation(token), failure.code)
        if token.phase == "undo":
            self._undo_failed(token, failure)
        elif token.phase == "unknown":
            self._reversal_failed(token, failure)
        elif failure.unknown:
            self._in_doubt(token, failure)
        elif failure.retry == "transient":
            self._try_again(token, failure)
        else:
            self._give_up(token, failure)

    def _in_doubt(self, token: Token, failure: CallFailure) -> None:
        """The call may have been done: settle that before anything else."""
        token.doubtful = True
        if self._program.calls[token.step].step.unknown:
            token.failure = Failure(token.step, failure.code, failure.message)
            self._reverse(token, failure)
        elif failure.idempotent and failure.retry == "transient":
            self._try_again(token, failure)
        else:
            self._give_up(token, failure)

    def _try_again(self, token: Token, failure: CallFailure) -> None:
        retry = self._retry(token)
        if self._it.status != "running" or token.tries + token.phase_tries >= retry.attempts:
            self._give_up(token, failure)
            return
        due = self._now + self._pause(token, retry)
        if token.deadline_at is not None and due >= token.deadline_at:
            self._give_up(token, failure)
        else:
            token.status, token.retry_at = "backoff", due

    def _pause(self, token: Token, retry: Retry) -> float:
        """Full jitter, drawn from the attempt's own name so that the machine stays pure."""
        longest = min(retry.max, retry.first * 2.0 ** min(token.phase_tries - 1, 60))
        seed = hashlib.sha256(f"{self._it.id}:{token.id}:{token.step}:{token.attempt}".encode()).digest()
        return longest * int.from_bytes(seed[:6]) / 2**48

    def _give_up(self, token: Token, failure: CallFailure | Failure) -> None:
        """The step has failed for good; what may have been done is undone with the rest."""
        del self._it.tokens[token.id]
        self._doubt(token, failure.code)
        self._fail(token.step, failure.code, failure.message)

    def _doubt(self, token: Token, code: str) -> None:
        if not token.doubtful:
            return
        if self._program.calls[token.step].step.undo:
            self._it.undo.append(Undoable(token.step, self._key(token, "do")))
        else:
            self._alarms.append(Alarm("unknown", token.step, code))

    # ── reversing an unknown outcome ─────────────────────────────────────────────────────────────

    def _reverse(self, token: Token, failure: CallFailure) -> None:
        token.tries += token.phase_tries
        token.phase, token.phase_tries, token.alerted = "unknown", 0, False
        try:
            token.request = self._request(token)
        except MappingFailed as error:
            token.phase = "do"
            self._alarms.append(Alarm("reversal", token.step, "mapping"))
            self._give_up(token, Failure(token.step, "mapping", f"{failure.code}, and its reversal: {error}"))
            return
        self._send(token)

    def _reversal_failed(self, token: Token, failure: CallFailure) -> None:
        """A reversal is tried until it succeeds: neither a deadline nor a failing instance stops it."""
        retry = self._retry(token)
        if not token.alerted and (failure.retry != "transient" or token.phase_tries >= retry.attempts):
            token.alerted = True
            self._alarms.append(Alarm("reversal", token.step, failure.code))
        token.status, token.retry_at = "backoff", self._now + self._pause(token, retry)

    def _reversed(self, token: Token) -> None:
        """What the step's call may have done is undone: try it anew under a new key, or fail."""
        step = self._program.calls[token.step].step
        failure = token.failure or Failure(token.step, "provider-timeout", "its outcome was unknown and was reversed")
        token.phase, token.phase_tries, token.doubtful, token.failure = "do", 0, False, None
        again = step.unknown is not None and step.unknown.then == "retry" and token.tries < step.retry.attempts
        if not again or self._it.status != "running":
            self._give_up(token, failure)
            return
        token.generation += 1
        try:
            token.request = self._request(token)
        except MappingFailed as error:
            self._give_up(token, Failure(token.step, "mapping", str(error)))
            return
        self._send(token)

    # ── compensation ─────────────────────────────────────────────────────────────────────────────

    def _fail(self, step: str, code: str, message: str) -> None:
        """Start nothing new, drop what only waits, and leave what is under way to end."""
        if self._it.status == "running":
            self._it.status = "compensating"
            self._it.failure = Failure(step, code, message)
        for token in list(self._it.tokens.values()):
            token.deadline_at = None
            if token.status == "calling" or token.phase == "unknown":
                continue
            del self._it.tokens[token.id]
            if token.status == "waiting":
                self._note(token, "failed", self._target(token), code)
            self._doubt(token, code)

    def _settle(self) -> None:
        """When a failing instance has nothing under way any more, take back the youngest step."""
        while self._it.status == "compensating" and not self._it.tokens:
            if not self._it.undo:
                self._it.status = "compensated"
                return
            undo = self._it.undo[-1]
            token = self._new_token(0)
            token.step, token.phase, token.started_at = undo.step, "undo", self._now
            token.generation = int(undo.key.rpartition(":")[2])
            try:
                token.request = self._request(token)
            except MappingFailed:
                self._stick(token, "mapping")
                return
            self._send(token)

    def _undone(self, token: Token) -> None:
        del self._it.tokens[token.id]
        self._it.undo.pop()

    def _undo_failed(self, token: Token, failure: CallFailure) -> None:
        retry = self._retry(token)
        worth = failure.unknown or failure.retry == "transient"
        if worth and token.phase_tries < retry.attempts:
            token.status, token.retry_at = "backoff", self._now + self._pause(token, retry)
        else:
            self._stick(token, failure.code)

    def _stick(self, token: Token, code: str) -> None:
        token.status = "stuck"
        self._it.status = "stuck"
        self._alarms.append(Alarm("stuck", token.step, code))

    def _resume(self) -> None:
        if self._it.status == "stuck":
            self._it.status = "compensating"

    # ── history ──────────────────────────────────────────────────────────────────────────────────

    def _target(self, token: Token) -> str:
        instruction = self._program.code[token.pc]
        return instruction.step.event if isinstance(instruction, Wait) else self._operation(token)

    def _note(self, token: Token, status: StepStatus, target: str, error: str = "") -> None:
        self._history.append(StepChange(token.step, token.phase, token.attempt, status, target, error))


def _text(reason: Json) -> str:
    return reason if isinstance(reason, str) else "the workflow failed on purpose"
