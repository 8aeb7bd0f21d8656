"""What is wrong with a definition although every word of it is right: steps never reached, writes nothing undoes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from registry.conformity import nearest
from registry.model import Operation, Service
from registry.workflow_model import (
    CallStep,
    ChooseStep,
    FailStep,
    ParallelStep,
    Path,
    RunStep,
    Step,
    WaitStep,
    WorkflowDefinition,
    located,
)

#: A path in the definition, what is wrong there, and what to do about it.
Finding: TypeAlias = tuple[Path, str, str]


def unreachable(definition: WorkflowDefinition, definitions: Mapping[str, WorkflowDefinition]) -> Iterator[Finding]:
    """Steps that no instance can come to: after one that always fails, or under a condition that never holds.

    ``definitions`` must run each other without a circle.
    """
    for path, steps in _lists(definition.steps, ("steps",)):
        for number, step in enumerate(steps):
            if step.when.strip() in ("false", "null"):
                yield (*path, number, "when"), f"step {step.name!r} is never run: its condition never holds", ""
            if number and _always_fails(steps[number - 1], definitions):
                before = steps[number - 1].name
                hint = f"give {before!r} a condition, or drop what stands after it"
                yield (*path, number), f"step {step.name!r} is never reached: {before!r} always fails", hint
                break


def _lists(steps: tuple[Step, ...], path: Path) -> Iterator[tuple[Path, tuple[Step, ...]]]:
    yield path, steps
    for here, step in located(steps, path):
        match step:
            case ParallelStep(branches=branches):
                yield from (((*here, "parallel", number), branch) for number, branch in enumerate(branches))
            case ChooseStep(options=options):
                yield from (((*here, "choose", number, "steps"), each.steps) for number, each in enumerate(options))
            case _:
                pass


def _always_fails(step: Step, definitions: Mapping[str, WorkflowDefinition]) -> bool:
    if step.when.strip() not in ("", "true"):
        return False
    match step:
        case FailStep():
            return True
        case ParallelStep(branches=branches):
            return any(_all_fail(branch, definitions) for branch in branches)
        case ChooseStep(options=options):
            total = options[-1].when.strip() in ("", "true") if options else False
            return total and all(_all_fail(option.steps, definitions) for option in options)
        case RunStep(workflow=workflow) if workflow in definitions:
            return _all_fail(definitions[workflow].steps, definitions)
        case _:
            return False


def _all_fail(steps: tuple[Step, ...], definitions: Mapping[str, WorkflowDefinition]) -> bool:
    return any(_always_fails(step, definitions) for step in steps)


def careless(definition: WorkflowDefinition, services: Mapping[str, Service]) -> Iterator[Finding]:
    """Writes that a failing instance could not take back, and settling calls that settle nothing."""
    for path, step in located(definition.steps):
        if not isinstance(step, CallStep):
            continue
        called = _operation(step.operation, services)
        if called is not None and called.effect == "write" and step.undo is None and not step.undone_by_nothing:
            hint = "name its undo, or say undo: {none: why nothing needs to be undone}"
            yield path, f"step {step.name!r} writes by {step.operation}, and nothing would undo it", hint
        settles = _operation(step.unknown.operation, services) if step.unknown else None
        if step.unknown and settles is not None:
            here = (*path, "unknown", "call")
            if settles.effect == "read" and not step.unknown.done:
                hint = "say in done how its reply tells that the step was done"
                yield here, f"{step.unknown.operation} reads, and would reverse nothing", hint
            elif settles.effect == "write" and step.unknown.done:
                yield here, f"{step.unknown.operation} writes, and is meant to ask", "leave out done to reverse by it"


def doubtful(
    definition: WorkflowDefinition, services: Mapping[str, Service], raised: Collection[str]
) -> Iterator[Finding]:
    """What is allowed and probably not meant: an outcome that could stay unknown, an event that nobody raises."""
    for path, step in located(definition.steps):
        if isinstance(step, WaitStep) and step.event not in raised:
            yield (*path, "wait"), f"waits for {step.event}, which no operation raises", nearest(step.event, raised)
        if isinstance(step, CallStep) and not step.unknown and not step.undo:
            called = _operation(step.operation, services)
            if called is None or called.query is not None:
                continue
            if called.effect == "write" and not called.policy.idempotent:
                hint = "say in unknown how it is asked for or reversed, or idempotent: true if repeats do no harm"
                yield path, f"the outcome of step {step.name!r} could stay unknown, and nothing takes it back", hint


def _operation(name: str, services: Mapping[str, Service]) -> Operation | None:
    """The operation that a workflow's call reaches, or the one of another version, which a release may make so."""
    service_name, _, operation = name.partition(".")
    service = services.get(service_name)
    if service is None:
        return None
    default = service.versions.get(service.default)
    versions = ([default] if default else []) + list(service.versions.values())
    return next((version.operations[operation] for version in versions if operation in version.operations), None)
