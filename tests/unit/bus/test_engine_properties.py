"""Whatever the world does, and in whatever order, an instance ends and the ledgers agree with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from engine_player import program
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.orchestration.instance import Instance
from bus.orchestration.machine import advance
from bus.orchestration.program import Program
from bus.orchestration.stimuli import CallFailure, CallOut, Effects, Event, Result, Start, Stimulus, Timer

#: Every kind of step; operations whose name ends in ``-safe`` may be repeated with one key.
MAIN = """
steps:
  - call: his.Register
    save: registration
    undo: {call: his.Cancel, retry: {attempts: 1000}}
  - parallel:
    - - call: lis.Order-safe
        deadline: 50
        undo: {call: lis.Cancel, retry: {attempts: 1000}}
      - wait: lab.resulted
        match: {order_no: '"1"'}
        deadline: 500
    - - call: pacs.Order
        retry: {attempts: 3}
        undo: {call: pacs.Cancel, retry: {attempts: 1000}}
      - parallel:
        - - call: pacs.Book-safe
            undo: {call: pacs.Unbook, retry: {attempts: 1000}}
        - - {wait: pacs.ready, deadline: 300, late: alert}
          - call: pacs.Confirm
            undo: {call: pacs.Unconfirm, retry: {attempts: 1000}}
    - []
  - run: flow-1
  - choose:
    - when: .input.drugs
      steps:
        - call: pharmacy.Dispense
          deadline: 20
          undo: {call: pharmacy.Return, retry: {attempts: 1000}}
    - steps: [{set: {none: 'true'}}]
  - {fail: '"on purpose"', when: .input.fails}
"""

BILLING = """
steps:
  - call: insurance.Settle
    with: '{key}'
    retry: {attempts: 4}
    deadline: 200
    unknown: {call: insurance.Reverse, with: '{reverses: .attempt_key}', then: retry}
    undo: {call: insurance.Refund, retry: {attempts: 1000}}
  - call: insurance.Notify
    unknown: {call: insurance.Recall, with: '{reverses: .attempt_key}', then: fail}
    undo: {call: insurance.Unnotify, retry: {attempts: 1000}}
  - call: insurance.Upload
    save: upload
    unknown: {call: insurance.Ask, with: '{about: .attempt_key}', done: .reply.done, as: .reply}
    undo: {call: insurance.Withdraw, retry: {attempts: 1000}}
