"""Running instances stay on their definition until an operator moves them to another, and only where that is sound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_player import Player, program

from bus.orchestration.migrating import Migration, migrate
from bus.orchestration.stimuli import Event, Result

OLD = """
steps:
  - {call: his.Register, undo: {call: his.Cancel}}
  - name: both
    parallel:
    - - {call: lis.Order, save: order, undo: {call: lis.Cancel}}
      - {wait: lab.resulted, name: result, match: {order_no: .vars.order.no}}
    - - {call: pacs.Order, name: imaging, retry: {attempts: 3}}
  - {call: his.Close}
"""


def under_way() -> Player:
    """Registered and ordered: it waits for the laboratory, and imaging is being called."""
    return Player(OLD).ok("his.Register").ok("lis.Order", {"no": "L1", "number": "L2"})


def move(play: Player, text: str) -> Migration:
    return migrate(play.program, program(text), play.instance, play.now)


def test_an_instance_goes_on_in_the_new_definition_from_where_it_is() -> None:
    play = under_way()
    new = OLD.replace("{call: his.Close}", "{call: his.Discharge}").replace(
        "steps:\n", "steps:\n  - {set: {a: '1'}}\n", 1
    )
    migration = move(play, new)
    assert migration.problems == ()
    play.program, play.instance = program(new), migration.instance
    play.ok("pacs.Order").event("result", {"order_no": "L1"})
    assert play.asked()[-1] == "his.Discharge"
    assert play.ok("his.Discharge").status == "completed"
    assert play.instance.definition == play.program.hash


def test_a_wait_takes_the_match_of_the_new_definition() -> None:
    migration = move(under_way(), OLD.replace(".vars.order.no", ".vars.order.number"))
    assert list(migration.effects.waits_opened.values()) == [("result", {"order_no": "L2"})]
    assert set(migration.effects.waits_opened) == migration.effects.waits_closed
    assert not move(under_way(), OLD.replace("his.Close", "his.End")).effects.waits_opened


def test_a_step_that_pauses_takes_the_request_of_the_new_definition() -> None:
    play = under_way().fails("pacs.Order", "transient")
    new = OLD.replace("name: imaging,", "name: imaging, with: '{a: 1}',")
    migration = move(play, new)
    play.program, play.instance = program(new), migration.instance
    assert play.ring().open_call("pacs.Order").document == {"a": 1}


REFUSED: list[tuple[str, Callable[[str], str], str]] = [
    ("the step is gone", lambda t: t.replace("name: imaging,", "name: scan,"), "no step of this name"),
    ("another operation", lambda t: t.replace("pacs.Order", "ris.Order"), "is under way with pacs.Order"),
    (
        "another kind",
        lambda t: t.replace("{call: pacs.Order,", "{wait: pacs.order,").replace(", retry: {attempts: 3}", ""),
        "another kind",
    ),
    ("nothing undoes it", lambda t: t.replace(", undo: {call: his.Cancel}", ""), "'register' was done"),
    (
        "a branch more",
        lambda t: t.replace("  - {call: his.Close}", "    - - {call: ris.Order, name: ris}\n  - {call: his.Close}"),
        "more or fewer",
    ),
    ("a null match", lambda t: t.replace(".vars.order.no", ".vars.order.none"), "gives null for order_no"),
    ("the same one", lambda t: t, "on this definition already"),
]


@pytest.mark.parametrize(("change", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_migration_that_would_lose_something_is_refused_with_the_reason(
    change: Callable[[str], str], reason: str
) -> None:
    play = under_way()
    before = play.instance.dump()
    assert any(reason in problem for problem in move(play, change(OLD)).problems)
    assert play.instance.dump() == before


def test_a_step_in_another_branch_is_another_place() -> None:
    swapped = """
    steps:
      - {call: his.Register, undo: {call: his.Cancel}}
      - name: both
        parallel:
        - - {call: pacs.Order, name: imaging, retry: {attempts: 3}}
        - - {call: lis.Order, save: order, undo: {call: lis.Cancel}}
          - {wait: lab.resulted, name: result, match: {order_no: .vars.order.no}}
      - {call: his.Close}
    """
    assert len([p for p in move(under_way(), swapped).problems if "another branch" in p]) == 2


def test_new_steps_behind_the_instance_and_other_undos_are_told_beforehand() -> None:
    new = OLD.replace("steps:\n", "steps:\n  - {call: his.Greet}\n", 1).replace("his.Cancel", "his.Withdraw")
    new = new.replace("{call: his.Close}", "{call: his.Close}\n  - {call: his.Bill}")
    assert move(under_way(), new).notes == (
        "step 'register' would be undone by his.Withdraw, no longer his.Cancel",
        "step 'greet' is new and stands before where the instance is: it will not be run",
    )


def test_an_instance_migrates_while_it_is_being_undone_and_when_an_undo_is_stuck() -> None:
    play = under_way().fails("pacs.Order").fails("lis.Cancel")
    assert play.status == "stuck"
    new = OLD.replace("lis.Cancel", "lis.Withdraw")
    migration = move(play, new)
    assert migration.problems == ()
    play.program, play.instance = program(new), migration.instance
    play.order("retry").ok("lis.Withdraw").ok("his.Cancel")
    assert play.status == "compensated"


def test_inlined_workflows_are_migrated_with_the_one_that_runs_them() -> None:
    outer = "steps: [{call: a.Do, undo: {call: a.Undo}}, {run: flow-1}, {call: z.Do, name: last}]"
    inner = "steps: [{call: b.Do, name: first, undo: {call: b.Undo}}, {wait: c.d, name: w}]"
    play = Player(outer, inner).ok("a.Do").ok("b.Do")
    new = program(outer.replace("z.Do", "y.Do"), inner.replace("b.Undo", "b.Revert"))
    migration = migrate(play.program, new, play.instance, play.now)
    assert migration.notes == ("step 'flow-1/first' would be undone by b.Revert, no longer b.Undo",)
    play.program, play.instance = new, migration.instance
    play.move(Event(next(iter(play.instance.waits())), {}))
    call = play.open_call("y.Do")
    play.move(Result(call.token, call.step, call.attempt))
    assert play.status == "completed"
