"""What the pages and the admin API say of workflow instances, as plain dictionaries; no HTTP, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bus.console.masking import all_operations, masked_keys, personal_keys
from bus.console.ports import ConsolePorts
from bus.orchestration.instances import Wanted
from bus.orchestration.orders import REASONED
from bus.orchestration.progress import Mark, marks
from bus.orchestration.stimuli import Verb
from registry.workflow import Step, WorkflowInvalid, load_linked

#: Every verb in the order in which it is offered, those that change least first.
VERBS: tuple[Verb, ...] = ("acknowledge", "retry", "skip", "compensate", "cancel", "migrate")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A linked definition's steps and their marks in one instance."""

    steps: tuple[Step, ...]
    marks: Mapping[str, Mark]


def drawn(instance: Mapping[str, Any]) -> Drawn | None:
    """What a diagram of this instance shows; None for a stored definition that can no longer be read."""
    try:
        steps = load_linked(instance["definition"]).definition.steps
    except WorkflowInvalid:
        return None
    return Drawn(steps, marks(steps, instance))


def verb(name: str) -> Verb | None:
    """The verb of this name; None when there is none."""
    return next((verb for verb in VERBS if verb == name), None)


def page(console: ConsolePorts, wanted: Wanted) -> list[dict[str, Any]]:
    """One page of instances, newest first, their personal keys masked."""
    return [line(console, one) for one in console.workflows.page(wanted)]


def line(console: ConsolePorts, one: Mapping[str, Any]) -> dict[str, Any]:
    """One instance of a list. A workflow's keys have no declaration of their own: what is personal anywhere is here."""
    personal = personal_keys(all_operations(console.registry.snapshot))
    return dict(one) | {"keys": masked_keys(one["keys"], personal)}


def detail(console: ConsolePorts, instance: str) -> dict[str, Any] | None:
    """One instance with its history; what it knows of the patient is left out. None when there is none."""
    one = console.workflows.one(instance)
    if one is None:
        return None
    seen = drawn(one)
    waits = [{name: value for name, value in wait.items() if name != "match"} for wait in one["waits"]]
    progress = [] if seen is None else [{"step": name, **asdict(mark)} for name, mark in seen.marks.items()]
    own = {key: value for key, value in line(console, one).items() if key not in ("input", "vars")}
    return own | {"waits": waits, "progress": progress, "verbs": verbs(one)}


def verbs(instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What may be ordered now: each verb, the steps it may name, and whether it needs a reason."""
    allowed = instance["verbs"]
    return [
        {"verb": verb, "steps": list(allowed[verb]), "reasoned": verb in REASONED} for verb in VERBS if verb in allowed
    ]


def tasks(console: ConsolePorts) -> list[dict[str, Any]]:
    """What waits for a person, the longest first."""
    return [dict(task) | {"verbs": verbs(task)} for task in console.workflows.tasks()]
