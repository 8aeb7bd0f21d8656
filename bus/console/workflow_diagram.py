"""A workflow's definition as a picture with the step an instance is in: laid out in layers, drawn as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bus.console.words import Language, title_of
from bus.orchestration.progress import HERE, OPEN, SHAPES, Mark
from registry.workflow import CallStep, ChooseStep, FailStep, ParallelStep, RunStep, SetStep, Step, WaitStep

WIDTH = 216
HEIGHT = 44
GAP = 18
BETWEEN = 20
#: The rules of a page that holds a picture.
STYLE = Path(__file__).with_name("static") / "workflow.css"
#: Room for a frame's or a branch's own words.
TITLE = 22
BYPASS = 28

Say = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of the picture. It is entered at the middle of its top and left at the middle of its bottom;
    ``draw`` gives its SVG with its left upper corner at this place."""

    width: int
    height: int
    draw: Callable[[int, int], str]


def draw(
    steps: Sequence[Step],
    marks: Mapping[str, Mark],
    *,
    say: Say,
    language: Language,
    caption: str = "",
    alone: bool = False,
) -> str:
    """Draw these steps. ``say`` gives the console's word for a key; each step links to ``#step-<its name>``.

    ``alone`` makes a file of its own, which brings its colours with it.
    """
    drawing = _Drawing(marks, say, language)
    whole = drawing.stack(steps)
    width, height = whole.width + 2 * GAP, whole.height + 4 * GAP
    middle = width // 2
    ends = (
        f'<circle class="end" cx="{middle}" cy="{GAP // 2 + 2}" r="6"/>{_line(middle, GAP // 2 + 8, 2 * GAP)}'
        f"{_line(middle, height - 2 * GAP, height - GAP // 2 - 8)}"
        f'<circle class="end" cx="{middle}" cy="{height - GAP // 2 - 2}" r="6"/>'
    )
    style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>" if alone else ""
    return (
        f'<svg class="workflow" role="img" aria-label="{escape(caption)}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{style}{ends}{whole.draw(GAP, 2 * GAP)}</svg>"
    )


