"""Puts workflow definitions together: ``run`` steps are replaced by what they run, and the whole gets its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import orjson

from registry.workflow_model import (
    PATIENT,
    CallStep,
    ChooseStep,
    FailStep,
    LinkedWorkflow,
    Option,
    ParallelStep,
    Path,
    Retry,
    RunStep,
    SetStep,
    Step,
    Undo,
    Unknown,
    WaitStep,
    WorkflowDefinition,
    WorkflowInvalid,
    located,
)
from transformers.document import Json


def link(definitions: Mapping[str, WorkflowDefinition]) -> Mapping[str, LinkedWorkflow]:
    """Inline every ``run`` step, prefixing the inlined steps' names with ``<run name>/``.

    Raises WorkflowInvalid with all runs of unknown workflows and all cycles; paths start with the workflow's name.
    """
    problems: list[tuple[Path, str]] = []
    for definition in definitions.values():
        for missing in sorted(definition.runs() - set(definitions)):
            known = ", ".join(sorted(definitions))
            where = _where_it_runs(definition, missing)
            problems.append((where, f"runs unknown workflow {missing!r}; known: {known}"))
    problems += [
        (_where_it_runs(definitions[cycle[0]], cycle[1]), f"workflows run each other in a circle: {' -> '.join(cycle)}")
        for cycle in _cycles(definitions)
    ]
    if problems:
        raise WorkflowInvalid(tuple(problems))
    return {name: _linked(definition, definitions) for name, definition in definitions.items()}


def _where_it_runs(definition: WorkflowDefinition, workflow: str) -> Path:
    runs = (path for path, step in located(definition.steps) if isinstance(step, RunStep) and step.workflow == workflow)
    return (definition.name, *next(runs), "run")


def _cycles(definitions: Mapping[str, WorkflowDefinition]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    settled: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            found.append((*trail[trail.index(name) :], name))
        elif name not in settled and name in definitions:
            for inner in sorted(definitions[name].runs()):
                visit(inner, (*trail, name))
            settled.add(name)

    for name in definitions:
        visit(name, ())
    return found


def _linked(definition: WorkflowDefinition, definitions: Mapping[str, WorkflowDefinition]) -> LinkedWorkflow:
    whole = replace(definition, steps=_inline(definition.steps, "", definitions))
    raw = to_raw(whole)
    return LinkedWorkflow(whole, raw, content_hash(raw))


def content_hash(raw: Mapping[str, Json]) -> str:
    """The SHA-256, in hex, of a linked definition's canonical JSON."""
    return hashlib.sha256(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _inline(steps: tuple[Step, ...], prefix: str, definitions: Mapping[str, WorkflowDefinition]) -> tuple[Step, ...]:
    return tuple(_inline_step(step, prefix, definitions) for step in steps)


def _inline_step(step: Step, prefix: str, definitions: Mapping[str, WorkflowDefinition]) -> Step:
    name = prefix + step.name
    match step:
        case ParallelStep(branches=branches):
            return replace(step, name=name, branches=tuple(_inline(b, prefix, definitions) for b in branches))
        case ChooseStep(options=options):
            inner = tuple(Option(option.when, _inline(option.steps, prefix, definitions)) for option in options)
            return replace(step, name=name, options=inner)
        case RunStep(workflow=workflow):
            return replace(step, name=name, steps=_inline(definitions[workflow].steps, f"{name}/", definitions))
        case _:
            return replace(step, name=name)


def to_raw(definition: WorkflowDefinition) -> dict[str, Json]:
    """The definition as the JSON that ``parse_workflow`` reads, defaults left out."""
    return _without_defaults(
        {
            "name": definition.name,
            "version": definition.version,
            "title": dict(definition.title),
            "keys": dict(definition.keys),
            "steps": [_step_raw(step) for step in definition.steps],
        }
    )


def _step_raw(step: Step) -> dict[str, Json]:
    own: dict[str, Json]
    match step:
        case CallStep():
            own = {
                "call": step.operation,
                "with": step.request,
                "save": step.save,
                "retry": _retry_raw(step.retry, Retry()),
                "deadline": step.deadline,
                "undo": {"none": step.undone_by_nothing} if step.undone_by_nothing else _extra_raw(step.undo),
                "unknown": _extra_raw(step.unknown),
            }
        case WaitStep():
            own = {
                "wait": step.event,
                "match": dict(step.match),
                "save": step.save,
                "deadline": step.deadline,
                "late": step.late,
            }
        case SetStep():
            own = {"set": dict(step.values)}
        case FailStep():
            own = {"fail": step.reason}
        case ParallelStep():
            own = {"parallel": [[_step_raw(inner) for inner in branch] for branch in step.branches]}
        case ChooseStep():
            own = {"choose": [_option_raw(option) for option in step.options]}
        case RunStep():
            steps: Json = None if step.steps is None else [_step_raw(inner) for inner in step.steps]
            own = {"run": step.workflow, "steps": steps}
    return _without_defaults({"name": step.name, "title": dict(step.title), "when": step.when, **own})


def _option_raw(option: Option) -> dict[str, Json]:
    raw: dict[str, Json] = {"when": option.when} if option.when else {}
    return {**raw, "steps": [_step_raw(inner) for inner in option.steps]}


def _retry_raw(retry: Retry, default: Retry) -> Json:
    return None if retry == default else {"attempts": retry.attempts, "first": retry.first, "max": retry.max}


def _extra_raw(extra: Undo | Unknown | None) -> Json:
    if extra is None:
        return None
    raw: dict[str, Json] = {"call": extra.operation, "with": extra.request, "retry": _retry_raw(extra.retry, PATIENT)}
    if isinstance(extra, Unknown):
        raw["then"] = extra.then
    if isinstance(extra, Unknown) and extra.done:
        raw |= {"done": extra.done, "as": extra.reply}
    return _without_defaults(raw)


def _without_defaults(raw: dict[str, Json]) -> dict[str, Json]:
    # Empty lists stay: a branch or an inlined workflow may hold no steps.
    return {key: value for key, value in raw.items() if value is not None and value not in ("", {})}
