"""The words of a workflow as frozen values: what integration teams write, parsed, and nothing of how it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from registry.errors import RegistryError
from registry.model import Title
from transformers.document import Json

#: Where in the definition something is: keys and indexes from its root.
Path: TypeAlias = "tuple[str | int, ...]"


class WorkflowInvalid(RegistryError):
    """A definition that cannot be run; ``problems`` holds every reason with its path in the definition."""

    def __init__(self, problems: tuple[tuple[Path, str], ...]) -> None:
        super().__init__("\n".join(f"{'.'.join(map(str, path)) or '(root)'}: {text}" for path, text in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Retry:
    """How transient errors are retried: ``attempts`` in all, the first after up to ``first`` seconds, then doubling
    up to ``max`` seconds, each with full jitter."""

    attempts: int = 5
    first: float = 0.5
    max: float = 30.0


#: Compensations and reversals are worth more patience than the calls they undo.
PATIENT = Retry(attempts=10, first=0.5, max=30.0)


@dataclass(frozen=True, slots=True)
class Undo:
    """The call that takes a completed step back. ``request`` is jq, evaluated when the undo is made."""

    operation: str
    request: str = ".input"
    retry: Retry = PATIENT


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call that settles an unknown outcome before anything else happens, and what follows it.

    Without ``done`` it reverses what may have been done. With it, it asks: ``done`` is jq that also sees the query's
    ``reply``; when it holds, the step was done and ``reply`` is jq for what it would have answered. ``then`` says
    whether a step that was reversed, or was not done, is sent again.
    """

    operation: str
    request: str = ".input"
    done: str = ""
    reply: str = ".reply"
    then: Literal["retry", "fail"] = "retry"
    retry: Retry = PATIENT


@dataclass(frozen=True, slots=True)
class CallStep:
    """One call of ``service.operation``. ``request`` is jq over {id, input, vars, key}; ``save`` names the variable
    that keeps the reply; ``deadline`` is seconds from the step's first start; ``undone_by_nothing`` is the reason why
    a write has no ``undo``."""

    name: str
    operation: str
    title: Title = field(default_factory=dict)
    when: str = ""
    request: str = ".input"
    save: str = ""
    retry: Retry = Retry()
    deadline: float | None = None
    undo: Undo | None = None
    undone_by_nothing: str = ""
    unknown: Unknown | None = None


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Waits for an event whose fields equal the values of ``match``. ``late`` says what its deadline does."""

    name: str
    event: str
    title: Title = field(default_factory=dict)
    when: str = ""
    match: Mapping[str, str] = field(default_factory=dict)
    save: str = ""
    deadline: float | None = None
    late: Literal["fail", "alert"] = "fail"


@dataclass(frozen=True, slots=True)
class SetStep:
    """Computes variables with jq, in the order written."""

    name: str
    values: Mapping[str, str]
    title: Title = field(default_factory=dict)
    when: str = ""


@dataclass(frozen=True, slots=True)
class FailStep:
    """Fails the instance on purpose; ``reason`` is jq."""

    name: str
    reason: str
    title: Title = field(default_factory=dict)
    when: str = ""


@dataclass(frozen=True, slots=True)
class ParallelStep:
    """Runs its branches at the same time and goes on when all have ended."""

    name: str
    branches: tuple[tuple[Step, ...], ...]
    title: Title = field(default_factory=dict)
    when: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One way of a choice; an empty ``when`` is the otherwise."""

    when: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ChooseStep:
    """Takes the first option whose condition holds, or none."""

    name: str
    options: tuple[Option, ...]
    title: Title = field(default_factory=dict)
    when: str = ""


@dataclass(frozen=True, slots=True)
class RunStep:
    """Another workflow in this place. ``steps`` is None until the definitions are linked."""

    name: str
    workflow: str
    title: Title = field(default_factory=dict)
    when: str = ""
    steps: tuple[Step, ...] | None = None


Step: TypeAlias = CallStep | WaitStep | SetStep | FailStep | ParallelStep | ChooseStep | RunStep


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Every step in the order written, outer before inner."""
    for step in steps:
        yield step
        for inner in children(step):
            yield from walk(inner)


def located(steps: tuple[Step, ...], path: Path = ("steps",)) -> Iterator[tuple[Path, Step]]:
    """Every step as ``walk`` gives it, each with its path in the definition as it was written."""
    for number, step in enumerate(steps):
        here = (*path, number)
        yield here, step
        match step:
            case ParallelStep(branches=branches):
                for position, branch in enumerate(branches):
                    yield from located(branch, (*here, "parallel", position))
            case ChooseStep(options=options):
                for position, option in enumerate(options):
                    yield from located(option.steps, (*here, "choose", position, "steps"))
            case _:
                pass


def children(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The lists of steps inside a step."""
    match step:
        case ParallelStep(branches=branches):
            return branches
        case ChooseStep(options=options):
            return tuple(option.steps for option in options)
        case RunStep(steps=steps) if steps is not None:
            return (steps,)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class WorkflowDefinition:
    """A workflow as written. ``keys`` maps the instance's business keys to jq over {id, input, vars}."""

    name: str
    version: str
    steps: tuple[Step, ...]
    title: Title = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def operations(self) -> frozenset[str]:
        """Every ``service.operation`` it may call, compensations and reversals included."""
        found: set[str] = set()
        for step in walk(self.steps):
            if isinstance(step, CallStep):
                found.add(step.operation)
                found.update(extra.operation for extra in (step.undo, step.unknown) if extra)
        return frozenset(found)

    def events(self) -> frozenset[str]:
        """Every event it waits for."""
        return frozenset(step.event for step in walk(self.steps) if isinstance(step, WaitStep))

    def runs(self) -> frozenset[str]:
        """Every other workflow it runs in place."""
        return frozenset(step.workflow for step in walk(self.steps) if isinstance(step, RunStep))


@dataclass(frozen=True, slots=True)
class LinkedWorkflow:
    """A definition with every ``run`` inlined. ``raw`` is its JSON, ``hash`` the SHA-256 of that: instances keep the
    hash they started with, so a new release never changes a workflow under way."""

    definition: WorkflowDefinition
    raw: Mapping[str, Json]
    hash: str

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.definition.name

    @property
    def version(self) -> str:
        """The workflow's version."""
        return self.definition.version

    def operations(self) -> frozenset[str]:
        """Every ``service.operation`` it may call."""
        return self.definition.operations()

    def events(self) -> frozenset[str]:
        """Every event it waits for."""
        return self.definition.events()
