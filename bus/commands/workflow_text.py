"""A workflow's definition as lines of text with the step an instance is in, for terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bus.commands.columns import cut, fit, wide
from bus.orchestration.progress import HERE, OPEN, SHAPES, Mark
from registry.workflow import CallStep, ChooseStep, FailStep, ParallelStep, RunStep, SetStep, Step, WaitStep

#: What each shape and line is where the terminal knows no more than ASCII.
ASCII = str.maketrans(
    dict(zip(SHAPES.values(), (".", ">", "w", "r", "s", "+", "-", "X", "?", "!", "H", "<", "u"), strict=True))
    | {"├": "|", "└": "`", "│": "|", "─": "-", "┬": "+", "◇": "*", "▣": "#", "◀": "<", "…": "~", "·": "-"}
)


@dataclass(frozen=True, slots=True)
class _Line:
    """``tree`` holds the branches and the shape, ``what`` the operation or the event, empty for what holds others."""

    tree: str
    what: str
    state: str


def diagram(
    steps: Sequence[Step], marks: Mapping[str, Mark], *, moment: Callable[[float], str], width: int
) -> list[str]:
    """The lines, none wider than ``width`` columns. ``moment`` writes Unix seconds as a time of day."""
    lines = list(_stack(steps, marks, moment, ""))
    leaves = [line for line in lines if line.what]
    tree = min(max((wide(line.tree) for line in leaves), default=0), width // 2)
    what = min(max((wide(line.what) for line in leaves), default=0), max(width - tree - 30, 12))
    return [cut(_row(line, tree, what), width) for line in lines]


def _row(line: _Line, tree: int, what: int) -> str:
    if not line.what:
        return f"{line.tree}  {line.state}".rstrip()
    return f"{fit(line.tree, tree)}  {fit(line.what, what)}  {line.state}".rstrip()


def _stack(
    steps: Sequence[Step], marks: Mapping[str, Mark], moment: Callable[[float], str], lead: str
) -> Iterator[_Line]:
    for step in steps:
        mark = marks.get(step.name, OPEN)
        name = step.name.rpartition("/")[2]
        state = _state(mark, moment)
        match step:
            case ParallelStep():
                yield _Line(f"{lead}┬ {name}: all of these at once", "", state)
                for number, branch in enumerate(step.branches, 1):
                    yield from _branch(branch, marks, moment, lead, last=number == len(step.branches))
            case ChooseStep():
                yield _Line(f"{lead}◇ {name}: the first that holds", "", state)
                for number, option in enumerate(step.options, 1):
                    last = number == len(step.options)
                    condition = f"when {' '.join(option.when.split())}" if option.when else "otherwise"
                    yield _Line(f"{lead}{'└' if last else '├'}─ {condition}", "", "")
                    yield from _stack(option.steps, marks, moment, f"{lead}{' ' if last else '│'}  ")
            case RunStep():
                yield _Line(
                    f"{lead}▣ {name}" + (f": workflow {step.workflow}" if step.workflow != name else ""), "", state
                )
                yield from _stack(step.steps or (), marks, moment, f"{lead}│ ")
            case _:
                yield _Line(f"{lead}{SHAPES[mark.state]} {name}", _doing(step), state)


def _branch(
    branch: Sequence[Step], marks: Mapping[str, Mark], moment: Callable[[float], str], lead: str, *, last: bool
) -> Iterator[_Line]:
    further = f"{lead}{' ' if last else '│'}  "
    for number, line in enumerate(_stack(branch, marks, moment, further)):
        first = f"{lead}{'└' if last else '├'}─ "
        yield line if number else _Line(first + line.tree[len(further) :], line.what, line.state)


def _doing(step: Step) -> str:
    match step:
        case CallStep():
            return step.operation
        case WaitStep():
            return f"event {step.event}"
        case SetStep():
            return "set"
        case FailStep():
            return "fail"
        case _:
            return ""


def _state(mark: Mark, moment: Callable[[float], str]) -> str:
    if mark == OPEN:
        return ""
    words = [mark.state + (f" ×{mark.attempts}" if mark.attempts > 1 else "")]
    if mark.error and mark.state not in ("done", "undone", "skipped"):
        words.append(mark.error)
    if mark.state in HERE and mark.due_at:
        words.append(f"{'again' if mark.state == 'retrying' else 'until'} {moment(mark.due_at)}")
    elif mark.state in HERE and mark.at:
        words.append(f"since {moment(mark.at)}")
    return ("◀ " if mark.state in HERE else "") + " · ".join(words)
