"""How the machine walks: branches, joins, choices, waits, guards, compensation, and an operator's word."""

from __future__ import annotations

import pytest
from engine_player import Player

from bus.orchestration.instance import Instance
from bus.orchestration.machine import advance
from bus.orchestration.stimuli import Order

PARALLEL = """
steps:
  - {call: his.Register, undo: {call: his.Cancel}}
  - parallel:
    - - {call: lis.Order, undo: {call: lis.Cancel}}
      - {call: lis.Collect}
    - - {call: pacs.Order, name: imaging, undo: {call: pacs.Cancel}}
  - {call: his.Close}
"""
WAITING = "steps: [{wait: lab.resulted, name: w, match: {order_no: .input.no}, save: r, deadline: 60, late: %s}]"


def test_branches_run_at_once_and_are_all_awaited() -> None:
    play = Player(PARALLEL).ok("his.Register")
    assert play.asked() == ["his.Register", "lis.Order", "pacs.Order"]
    play.ok("pacs.Order").ok("lis.Order")
    assert play.asked()[3:] == ["lis.Collect"]
    play.ok("lis.Collect")
    assert play.asked()[4:] == ["his.Close"]
    assert play.ok("his.Close").status == "completed"


def test_a_failed_branch_lets_the_others_end_and_then_undoes_in_reverse() -> None:
    play = Player(PARALLEL).ok("his.Register").fails("pacs.Order")
    assert play.status == "compensating"
    assert play.asked()[3:] == []
    play.ok("lis.Order")
    assert play.asked()[3:] == ["lis.Cancel"]
    play.ok("lis.Cancel").ok("his.Cancel")
    assert play.status == "compensated"
    assert "lis.Collect" not in play.asked()


def test_a_branch_that_waits_is_given_up_when_another_fails() -> None:
    play = Player("steps: [{parallel: [[{wait: a.b, deadline: 9}], [{call: lis.Order}]]}]")
    assert play.instance.waits()
    play.fails("lis.Order")
    assert not play.instance.waits()
    assert play.last.waits_closed
    assert play.last.timers_cleared
    assert play.status == "compensated"


def test_empty_branches_and_skipped_steps_do_not_hold_anything_up() -> None:
    play = Player("steps: [{parallel: [[], [{call: lis.Order, when: .input.lab}]]}, {set: {done: 'true'}}]")
    assert play.status == "completed"
    assert play.instance.vars == {"done": True}
    assert [(change.step, change.status) for change in play.history] == [("order", "skipped")]


@pytest.mark.parametrize(("kind", "asked"), [("a", ["x.A"]), ("b", ["x.B"]), ("c", ["x.Other"])])
def test_a_choice_takes_its_first_option_that_holds(kind: str, asked: list[str]) -> None:
    play = Player(
        """
        steps:
          - choose:
            - {when: '.input.kind == "a"', steps: [{call: x.A}]}
            - {when: '.input.kind | IN("a", "b")', steps: [{call: x.B}]}
            - {steps: [{call: x.Other}]}
        """,
        given={"kind": kind},
    )
    assert play.asked() == asked


def test_a_choice_without_an_option_that_holds_goes_on() -> None:
    assert Player("steps: [{choose: [{when: .input.a, steps: [{call: x.A}]}]}]").status == "completed"


def test_replies_and_values_are_kept_under_their_names() -> None:
    play = Player("steps: [{call: his.Price, save: bill}, {set: {total: '.vars.bill.sum * 2', twice: .vars.total}}]")
    play.ok("his.Price", {"sum": 21})
    assert play.instance.vars == {"bill": {"sum": 21}, "total": 42, "twice": 42}


def test_an_event_is_kept_and_lets_the_token_go_on() -> None:
    play = Player(WAITING % "fail", given={"no": "L1"})
    assert play.instance.waits() == {"1": ("w", {"order_no": "L1"})}
    play.event("w", {"order_no": "L1", "value": 5})
    assert (play.status, play.instance.vars["r"]) == ("completed", {"order_no": "L1", "value": 5})


def test_a_match_that_gives_null_fails_instead_of_waiting_for_ever() -> None:
    play = Player(WAITING % "fail", given={})
    assert play.status == "compensated"
    assert play.instance.failure is not None
    assert "order_no" in play.instance.failure.message


