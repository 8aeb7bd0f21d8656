"""How far an instance has come, step by step: what its history and its tokens say, for diagrams and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from registry.workflow import ChooseStep, SetStep, Step, children, walk

#: open: not reached. settling: an unknown outcome is being asked for or reversed. stuck: waits for a person.
#: undoing and undone: taken back, or on the way to it.
StepState: TypeAlias = Literal[
    "open", "calling", "waiting", "retrying", "settling", "done", "skipped", "failed", "unknown", "late",
    "stuck", "undoing", "undone",
]  # fmt: skip

#: Every state by a shape of its own, so that no colour is needed to tell them apart.
SHAPES: Mapping[StepState, str] = {
    "open": "○",
    "calling": "▶",
    "waiting": "◔",
    "retrying": "↻",
    "settling": "↺",
    "done": "●",
    "skipped": "⊘",
    "failed": "✖",
    "unknown": "？",
    "late": "▲",
    "stuck": "‖",
    "undoing": "↩",
    "undone": "↶",
}
#: The states of a step that the instance is in now.
HERE: frozenset[StepState] = frozenset({"calling", "waiting", "retrying", "settling", "late", "stuck", "undoing"})

#: What a line of the history says of its step, by the direction it was made in.
_ENDED: Mapping[tuple[str, str], StepState] = {
    ("do", "completed"): "done",
    ("do", "skipped"): "skipped",
    ("do", "failed"): "failed",
    ("do", "unknown"): "unknown",
    ("do", "late"): "late",
    ("unknown", "skipped"): "done",
    ("undo", "completed"): "undone",
    ("undo", "skipped"): "undone",
}
_UNDER_WAY: Mapping[tuple[str, str], StepState] = {
    ("do", "calling"): "calling",
    ("do", "waiting"): "waiting",
    ("do", "backoff"): "retrying",
    ("undo", "calling"): "undoing",
    ("undo", "backoff"): "undoing",
    ("unknown", "calling"): "settling",
    ("unknown", "backoff"): "settling",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where one step stands. ``attempts`` counts its calls in this direction; times are Unix seconds, 0 for none."""

    state: StepState = "open"
    attempts: int = 0
    error: str = ""
    at: float = 0.0
    took: float = 0.0
    due_at: float = 0.0


OPEN = Mark()


def marks(steps: tuple[Step, ...], instance: Mapping[str, Any]) -> Mapping[str, Mark]:
    """The mark of every step of a linked definition, by name.

    ``instance`` is what ``get_instance`` answers; its ``steps`` (the history) and ``places`` (the tokens) are read.
    """
    known: dict[str, Mark] = {}
    for line in instance["steps"]:
        known[line["step"]] = _of_line(line, known.get(line["step"], OPEN))
    for place in instance["places"]:
        known[place["step"]] = _of_place(place, known.get(place["step"], OPEN))
    _infer(steps, known, passed=instance["status"] == "completed")
    return {step.name: known.get(step.name, OPEN) for step in walk(steps)}


def _of_line(line: Mapping[str, Any], before: Mark) -> Mark:
    state = _ENDED.get((line["phase"], line["status"]), before.state)
    took = line["ended_at"] - line["started_at"] if line["ended_at"] else 0.0
    return Mark(state, line["attempt"], line["error"], line["started_at"], took)


def _of_place(place: Mapping[str, Any], before: Mark) -> Mark:
    late = before.state == "late" and place["status"] == "waiting"
    fallback: StepState = "stuck" if place["status"] == "stuck" else "open"
    state: StepState = "late" if late else _UNDER_WAY.get((place["phase"], place["status"]), fallback)
    due = place["retry_at"] if place["status"] == "backoff" else place["deadline_at"]
    return Mark(state, before.attempts, place["error"] or before.error, before.at, 0.0, due)


def _infer(steps: tuple[Step, ...], known: dict[str, Mark], *, passed: bool) -> bool:
    """A ``set`` leaves no history: it is done once something behind it has begun. Answer whether anything has."""
    begun = False
    for step in reversed(steps):
        # Of a choice nobody can tell from outside which way was taken, nor was a skipped group walked.
        inside = passed and not isinstance(step, ChooseStep) and step.name not in known
        inner = [_infer(each, known, passed=inside) for each in children(step)]
        if any(inner) or step.name in known:
            passed = begun = True
        elif passed and isinstance(step, SetStep):
            known[step.name] = Mark("done")
    return begun
