"""Migration: a running instance goes over to another definition of its workflow, every place of it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from bus.orchestration.instance import Instance, Token
from bus.orchestration.program import Call, Fork, Join, Program, Wait
from bus.orchestration.sending import Sending
from bus.orchestration.stimuli import Effects
from transformers.errors import MappingFailed


@dataclass(frozen=True, slots=True)
class Migration:
    """What going over would mean. With ``problems`` it is not done; ``notes`` say what may not be expected."""

    instance: Instance
    effects: Effects
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a step stands: its number in the program, and the branches around it (parallel step, branch)."""

    pc: int
    instruction: Call | Wait | Fork
    path: tuple[tuple[str, int], ...]


_Places: TypeAlias = Mapping[str, _Place]


def migrate(old: Program, new: Program, instance: Instance, now: float) -> Migration:
    """Put ``instance``, which is not changed, from ``old`` into ``new``.

    What is under way must exist there under its name, in the same branch and with the same operation, and what was
    done must have its undo there. Calls that pause and waits take the new definition's request and match.
    """
    moved = instance.copy()
    moved.definition = new.hash
    mover = _Mover(old, new, moved, now)
    problems = tuple(mover.problems())
    effects = mover.effects(instance)
    anew = {token: wait for token, wait in moved.waits().items() if mover.waits_anew(token, instance)}
    return Migration(
        moved,
        replace(effects, waits_opened=anew, waits_closed=effects.waits_closed | frozenset(anew)),
        problems,
        tuple(mover.notes()),
    )


class _Mover(Sending):
    """Moves the tokens of its copy of an instance from one program to the other."""

    def __init__(self, old: Program, new: Program, instance: Instance, now: float) -> None:
        super().__init__(new, instance, now)
        self._old = old
        self._there = _places(new)
        self._here = _places(old)

    def problems(self) -> Iterator[str]:
        """Move every token that can be moved; answer why the others, or what is to be undone, cannot."""
        if self._old.hash == self._program.hash:
            yield "it is on this definition already"
        if self._old.workflow != self._program.workflow:
            yield f"it runs {self._old.workflow!r}, and this is a definition of {self._program.workflow!r}"
        for token in self._it.tokens.values():
            yield from self._undo_problems(token) if token.phase == "undo" else self._move(token)
        for entry in self._it.undo:
            call = self._program.calls.get(entry.step)
            if call is None or call.step.undo is None:
                yield f"step {entry.step!r} was done, and the new definition has nothing that would undo it"

    def notes(self) -> Iterator[str]:
        """What the new definition does differently about what lies behind the instance."""
        for entry in self._it.undo:
            before, after = self._old.calls[entry.step].step.undo, self._program.calls.get(entry.step)
            if before and after and after.step.undo and before.operation != after.step.undo.operation:
                yield (
                    f"step {entry.step!r} would be undone by {after.step.undo.operation}, no longer {before.operation}"
                )
        if self._it.failure is None:
            for name, place in self._there.items():
                if name not in self._here and not isinstance(place.instruction, Fork) and self._passed(place):
                    yield f"step {name!r} is new and stands before where the instance is: it will not be run"

    def waits_anew(self, token: str, before: Instance) -> bool:
        """Whether the wait of ``token`` is for another event, or another match, than it was."""
        was, now = self._old.code[before.tokens[token].pc], self._program.code[self._it.tokens[token].pc]
        same = isinstance(was, Wait) and isinstance(now, Wait) and was.step.event == now.step.event
        return not same or before.tokens[token].match != self._it.tokens[token].match

    def _passed(self, place: _Place) -> bool:
        for token in self._it.tokens.values():
            at = self._there.get(_name(self._old, token))
            if at is None:
                continue
            shared = sum(1 for ours, theirs in zip(place.path, at.path, strict=False) if ours == theirs)
            beside = len(place.path) > shared and len(at.path) > shared
            if not beside and place.pc < at.pc:
                return True
        return False

    def _undo_problems(self, token: Token) -> Iterator[str]:
        before, after = self._old.calls[token.step].step.undo, self._program.calls.get(token.step)
        if token.status == "stuck" or after is None or after.step.undo is None or before is None:
            return  # a stuck undo is made anew; one that has gone is reported with what is to be undone
        if after.step.undo.operation != before.operation:
            yield (
                f"step {token.step!r} is being undone by {before.operation}, "
                f"and the new definition would undo it by {after.step.undo.operation}"
            )

    def _move(self, token: Token) -> Iterator[str]:
        name = _name(self._old, token)
        here, there = self._here[name], self._there.get(name)
        if there is None:
            yield f"step {name!r} is under way, and the new definition has no step of this name"
            return
        if type(here.instruction) is not type(there.instruction):
            yield f"step {name!r} is under way, and is of another kind in the new definition"
            return
        if here.path != there.path:
            yield f"step {name!r} is under way, and stands in another branch in the new definition"
        token.pc = there.pc
        match there.instruction:
            case Fork(branches=branches) if isinstance(here.instruction, Fork):
                if len(branches) != len(here.instruction.branches):
                    yield f"step {name!r} has begun its branches, and has more or fewer in the new definition"
            case Call():
                yield from self._call_problems(token)
            case Wait() as wait:
                yield from self._match_anew(token, wait)

    def _call_problems(self, token: Token) -> Iterator[str]:
        before, after = self._old.calls[token.step].step, self._program.calls[token.step].step
        asked = (before.unknown, after.unknown) if token.phase == "unknown" else (before, after)
        operations = [each.operation if each else "nothing" for each in asked]
        begun = token.status == "calling" or token.doubtful
        if begun and operations[0] != operations[1]:
            yield (
                f"step {token.step!r} is under way with {operations[0]}, "
                f"and the new definition calls {operations[1]} there"
            )
        if not begun and token.status == "backoff":
            try:
                token.request = self._request(token)
            except MappingFailed as error:
                yield f"step {token.step!r} pauses, and its new request cannot be computed: {error}"

    def _match_anew(self, token: Token, wait: Wait) -> Iterator[str]:
        try:
            match = {name: expression.evaluate(self._it.context()) for name, expression in wait.match.items()}
        except MappingFailed as error:
            yield f"step {token.step!r} waits, and its new match cannot be computed: {error}"
            return
        if empty := sorted(name for name, value in match.items() if value is None):
            yield f"step {token.step!r} waits, and its new match gives null for {', '.join(empty)}"
        token.match = match


def _name(program: Program, token: Token) -> str:
    """The step at which a token stands; one that has forked stands at its parallel step."""
    instruction = program.code[token.pc]
    return instruction.step.name if isinstance(instruction, Fork) and not token.step else token.step


def _places(program: Program) -> _Places:
    """Every step at which a token can stand while it waits for the world."""
    found: dict[str, _Place] = {}
    around: list[tuple[Fork, int]] = []
    for pc, instruction in enumerate(program.code):
        if around and pc in around[-1][0].branches:
            around[-1] = (around[-1][0], around[-1][0].branches.index(pc))
        if isinstance(instruction, Call | Wait | Fork):
            path = tuple((fork.step.name, branch) for fork, branch in around)
            found[instruction.step.name] = _Place(pc, instruction, path)
        if isinstance(instruction, Fork):
            around.append((instruction, 0))
        elif isinstance(instruction, Join):
            around.pop()
    return found
