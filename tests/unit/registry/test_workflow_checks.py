"""Workflow definitions that could not run well are refused, every problem at its line."""

from __future__ import annotations

import pytest
from catalogues import SYSTEM, catalogue, compiled, problems, service

OPERATIONS = """
- {name: PlaceOrder, policy: {idempotent: true}}
- {name: CancelOrder, policy: {idempotent: true}}
- {name: Query, effect: read}
- {name: Book}
"""
HOSPITAL = (SYSTEM, service(OPERATIONS))


def workflow(steps: str, name: str = "exam") -> str:
    return f'kind: Workflow\nname: {name}\nversion: "1"\nsteps:\n{steps}\n'


def found(*workflows: str) -> list[str]:
    """What is wrong with these workflows. Each problem must stand at a line that is marked with ``# !``."""
    told = problems(*workflows, *HOSPITAL)
    lines = catalogue(*workflows, *HOSPITAL).files["m.yaml"].decode().splitlines()
    marked = {number for number, line in enumerate(lines, start=1) if "# !" in line}
    assert {int(problem.split(":")[1]) for problem in told} == marked, told
    return [problem.partition(": ")[2] for problem in told]


def test_a_write_that_nothing_undoes_is_refused_unless_it_says_why() -> None:
    (told,) = found(workflow("  - {call: lis.Query}\n  - {call: lis.PlaceOrder}  # !"))
    assert told.startswith("step 'place-order' writes by lis.PlaceOrder, and nothing would undo it")
    assert "undo: {none: why nothing needs to be undone}" in told
    assert found(workflow("  - {call: lis.PlaceOrder, undo: {call: lis.CancelOrder}}")) == []
    assert found(workflow("  - {call: lis.PlaceOrder, undo: {none: it is gone by midnight}}")) == []
    assert len(found(workflow("  - {call: lis.PlaceOrder, undo: {none: ' '}}  # !"))) == 1
    assert len(found(workflow("  - {call: lis.PlaceOrder, undo: {none: a, call: lis.CancelOrder}}  # !"))) == 1


NEVER_REACHED = {
    "after a step that fails": """
  - {fail: '"no"'}
  - {call: lis.Query}  # !""",
    "after a choice whose every way fails": """
  - choose:
      - {when: .input.a, steps: [{fail: '1'}]}
      - {steps: [{call: lis.Query}, {fail: '2'}]}
  - {call: lis.Query, name: after}  # !""",
    "after branches one of which always fails": """
  - parallel:
      - [{call: lis.Query}]
      - [{fail: '1'}]
  - {call: lis.Query, name: after}  # !""",
    "inside a branch": """
  - choose:
      - when: .input.a
        steps:
          - {fail: '1'}
          - {call: lis.Query}  # !""",
    "a condition that never holds": """
  - call: lis.Query
    when: 'false'  # !""",
    "a way behind the one that takes all": """
  - choose:
      - {steps: [{call: lis.Query}]}  # !
      - {when: .input.a, steps: [{call: lis.Query, name: again}]}""",
}


@pytest.mark.parametrize("steps", NEVER_REACHED.values(), ids=NEVER_REACHED.keys())
def test_steps_that_no_instance_can_come_to_are_refused(steps: str) -> None:
    assert len(found(workflow(steps))) == 1


def test_a_step_behind_a_workflow_that_always_fails_is_never_reached() -> None:
    told = found(workflow("  - run: broken\n  - {call: lis.Query}  # !"), workflow("  - {fail: '1'}", "broken"))
    assert told == [
        "step 'query' is never reached: 'broken' always fails (give 'broken' a condition, or drop what stands after it)"
    ]


REACHED = {
    "a guarded fail": "  - {fail: '1', when: .input.a}\n  - {call: lis.Query}",
    "a choice without an otherwise": "  - choose: [{when: .input.a, steps: [{fail: '1'}]}]\n  - {call: lis.Query}",
    "a fail at the end": "  - {call: lis.Query}\n  - {fail: '1'}",
}


@pytest.mark.parametrize("steps", REACHED.values(), ids=REACHED.keys())
def test_steps_behind_what_need_not_fail_are_accepted(steps: str) -> None:
    assert found(workflow(steps)) == []


def test_workflows_that_run_each_other_in_a_circle_are_refused_where_the_circle_closes() -> None:
    told = found(
        workflow("  - {call: lis.Query}\n  - run: b  # !", "a"),
        workflow("  - parallel:\n      - [{call: lis.Query}]\n      - [{run: c}]", "b"),
        workflow("  - run: a", "c"),
    )
    assert told == ["workflows run each other in a circle: a -> b -> c -> a"]
    assert len(found(workflow("  - run: me  # !", "me"))) == 1


def test_unknown_operations_workflows_and_second_names_are_all_told_at_once() -> None:
    told = found(
        workflow("""
  - call: lis.PlaceOder  # !
    undo:
      call: lis.CancelOder  # !
  - run: biling  # !
  - {call: lis.Query}
  - {call: lis.Query}  # !
"""),
        workflow("  - {call: lis.Query}", "billing"),
    )
    assert len(told) == 4
    assert any("two steps are named 'query'" in each for each in told)


def test_a_call_that_would_settle_nothing_is_refused() -> None:
    step = "  - call: lis.Book\n    undo: {call: lis.CancelOrder}\n    unknown: {call: %s}%s"
    (told,) = found(workflow(step % ("lis.Query", "  # !")))
    assert told.startswith("lis.Query reads, and would reverse nothing")
    (told,) = found(workflow(step % ("lis.CancelOrder, done: .reply.ok", "  # !")))
    assert told.startswith("lis.CancelOrder writes, and is meant to ask")
    (told,) = found(workflow(step % ("lis.CancelOrder, as: .reply", "  # !")))
    assert told.startswith("belongs to a query")
    assert found(workflow(step % ("lis.Query, done: .reply.found, as: .reply.order", ""))) == []


def test_an_outcome_that_could_stay_unknown_and_an_event_nobody_raises_are_warned_of() -> None:
    steps = "  - {call: lis.Book, undo: {none: a test}}\n  - {call: lis.PlaceOrder, undo: {none: a test}}\n"
    text = workflow(steps + "  - name: w\n    wait: lab.resulted")
    warnings = [str(warning) for warning in compiled(text, *HOSPITAL).warnings]
    assert [int(warning.split(":")[1]) for warning in warnings] == [5, 8]
    assert "the outcome of step 'book' could stay unknown" in warnings[0]
    assert "waits for lab.resulted, which no operation raises" in warnings[1]
