"""A linked workflow as a flat program: what the engine's tokens walk over, so that their place is one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bus.orchestration.expressions import Expression
from registry.workflow import (
    CallStep,
    ChooseStep,
    FailStep,
    LinkedWorkflow,
    ParallelStep,
    RunStep,
    SetStep,
    Step,
    WaitStep,
)


@dataclass(frozen=True, slots=True)
class Call:
    """Make the step's call and wait for its result."""

    step: CallStep
    request: Expression
    undo: Expression
    unknown: Expression
    done: Expression
    reply: Expression


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the step's event."""

    step: WaitStep
    match: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Set:
    """Compute variables."""

    step: SetStep
    values: Mapping[str, Expression]


@dataclass(frozen=True, slots=True)
class Unless:
    """Go to ``target`` when the condition does not hold; ``skips`` names the step that is then left out."""

    condition: Expression
    target: int
    skips: str = ""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go to ``target``."""

    target: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Begin a token at each of these places; the forking one waits for all of them."""

    step: ParallelStep
    branches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """End this token; the last one lets the token that forked go on behind this instruction."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail the instance."""

    step: FailStep
    reason: Expression


@dataclass(frozen=True, slots=True)
class End:
    """The instance is complete."""


Instruction: TypeAlias = Call | Wait | Set | Unless | Jump | Fork | Join | Fail | End


@dataclass(frozen=True, slots=True)
class Program:
    """The instructions, the calls by step name, and the expressions of the business keys."""

    workflow: str
    version: str
    hash: str
    code: tuple[Instruction, ...]
    calls: Mapping[str, Call] = field(default_factory=dict)
    keys: Mapping[str, Expression] = field(default_factory=dict)


def compile_program(workflow: LinkedWorkflow) -> Program:
    """Compile a linked workflow. Raises TransformerInvalid for an expression that does not compile."""
    code: list[Instruction] = []
    _steps(workflow.definition.steps, code)
    code.append(End())
    calls = {instruction.step.name: instruction for instruction in code if isinstance(instruction, Call)}
    # A key may hold several values: the array takes them all, and the newline ends a comment in the expression.
    keys = {name: Expression.compile(f"[{source}\n]") for name, source in workflow.definition.keys.items()}
    return Program(workflow.name, workflow.version, workflow.hash, tuple(code), calls, keys)


def _steps(steps: tuple[Step, ...], code: list[Instruction]) -> None:
    for step in steps:
        if not step.when:
            _step(step, code)
            continue
        guard = _reserve(code)
        _step(step, code)
        code[guard] = Unless(Expression.compile(step.when), len(code), step.name)


def _step(step: Step, code: list[Instruction]) -> None:
    match step:
        case CallStep():
            code.append(_call(step))
        case WaitStep():
            code.append(Wait(step, {name: Expression.compile(source) for name, source in step.match.items()}))
        case SetStep():
            code.append(Set(step, {name: Expression.compile(source) for name, source in step.values.items()}))
        case FailStep():
            code.append(Fail(step, Expression.compile(step.reason)))
        case ParallelStep():
            _parallel(step, code)
        case ChooseStep():
            _choose(step, code)
        case RunStep():
            _steps(step.steps or (), code)


def _call(step: CallStep) -> Call:
    return Call(
        step,
        Expression.compile(step.request),
        Expression.compile(step.undo.request if step.undo else ""),
        Expression.compile(step.unknown.request if step.unknown else ""),
        Expression.compile(step.unknown.done if step.unknown else ""),
        Expression.compile(step.unknown.reply if step.unknown else ""),
    )


def _parallel(step: ParallelStep, code: list[Instruction]) -> None:
    """Fork, then the branches one behind the other; each but the last jumps over the rest to the join."""
    fork = _reserve(code)
    starts: list[int] = []
    jumps: list[int] = []
    for number, branch in enumerate(step.branches):
        starts.append(len(code))
        _steps(branch, code)
        if number + 1 < len(step.branches):
            jumps.append(_reserve(code))
    for jump in jumps:
        code[jump] = Jump(len(code))
    code.append(Join())
    code[fork] = Fork(step, tuple(starts))


def _choose(step: ChooseStep, code: list[Instruction]) -> None:
    jumps: list[int] = []
    for option in step.options:
        guard = _reserve(code) if option.when else None
        _steps(option.steps, code)
        jumps.append(_reserve(code))
        if guard is not None:
            code[guard] = Unless(Expression.compile(option.when), len(code))
    for jump in jumps:
        code[jump] = Jump(len(code))


def _reserve(code: list[Instruction]) -> int:
    """Hold a place for an instruction whose target is not known yet."""
    code.append(End())
    return len(code) - 1