class _Drawing:
    """Turns steps into blocks, inner ones first."""

    def __init__(self, marks: Mapping[str, Mark], say: Say, language: Language) -> None:
        self._marks = marks
        self._say = say
        self._language: Language = language

    def stack(self, steps: Sequence[Step]) -> _Block:
        """Steps one below the other."""
        blocks = [self._block(step) for step in steps]
        width = max((block.width for block in blocks), default=BYPASS)
        height = sum(block.height for block in blocks) + GAP * max(len(blocks) - 1, 0)

        def drawn(x: int, y: int) -> str:
            middle, parts = x + width // 2, []
            for place, block in enumerate(blocks):
                if place:
                    parts.append(_line(middle, y - GAP, y))
                parts.append(block.draw(middle - block.width // 2, y))
                y += block.height + GAP
            return "".join(parts) or _line(middle, y, y)

        return _Block(width, height, drawn)

    def _block(self, step: Step) -> _Block:
        match step:
            case ParallelStep():
                return self._branches(step, [("", self.stack(branch)) for branch in step.branches], "bar")
            case ChooseStep():
                ways = [(option.when or "otherwise", self.stack(option.steps)) for option in step.options]
                bypass = [] if any(not option.when for option in step.options) else [("", self.stack(()))]
                return self._branches(step, ways + bypass, "choice")
            case RunStep():
                return self._frame(step, self.stack(step.steps or ()))
            case _:
                return _Block(WIDTH, HEIGHT, lambda x, y: self._step(step, x, y))

    def _branches(self, step: Step, ways: Sequence[tuple[str, _Block]], kind: str) -> _Block:
        """Columns between two bars (all of them are walked) or two thin lines (one of them is)."""
        head = TITLE + 8 if any(label for label, _ in ways) else GAP
        tallest = max((block.height for _, block in ways), default=0)
        width = sum(block.width for _, block in ways) + BETWEEN * max(len(ways) - 1, 0)
        height = head + tallest + GAP

        def drawn(x: int, y: int) -> str:
            bottom, left = y + height, x
            middles, parts = [x + width // 2], []
            for label, block in ways:
                middle = left + block.width // 2
                middles.append(middle)
                parts.append(_line(middle, y, y + head))
                parts.append(block.draw(left, y + head))
                parts.append(_line(middle, y + head + block.height, bottom))
                if label:
                    parts.append(self._condition(label, middle, y + head - 8, block.width))
                left += block.width + BETWEEN
            ends = f'x1="{min(middles)}" x2="{max(middles)}"'
            title = f"<title>{escape(self._title(step))}</title>"
            for at in (y, bottom):
                parts.append(f'<line class="{kind}" {ends} y1="{at}" y2="{at}">{title}</line>')
            if kind == "choice":
                parts.append(f'<path class="choice" d="M{middles[0]} {y - 7}l7 7-7 7-7-7z">{title}</path>')
            return "".join(parts)

        return _Block(width, height, drawn)

    def _frame(self, step: RunStep, inner: _Block) -> _Block:
        width, height = inner.width + 2 * BETWEEN, inner.height + TITLE + 2 * GAP
        mark = self._marks.get(step.name, OPEN)

        def drawn(x: int, y: int) -> str:
            middle, top = x + width // 2, y + TITLE + GAP
            words = f"{self._title(step)} · {step.workflow}" if self._title(step) != step.workflow else step.workflow
            note = f" {SHAPES[mark.state]} {self._say('step_' + mark.state)}" if mark != OPEN else ""
            return (
                f"{_line(middle, y, top)}"
                f'<rect class="group" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
                f'<text class="group" x="{x + 12}" y="{y + 17}">{escape(_short(words + note, width - 24))}</text>'
                f"{inner.draw(x + BETWEEN, top)}"
                f"{_line(middle, y + height - GAP, y + height)}"
            )

        return _Block(width, height, drawn)

    def _step(self, step: Step, x: int, y: int) -> str:
        mark = self._marks.get(step.name, OPEN)
        state = "" if mark == OPEN else self._say(f"step_{mark.state}")
        tries = f" ×{mark.attempts}" if mark.attempts > 1 else ""
        below = f"{state}{tries}" + (f" · {mark.error}" if mark.error and mark.state not in ("done", "undone") else "")
        style = f"step {mark.state}{' here' if mark.state in HERE else ''}{' guarded' if step.when else ''}"
        full = f"{step.name}: {_doing(step)}" + (f"\nwhen {step.when}" if step.when else "")
        return (
            f'<a href="#step-{escape(step.name)}"><g class="{style}"><title>{escape(full)}</title>'
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
            f'<text class="shape" x="{x + 17}" y="{y + 28}" text-anchor="middle">{SHAPES[mark.state]}</text>'
            f'<text class="name" x="{x + 34}" y="{y + 19}">{escape(_short(self._title(step), WIDTH - 42))}</text>'
            f'<text class="what" x="{x + 34}" y="{y + 35}">{escape(_short(below or _doing(step), WIDTH - 42))}</text>'
            "</g></a>"
        )

    def _condition(self, label: str, middle: int, y: int, width: int) -> str:
        words = self._say("otherwise") if label == "otherwise" else label
        return (
            f'<text class="when" x="{middle}" y="{y}" text-anchor="middle">{escape(_short(words, width))}'
            f"<title>{escape(words)}</title></text>"
        )

    def _title(self, step: Step) -> str:
        return title_of(step.title, self._language, step.name.rpartition("/")[2])


def _doing(step: Step) -> str:
    """What a step does, in the definition's own words."""
    match step:
        case CallStep():
            return step.operation
        case WaitStep():
            return step.event
        case SetStep():
            return "set " + ", ".join(step.values)
        case FailStep():
            return "fail"
        case _:
            return ""


def _line(x: int, top: int, bottom: int) -> str:
    return f'<path class="way" d="M{x} {top}V{bottom}"/>' if bottom > top else ""


def _short(text: str, room: int) -> str:
    """As much of a text as fits into ``room`` pixels; a Chinese character takes two places."""
    left = room / 6.6
    for place, letter in enumerate(text):
        left -= 2 if ord(letter) > 0x2E7F else 1
        if left < 0:
            return text[: max(place - 1, 0)] + "…"
    return text
