"""The pure heart of orchestration: state and stimulus in, state and effects out; no clock, no store, no chance."""

from __future__ import annotations

from bus.orchestration.allowed import allowed
from bus.orchestration.failing import Failing
from bus.orchestration.instance import Failure, Instance, Token, Undoable
from bus.orchestration.program import Call, End, Fail, Fork, Instruction, Join, Jump, Program, Set, Unless, Wait
from bus.orchestration.stimuli import (
    Alarm,
    CallFailure,
    Event,
    Excuse,
    Move,
    Order,
    Result,
    Start,
    StepChange,
    StepStatus,
    Stimulus,
    Timer,
)
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
        begun.lay_down()
        return begun, machine.effects(None)
    if instance is None:
        raise ValueError("only a Start may come without an instance")
    moved = instance.copy()
    moved.take_up()
    machine = _Machine(program, moved, now)
    match stimulus:
        case Result():
            machine.result(stimulus)
        case Event():
            machine.event(stimulus)
        case Timer():
            machine.timer(stimulus)
        case Excuse():
            machine.excuse(stimulus)
        case Order():
            machine.order(stimulus)
    moved.lay_down()
    return moved, machine.effects(instance)


class _Machine(Failing):
    """One move of one instance: changes its own copy of the state and gathers the effects."""

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
            self._came(token, event.data)
        self._settle()

    def _came(self, token: Token, data: Json) -> None:
        instruction = self._program.code[token.pc]
        if isinstance(instruction, Wait) and instruction.step.save:
            self._it.vars[instruction.step.save] = data
        self._go_on(token)

    def timer(self, timer: Timer) -> None:
        token = self._it.tokens.get(timer.token)
        if token is None or self._it.timers().get((timer.token, timer.kind)) != timer.due_at:
            return
        if timer.kind == "retry":
            self._send(token)
        else:
            self._late(token)
        self._settle()

    def excuse(self, excuse: Excuse) -> None:
        token = self._it.tokens.get(excuse.token)
        if token is not None and token.deadline_at == excuse.due_at:
            token.deadline_at = excuse.until

    def order(self, order: Order) -> None:
        steps = allowed(self._it).get(order.verb)
        if steps is None:
            return
        meant = [t for t in self._it.tokens.values() if t.step in steps and order.step in ("", t.step)]
        match order.verb:
            case "compensate":
                self._fail("", "ordered", "an operator had it compensated")
            case "cancel":
                self._cancel()
            case "retry":
                for token in meant:
                    self._retry_now(token)
            case "skip":
                for token in meant:
                    if self._it.tokens.get(token.id) is token:  # skipping another may have failed the instance
                        self._skip(token, order.reply)
        self._settle()

    def _retry_now(self, token: Token) -> None:
        if token.status == "backoff":
            token.alerted, token.trouble = False, None
            self._send(token)
            return
        step = self._program.calls[token.step].step
        if token.phase == "do":
            token.deadline_at = self._now + step.deadline if step.deadline else None
        if token.phase == "do" and token.doubtful:  # the same call once more: its document must not differ
            token.tries, token.phase_tries, token.trouble = 0, 0, None
            self._send(token)
        else:
            self._send_anew(token)

    def _skip(self, token: Token, reply: Json) -> None:
        """Go on as if it had been settled; a reply given by hand counts as the one that never came."""
        self._note(token, "skipped", self._target(token))
        if token.status == "waiting":
            self._came(token, reply)
        elif token.phase == "undo":
            self._undone(token)
        elif token.phase == "unknown" and (reply is None or not self._program.calls[token.step].done.source):
            self._reversed(token)
        elif token.phase == "unknown":
            self._found_done(token, reply)
        elif reply is None:
            self._doubt(token, "skipped")
            self._go_on(token)
        else:
            self._completed(token, reply)

    def _cancel(self) -> None:
        """End here. What was done, or may have been, stays so, and ``undo`` keeps its record.

        What is under way may still be done: the history says that its outcome is unknown.
        """
        self._it.status = "cancelled"
        self._it.failure = self._it.failure or Failure("", "cancelled", "an operator cancelled it")
        for token in self._it.tokens.values():
            if token.status in ("calling", "waiting"):
                self._note(
                    token, "unknown" if token.status == "calling" else "failed", self._target(token), "cancelled"
                )
            self._doubt(token, "cancelled")
        self._it.tokens.clear()

    # ── walking ──────────────────────────────────────────────────────────────────────────────────

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
                        self._abort(token, instruction.step.name, "failed", _text(reason))
                        return
                    case End():
                        del self._it.tokens[token.id]
                        self._it.status = "completed"
                        return
            except MappingFailed as error:
                self._abort(token, _name(instruction), "mapping", str(error))
                return
        self._it.tokens.pop(token.id, None)

    def _abort(self, token: Token, step: str, code: str, message: str) -> None:
        """Fail at a step that has asked nothing of anybody yet."""
        del self._it.tokens[token.id]
        self._history.append(StepChange(step, "do", 0, "failed", error=code))
        self._fail(step, code, message)

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

    def _succeeded(self, token: Token, document: Json) -> None:
        self._note(token, "completed", self._operation(token))
        if token.phase == "undo":
            self._undone(token)
        elif token.phase == "unknown":
            self._answered(token, document)
        else:
            self._completed(token, document)

    def _completed(self, token: Token, document: Json) -> None:
        """The step was done, and this is its reply."""
        step = self._program.calls[token.step].step
        if step.save:
            self._it.vars[step.save] = document
        if step.undo:
            self._it.undo.append(Undoable(step.name, self._key(token, "do")))
        self._go_on(token)

    def _failed(self, token: Token, failure: CallFailure) -> None:
        status: StepStatus = "unknown" if failure.unknown else "failed"
        self._note(token, status, self._operation(token), failure.code)
        if token.phase == "undo":
            self._undo_failed(token, failure)
        elif token.phase == "unknown":
            self._reversal_failed(token, failure)
        else:
            self._step_failed(token, failure)


def _name(instruction: Instruction) -> str:
    match instruction:
        case Call() | Wait() | Set() | Fail():
            return instruction.step.name
        case Unless():
            return instruction.skips
        case _:
            return ""


def _text(reason: Json) -> str:
    return reason if isinstance(reason, str) else "the workflow failed on purpose"
