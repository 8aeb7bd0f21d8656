"""Where an instance stands, step by step, and the pictures of it: SVG for pages, text for terminals."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.commands.columns import wide
from bus.commands.workflow_text import ASCII, diagram
from bus.console.workflow_diagram import draw
from bus.orchestration.progress import HERE, SHAPES, Mark, StepState, marks
from registry.workflow import Step, link, parse_workflow, walk

DEFINITION = """
name: visit
steps:
  - {set: {clock: now}, name: clock}
  - {call: his.Register, name: register, title: {zh: 挂号, en: Register}, undo: {call: his.Cancel}}
  - name: examine
    parallel:
      - - {call: lis.Order, name: laboratory, undo: {call: lis.Cancel}}
      - - {wait: imaging.reported, name: imaging}
  - name: paying
    choose:
      - {when: .vars.insured, steps: [{call: insurance.Settle, name: settle}, {set: {a: "1"}, name: noted}]}
      - {steps: [{call: his.Charge, name: charge, when: .vars.owes}]}
  - {run: report, name: report}
"""
REPORT = "name: report\nsteps: [{call: emr.Save, name: save}, {set: {b: '2'}, name: last}]"


def steps() -> tuple[Step, ...]:
    parsed = [parse_workflow(yaml.safe_load(text)) for text in (DEFINITION, REPORT)]
    return link({each.name: each for each in parsed})["visit"].definition.steps


STEPS = steps()
NAMES = [step.name for step in walk(STEPS)]


def line(step: str, status: str = "completed", phase: str = "do", attempt: int = 1, error: str = "") -> dict[str, Any]:
    own = {"step": step, "phase": phase, "status": status, "attempt": attempt, "error": error}
    return {**own, "started_at": 100.0, "ended_at": 100.5}


def place(step: str, status: str, phase: str = "do", retry_at: float = 0.0) -> dict[str, Any]:
    return {"step": step, "phase": phase, "status": status, "error": "", "retry_at": retry_at, "deadline_at": 0.0}


def states(lines: list[dict[str, Any]], places: list[dict[str, Any]], status: str = "running") -> dict[str, str]:
    found = marks(STEPS, {"steps": lines, "places": places, "status": status})
    return {name: mark.state for name, mark in found.items()}


def test_every_place_of_a_token_shows_as_the_step_that_the_instance_is_in() -> None:
    found = states([line("register")], [place("laboratory", "backoff", retry_at=130.0), place("imaging", "waiting")])
    assert (found["register"], found["laboratory"], found["imaging"]) == ("done", "retrying", "waiting")
    assert found["settle"] == found["report/save"] == "open"


def test_what_leaves_no_history_is_done_once_something_behind_it_has_begun() -> None:
    assert states([], [])["clock"] == "open"
    assert states([], [place("register", "calling")])["clock"] == "done"


def test_a_way_that_was_not_chosen_is_never_taken_for_done() -> None:
    found = states([line("charge"), line("report/save")], [], "completed")
    assert (found["noted"], found["settle"], found["report/last"]) == ("open", "open", "done")


def test_an_undo_takes_the_place_of_what_was_done() -> None:
    lines = [line("register"), line("laboratory"), line("laboratory", phase="undo")]
    found = states(lines, [place("register", "stuck", "undo")], "stuck")
    assert (found["laboratory"], found["register"]) == ("undone", "stuck")


def test_the_lines_of_a_terminal_show_branches_ways_and_where_it_stands() -> None:
    lines = [line("register"), line("laboratory", "failed", error="provider-timeout")]
    found = marks(STEPS, {"steps": lines, "places": [place("laboratory", "backoff", retry_at=130.0)], "status": ""})
    drawn = diagram(STEPS, found, moment=lambda at: f"{at:.0f}s", width=90)
    assert drawn[0].split() == ["●", "clock", "set", "done"]
    assert drawn[2] == "┬ examine: all of these at once"
    assert re.fullmatch(r"├─ ↻ laboratory +lis.Order +◀ retrying · provider-timeout · again 130s", drawn[3])
    assert drawn[4].startswith("└─ ○ imaging")
    assert drawn[6] == "├─ when .vars.insured"
    assert drawn[9] == "└─ otherwise"
    assert drawn[11:13][0] == "▣ report"
    assert drawn[12].startswith("│ ○ save")


def test_a_terminal_without_unicode_gets_shapes_of_ascii_that_differ() -> None:
    assert all(shape.translate(ASCII).isascii() for shape in SHAPES.values())
    assert len({shape.translate(ASCII) for shape in SHAPES.values()}) == len(SHAPES)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(SHAPES))), st.data())
def test_no_line_is_wider_than_the_terminal_and_no_step_is_left_out(known: dict[str, StepState], data: Any) -> None:
    width = data.draw(st.integers(60, 140))
    found = {name: Mark(state, attempts=12, error="provider-unavailable", at=1.0) for name, state in known.items()}
    drawn = diagram(STEPS, found, moment=lambda at: "12:00:00", width=width)
    assert max(map(wide, drawn)) <= width
    assert all(any(step.name.rpartition("/")[2] in one for one in drawn) for step in walk(STEPS))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(SHAPES))))
def test_the_picture_is_sound_xml_with_one_box_a_step_that_keeps_to_itself(known: dict[str, StepState]) -> None:
    found = {name: Mark(state, error="<&") for name, state in known.items()}
    svg = draw(STEPS, found, say=lambda key: f"<{key}>", language="en", caption='"visit"')
    root = ElementTree.fromstring(svg)
    boxes = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("class") != "group"]
    spots = [tuple(float(box.get(name, "")) for name in ("x", "y", "width", "height")) for box in boxes]
    assert len(boxes) == 9
    for at, (x, y, w, h) in enumerate(spots):
        assert 0 <= x <= float(root.get("width", "")) - w
        assert 0 <= y <= float(root.get("height", "")) - h
        for ox, oy, ow, oh in spots[at + 1 :]:
            assert x + w <= ox or ox + ow <= x or y + h <= oy or oy + oh <= y


@pytest.mark.parametrize("state", sorted(SHAPES))
def test_a_state_is_told_by_shape_word_and_colour(state: StepState) -> None:
    svg = draw(STEPS, {"register": Mark(state, attempts=1)}, say=lambda key: f"word of {key}", language="zh")
    box = re.search(r'<g class="step ([^"]+)"><title>register: his.Register</title>.*?</g>', svg)
    assert box is not None
    assert (box.group(1).split()[0], "here" in box.group(1)) == (state, state in HERE)
    assert SHAPES[state] in box.group(0)
    assert f"word of step_{state}" in box.group(0)
    assert "挂号" in box.group(0)