"""

PROGRAM = program(MAIN, BILLING)
REVERSES = {"insurance.Reverse", "insurance.Recall"}


@dataclass
class World:
    """Systems with ledgers, a clock, and a bag of stimuli that are delivered in any order, some of them twice."""

    random: Random
    program: Program
    trouble: int
    now: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    taken_back: Counter[str] = field(default_factory=Counter)
    requests: dict[str, tuple[str, object]] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    bag: list[Stimulus] = field(default_factory=list)
    failing: bool = False
    completed: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)

    def serve(self, instance: Instance, effects: Effects) -> None:
        """Answer what the machine asks for."""
        for call in effects.calls:
            assert self.requests.setdefault(call.key, (call.operation, call.document)) == (
                call.operation,
                call.document,
            )
            document: object = {"done": call.key}
            if ".Ask" in call.operation:
                document, failure = self._ask(call)
            else:
                failure = self._do(instance, call) if call.phase == "do" else self._take_back(call)
            self.bag.append(Result(call.token, call.step, call.attempt, document, failure))  # type: ignore[arg-type]
        for token in effects.waits_opened:
            if self.random.random() < 0.8:
                self.bag.append(Event(token, {"order_no": "1"}))
        for (token, kind), due in effects.timers_set.items():
            self.bag.append(Timer(token, kind, due))
        for change in effects.history:
            if change.status == "completed" and change.phase == "do" and change.attempt:
                self.completed.append(change.step)
        self.failing = instance.failure is not None

    def _do(self, instance: Instance, call: CallOut) -> CallFailure | None:
        assert not self.failing, "a failing instance starts nothing new"
        safe = call.operation.endswith("-safe")
        assert safe or call.key not in self.doubtful, "an unknown outcome is never repeated blindly"
        outcome = self.random.choices(["ok", "refused", "fault", "lost", "late"], [20, *[self.trouble] * 4])[0]
        if outcome in ("ok", "late"):
            self.done[call.key] = 1 if safe else self.done[call.key] + 1
        match outcome:
            case "ok":
                return None
            case "refused":
                return CallFailure("circuit-open", "", "transient", idempotent=safe)
            case "fault":
                return CallFailure("provider-fault", "", "permanent", idempotent=safe)
        self.doubtful.add(call.key)
        return CallFailure("provider-timeout", "", "transient", unknown=True, idempotent=safe)

    def _ask(self, call: CallOut) -> tuple[object, CallFailure | None]:
        """Whether it was done; when it was not, it may be sent again under its key."""
        about = call.document["about"]  # type: ignore[index, call-overload]
        if self.random.random() < self.trouble / 20:
            return None, CallFailure("provider-timeout", "", "transient", idempotent=True)
        self.doubtful.discard(about)
        return {"done": self.done[about] > 0}, None

    def _take_back(self, call: CallOut) -> CallFailure | None:
        """Undo and reversal tolerate that there is nothing to take back, and that they come twice."""
        own = call.key.replace(":undo:", ":").replace(":unknown:", ":")
        outcome = self.random.choices(["ok", "refused", "late"], [3, 1, 1])[0]
        if outcome != "refused":
            self.taken_back[own] = 1
            if own not in self.undone and call.phase == "undo":
                self.undone.append(own)
        if outcome == "ok":
            return None
        return CallFailure("provider-timeout", "", "transient", unknown=outcome == "late", idempotent=True)

    def draw(self) -> Stimulus:
        """Take any stimulus from the bag, or leave it there to come again; timers only once they are due."""
        soon = [n for n, each in enumerate(self.bag) if not (isinstance(each, Timer) and each.kind == "deadline")]
        early = not soon or self.random.random() < self.trouble / 100
        number = self.random.randrange(len(self.bag)) if early else self.random.choice(soon)
        stimulus = self.bag[number]
        if self.random.random() < 0.8:
            del self.bag[number]
        if isinstance(stimulus, Timer):
            self.now = max(self.now, stimulus.due_at)
        return stimulus


def play(random: Random) -> tuple[World, Instance]:
    """Run one instance to its end."""
    world = World(random, PROGRAM, trouble=random.choice([0, 1, 2, 6]))
    given = {"drugs": random.random() < 0.5, "fails": random.random() < 0.2}
    instance, effects = advance(PROGRAM, None, Start("i", given), world.now)
    world.serve(instance, effects)
    for _ in range(3000):
        if not world.bag:
            break
        before = instance.dump()
        moved, effects = advance(PROGRAM, instance, world.draw(), world.now)
        assert instance.dump() == before, "advance changes neither of its arguments"
        instance = moved
        world.serve(instance, effects)
        if instance.status == "running" and not any(isinstance(each, Result | Event) for each in world.bag):
            world.bag += [Event(token, {"order_no": "1"}) for token in instance.waits()]
    return world, instance


@settings(max_examples=150, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_every_interleaving_ends_completed_or_compensated_with_agreeing_ledgers(random: Random) -> None:
    world, instance = play(random)

    assert instance.status in ("completed", "compensated")
    assert not instance.tokens
    assert not instance.timers()
    assert not instance.waits()
    assert max(world.done.values(), default=0) <= 1, "nothing is done twice under one key"
    standing = {key for key in world.done if not world.taken_back[key]}
    if instance.status == "completed":
        assert not world.undone
        assert sorted(key.split(":")[1] for key in standing) == sorted(world.completed)
    else:
        assert not standing, "what was done is taken back"
        assert instance.failure is not None


@settings(max_examples=60, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_completed_steps_are_undone_once_and_the_youngest_first(random: Random) -> None:
    world, instance = play(random)

    if instance.status == "compensated":
        undone = [key.split(":")[1] for key in world.undone]
        completed_only = [step for step in undone if step in world.completed]
        assert completed_only == list(reversed(world.completed))
        assert len(set(undone)) == len(undone)
