"""What a workflow definition may say, and that everything wrong with one is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import registry
from registry.workflow import (
    CallStep,
    ChooseStep,
    ParallelStep,
    Retry,
    RunStep,
    WaitStep,
    WorkflowDefinition,
    WorkflowInvalid,
    link,
    load_linked,
    parse_workflow,
    to_raw,
    walk,
)

FULL = """
kind: Workflow
name: exam
version: "2"
title: {zh: 检查, en: Exam}
keys: {visit_no: .input.visit_no}
steps:
  - call: lis.PlaceOrder
    title: {zh: 检验}
    when: .input.lab
    with: '{order_no: .input.order_no}'
    save: lab
    retry: {attempts: 6, first: 0.5, max: 10}
    deadline: 30
    undo: {call: lis.CancelOrder, with: '{order_no: .vars.lab.order_no}'}
    unknown: {call: lis.Reverse, then: fail}
  - parallel:
    - [{wait: lab.resulted, match: {order_no: .vars.lab.order_no}, save: result, deadline: 60, late: alert}]
    - [{run: billing}]
  - choose: [{when: .vars.result.bad, steps: [{fail: '"bad"'}]}, {steps: [{set: {good: 'true'}}]}]
"""


def parse(text: str) -> WorkflowDefinition:
    return parse_workflow(yaml.safe_load(text))


def steps(text: str) -> str:
    return f"name: flow\nversion: '1'\nsteps: {text}"


def problems(text: str) -> dict[str, str]:
    """Path → message of everything wrong."""
    with pytest.raises(WorkflowInvalid) as raised:
        parse(text)
    return {".".join(map(str, path)): message for path, message in raised.value.problems}


def test_a_definition_with_every_field_is_read_as_written() -> None:
    definition = parse(FULL)
    call, parallel, choose = definition.steps
    assert isinstance(call, CallStep)
    assert (call.name, call.operation, call.when, call.save) == ("place-order", "lis.PlaceOrder", ".input.lab", "lab")
    assert (call.retry, call.deadline) == (Retry(6, 0.5, 10.0), 30.0)
    assert call.undo is not None
    assert call.unknown is not None
    assert (call.undo.operation, call.unknown.operation, call.unknown.then) == (
        "lis.CancelOrder",
        "lis.Reverse",
        "fail",
    )
    assert isinstance(parallel, ParallelStep)
    wait = parallel.branches[0][0]
    assert isinstance(wait, WaitStep)
    assert (wait.name, wait.event, wait.late) == ("lab-resulted", "lab.resulted", "alert")
    assert isinstance(choose, ChooseStep)
    assert [option.when for option in choose.options] == [".vars.result.bad", ""]


def test_a_definition_tells_its_operations_events_and_runs() -> None:
    definition = parse(FULL)
    assert definition.operations() == {"lis.PlaceOrder", "lis.CancelOrder", "lis.Reverse"}
    assert definition.events() == {"lab.resulted"}
    assert definition.runs() == {"billing"}


def test_fields_left_out_have_the_documented_defaults() -> None:
    (call,) = parse(steps("[{call: emr.GetPatient}]")).steps
    assert isinstance(call, CallStep)
    assert (call.request, call.retry, call.deadline, call.undo, call.unknown) == (".input", Retry(), None, None, None)


def test_every_problem_of_a_definition_is_told_with_its_path() -> None:
    found = problems(
        """
        name: Exam
        colour: red
        keys: {visit_no: '.input | ('}
        steps:
          - {call: PlaceOrder, deadline: -1, retry: {attempts: 0}}
          - {call: lis.PlaceOrder, wait: lab.resulted}
          - {call: lis.PlaceOrder, unknown: {call: lis.Reverse, then: panic}}
          - {wait: lab.resulted, late: ignore, match: [a]}
          - {set: {Bad: '1'}}
          - {choose: [{steps: []}, {when: '1', steps: 7}]}
          - 5
        """
    )
    assert set(found) == {
        "name", "colour", "keys.visit_no", "steps.0.call", "steps.0.deadline", "steps.0.retry.attempts", "steps.1",
        "steps.2.unknown.then", "steps.3.late", "steps.3.match", "steps.4.set.Bad", "steps.5.choose.0",
        "steps.5.choose.1.steps", "steps.6",
    }  # fmt: skip
    assert "known here" in found["colour"]
    assert "not a jq expression" in found["keys.visit_no"]


def test_a_name_that_yaml_takes_for_a_truth_value_is_refused() -> None:
    found = problems(steps("[{wait: lab.resulted, match: {no: .input.no}}]"))
    assert "quote it" in found["steps.0.match.False"]


def test_two_steps_of_one_name_are_refused_with_that_name() -> None:
    found = problems(steps("[{call: lis.PlaceOrder}, {call: pacs.PlaceOrder}]"))
    assert "'place-order'" in found["steps.1"]


def test_steps_that_only_give_structure_are_numbered_around_given_names() -> None:
    definition = parse(steps("[{set: {a: '1'}}, {set: {b: '1'}}, {set: {c: '1'}, name: set-2}]"))
    assert [step.name for step in definition.steps] == ["set", "set-3", "set-2"]


def test_a_definition_that_is_no_mapping_is_a_problem_and_no_crash() -> None:
    with pytest.raises(WorkflowInvalid):
        parse_workflow([])  # type: ignore[arg-type]


def test_linking_inlines_runs_with_their_names_prefixed() -> None:
    outer = parse("name: outer\nversion: '1'\nsteps: [{run: middle, name: m}, {run: inner}]")
    middle = parse("name: middle\nversion: '1'\nsteps: [{run: inner}]")
    inner = parse("name: inner\nversion: '1'\nsteps: [{call: his.Price}]")
    linked = link({each.name: each for each in (outer, middle, inner)})["outer"]
    assert [step.name for step in walk(linked.definition.steps)] == [
        "m", "m/inner", "m/inner/price", "inner", "inner/price",
    ]  # fmt: skip
    assert linked.operations() == {"his.Price"}


def test_a_run_of_an_unknown_workflow_and_a_circle_are_told_together() -> None:
    texts = ("a", "{run: b}"), ("b", "{run: a}"), ("c", "{run: nowhere}")
    parsed = [parse(f"name: {name}\nversion: '1'\nsteps: [{run}]") for name, run in texts]
    with pytest.raises(WorkflowInvalid) as raised:
        link({each.name: each for each in parsed})
    told = str(raised.value)
    assert "unknown workflow 'nowhere'" in told
    assert "a -> b -> a" in told


def test_a_linked_definition_survives_its_own_json_with_its_hash() -> None:
    billing = parse("name: billing\nversion: '1'\nsteps: [{call: ins.Settle, retry: {attempts: 9}}]")
    linked = link({"exam": parse(FULL), "billing": billing})["exam"]
    again = load_linked(json.loads(json.dumps(linked.raw)))
    assert again == linked


def test_any_change_of_a_definition_changes_its_hash() -> None:
    one = link({"flow": parse(steps("[{call: his.Price}]"))})["flow"]
    other = link({"flow": parse(steps("[{call: his.Price, deadline: 5}]"))})["flow"]
    assert one.hash != other.hash


def test_a_run_that_is_not_linked_yet_has_no_steps() -> None:
    (run,) = parse(steps("[{run: billing}]")).steps
    assert isinstance(run, RunStep)
    assert run.steps is None


# ── the JSON Schema of the kind agrees with the parser ──────────────────────────────────────────────


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    folder = Path(registry.__file__).parent / "schemas"
    loaded = {name: json.loads((folder / name).read_text("utf-8")) for name in ("workflow.json", "common.json")}
    resources = [(name, referencing.Resource.from_contents(content)) for name, content in loaded.items()]
    return jsonschema.Draft202012Validator(
        loaded["workflow.json"], registry=referencing.Registry().with_resources(resources)
    )


def test_the_schema_accepts_what_the_parser_accepts(schema: jsonschema.Draft202012Validator) -> None:
    assert list(schema.iter_errors(yaml.safe_load(FULL))) == []


@pytest.mark.parametrize(
    "step",
    [
        "{call: PlaceOrder}",
        "{call: lis.PlaceOrder, wait: x}",
        "{call: lis.PlaceOrder, late: fail, deadline: 0}",
        "{wait: lab.resulted, late: never}",
        "{set: {Bad: '1'}}",
        "{parallel: []}",
        "{choose: []}",
        "{call: lis.PlaceOrder, undo: {with: '.'}}",
        "{}",
    ],
)
def test_schema_and_parser_refuse_the_same_steps(schema: jsonschema.Draft202012Validator, step: str) -> None:
    text = "kind: Workflow\n" + steps(f"[{step}]")
    assert list(schema.iter_errors(yaml.safe_load(text)))
    assert problems(text)


# ── whatever is written, the parser answers ─────────────────────────────────────────────────────────

NAMES = ("call", "wait", "set", "fail", "parallel", "choose", "run", "name", "when", "with", "undo", "steps", "retry")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([".", "x", "lis.Place", "(", "a-b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(raw=st.fixed_dictionaries({"name": st.just("flow"), "version": st.just("1"), "steps": JUNK}))
def test_anything_is_either_read_or_refused_with_problems(raw: dict[str, Any]) -> None:
    try:
        definition = parse_workflow(raw)
    except WorkflowInvalid as error:
        refused = error.problems
    else:
        assert parse_workflow(to_raw(definition)) == definition
        return
    assert refused