def test_a_late_event_fails_the_step_or_only_alerts() -> None:
    assert Player(WAITING % "fail", given={"no": "L1"}).ring("deadline").status == "compensated"
    play = Player(WAITING % "alert", given={"no": "L1"}).ring("deadline")
    assert [(alarm.kind, alarm.step) for alarm in play.alarms] == [("late", "w")]
    assert not play.instance.timers()
    assert play.event("w", {"no": "L1"}).status == "completed"


def test_a_fail_step_gives_its_reason_and_compensates() -> None:
    play = Player("steps: [{call: a.Do, undo: {call: a.Undo}}, {fail: '\"no stock\"'}]").ok("a.Do")
    assert play.asked() == ["a.Do", "a.Undo"]
    assert play.instance.failure is not None
    assert (play.instance.failure.code, play.instance.failure.message) == ("failed", "no stock")


def test_an_undo_is_tried_again_with_one_key_until_it_succeeds() -> None:
    play = Player("steps: [{call: a.Do, undo: {call: a.Undo}}, {fail: '1'}]").ok("a.Do")
    play.fails("a.Undo", "transient").ring().times_out("a.Undo").ring().ok("a.Undo")
    assert {call.key for call in play.calls if call.phase == "undo"} == {"i:do:undo:1"}
    assert play.status == "compensated"


def test_an_undo_that_fails_for_good_is_stuck_until_an_operator_speaks() -> None:
    text = "steps: [{call: a.Do, undo: {call: a.Undo}}, {call: b.Do, name: second, undo: {call: b.Undo}}, {fail: '1'}]"
    play = Player(text).ok("a.Do").ok("b.Do").fails("b.Undo")
    assert (play.status, play.finished) == ("stuck", ["stuck"])
    assert [(alarm.kind, alarm.step) for alarm in play.alarms] == [("stuck", "second")]
    assert "a.Undo" not in play.asked()
    play.order("retry").fails("b.Undo")
    assert play.status == "stuck"
    play.order("skip")
    assert play.asked()[-1] == "a.Undo"
    assert play.ok("a.Undo").status == "compensated"


def test_an_operator_can_have_undone_what_runs_and_nothing_else() -> None:
    play = Player("steps: [{call: a.Do, undo: {call: a.Undo}}, {wait: x.y}]").ok("a.Do").order("compensate")
    assert play.asked()[-1] == "a.Undo"
    play.ok("a.Undo")
    settled = play.instance.dump()
    assert play.order("compensate").instance.dump() == settled


def test_a_cancelled_instance_ends_where_it_is_and_keeps_what_was_done() -> None:
    play = Player(PARALLEL).ok("his.Register").ok("lis.Order").order("cancel")
    assert (play.status, play.finished) == ("cancelled", ["cancelled"])
    assert [entry.step for entry in play.instance.undo] == ["register", "order"]
    assert (play.history[-1].step, play.history[-1].status) == ("imaging", "unknown")
    late = play.instance.dump()
    assert play.ok("pacs.Order").instance.dump() == late
    assert play.asked().count("his.Cancel") == 0


@pytest.mark.parametrize("verb", ["skip", "cancel"])
def test_what_a_parked_step_may_have_done_is_known_after_an_operator_gives_the_step_up(verb: str) -> None:
    """A first try got no answer and the second was refused: to have been refused once does not mean never done."""
    one = "steps: [{call: lis.Order%s}]"
    ways = {undo: Player(one % undo) for undo in (", undo: {call: lis.Cancel}", "")}
    for play in ways.values():
        play.times_out("lis.Order", idempotent=True).ring().fails("lis.Order", action="park").order(verb)
        assert play.status == {"skip": "completed", "cancel": "cancelled"}[verb]
    with_undo, without = ways.values()
    assert [(entry.step, entry.key) for entry in with_undo.instance.undo] == [("order", "i:order:1")]
    assert [(alarm.kind, alarm.step) for alarm in without.alarms] == [("parked", "order"), ("unknown", "order")]


def test_a_doubt_that_is_still_being_settled_is_known_after_a_cancel() -> None:
    text = "steps: [{call: lis.Order, unknown: {call: lis.Reverse}, undo: {call: lis.Cancel}}]"
    play = Player(text).times_out("lis.Order").fails("lis.Reverse", "transient").order("cancel")
    assert [(entry.step, entry.key) for entry in play.instance.undo] == [("order", "i:order:1")]


def test_steps_skipped_together_are_undone_once_each_when_the_way_on_fails() -> None:
    play = Player("""
steps:
  - parallel:
    - - {call: a.Do, name: first, undo: {call: a.Undo}}
      - {fail: '"on purpose"'}
    - - {call: b.Do, name: second, undo: {call: b.Undo}}
""")
    for operation in ("a.Do", "b.Do"):
        play.times_out(operation, idempotent=True).ring().fails(operation, action="park")
    play.order("skip").ok("b.Undo").ok("a.Undo")
    assert play.status == "compensated"
    assert play.asked()[-2:] == ["b.Undo", "a.Undo"]
    assert [change.step for change in play.history if change.status == "skipped"] == ["first"]


def test_an_operator_can_settle_a_reversal_by_hand() -> None:
    play = Player("steps: [{call: a.Do, unknown: {call: a.Reverse, then: fail}}]").times_out("a.Do")
    play.fails("a.Reverse", "permanent").order("skip")
    assert play.status == "compensated"


def test_inlined_workflows_share_input_and_variables_and_keep_apart_by_name() -> None:
    play = Player(
        "steps: [{set: {n: '1'}}, {run: flow-1}, {run: flow-1, name: again}]",
        "steps: [{set: {n: '.vars.n + 1'}}, {call: his.Price, with: .vars.n}]",
    )
    play.ok("his.Price").ok("his.Price")
    assert [(call.step, call.document) for call in play.calls] == [("flow-1/price", 2), ("again/price", 3)]
    assert play.status == "completed"


def test_state_survives_its_own_json_at_every_moment() -> None:
    play = Player(PARALLEL).ok("his.Register").times_out("lis.Order")
    assert Instance.load(play.instance.dump()) == play.instance


def test_only_a_start_may_come_without_an_instance() -> None:
    with pytest.raises(ValueError, match="Start"):
        advance(Player("steps: [{set: {a: '1'}}]").program, None, Order("cancel"), 0.0)


PARKED = """
steps:
  - parallel:
    - - {call: a.Do, save: a, undo: {call: a.Undo}}
    - - {call: b.Do, name: second}
      - {call: c.Do, name: third}
"""


def test_a_parked_step_waits_for_a_person_while_the_other_branches_go_on() -> None:
    play = Player(PARKED).fails("a.Do", action="park").ok("b.Do")
    assert (play.status, play.asked()[-1]) == ("stuck", "c.Do")
    assert [(alarm.kind, alarm.step) for alarm in play.alarms] == [("parked", "do")]
    play.ok("c.Do").order("retry", "do")
    assert play.status == "running"
    assert play.ok("a.Do").status == "completed"


def test_another_branch_that_fails_undoes_what_was_parked_in_doubt() -> None:
    play = Player(PARKED).times_out("a.Do", action="park").fails("b.Do")
    assert play.asked()[-1] == "a.Undo"
    assert play.ok("a.Undo").status == "compensated"
    assert not play.instance.tasks()


def test_a_failure_that_only_warns_counts_as_done_and_is_undone_with_the_rest() -> None:
    play = Player(PARKED).fails("a.Do", action="warn").ok("b.Do").fails("c.Do", "transient", action="compensate")
    assert [alarm.kind for alarm in play.alarms] == ["warned"]
    assert play.asked()[-1] == "a.Undo"


def test_a_policys_retry_keeps_its_own_pause_and_the_steps_deadline() -> None:
    play = Player("steps: [{call: a.Do, deadline: 100, retry: {attempts: 1}}]")
    play.fails("a.Do", action="retry", pause=60.0)
    assert play.instance.timers()["1", "retry"] == 1060.0
    play.ring().fails("a.Do", action="retry", pause=60.0)
    assert play.status == "compensated"


def test_a_policys_retry_never_repeats_what_may_have_been_done() -> None:
    assert Player("steps: [{call: a.Do}]").times_out("a.Do", action="retry").status == "compensated"


def test_a_retry_that_pauses_can_be_made_now() -> None:
    play = Player("steps: [{call: a.Do}]").fails("a.Do", "transient").order("retry")
    assert play.asked() == ["a.Do", "a.Do"]
    assert not play.instance.timers()
