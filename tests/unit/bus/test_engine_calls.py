"""What the machine does when calls fail: retries, deadlines, unknown outcomes."""

from __future__ import annotations

from engine_player import Player

from bus.orchestration.stimuli import Result, Timer

ONE = "steps: [{call: lis.Order, retry: {attempts: 3, first: 1, max: 4}%s}]"
UNDO = ", undo: {call: lis.Cancel, with: '{undoes: .attempt_key, own: .key}'}"
UNKNOWN = ", unknown: {call: lis.Reverse, with: '{reverses: .attempt_key}', then: %s, retry: {attempts: 2}}"


def test_a_transient_error_is_tried_again_with_the_same_key_and_document() -> None:
    play = Player("steps: [{call: lis.Order, with: '{visit: .input.visit, key}'}]", given={"visit": "V1"})
    play.fails("lis.Order", "transient").ring().ok("lis.Order")
    first, second = play.calls
    assert first.key == second.key == "i:order:1"
    assert first.document == second.document == {"visit": "V1", "key": "i:order:1"}
    assert (first.attempt, second.attempt) == (1, 2)
    assert play.status == "completed"


def test_pauses_between_tries_grow_up_to_their_limit_with_jitter() -> None:
    longest = [1, 2, 4, 4, 4]
    play = Player("steps: [{call: lis.Order, retry: {attempts: 9, first: 1, max: 4}}]")
    for limit in longest:
        play.fails("lis.Order", "transient")
        (due,) = play.instance.timers().values()
        assert 0 <= due - play.now <= limit
        play.ring()
    assert len({call.attempt for call in play.calls}) == len(longest) + 1


def test_tries_are_used_up_after_the_attempts_of_the_step() -> None:
    play = Player(ONE % "")
    play.fails("lis.Order", "transient").ring().fails("lis.Order", "transient").ring().fails("lis.Order", "transient")
    assert len(play.calls) == 3
    assert play.status == "compensated"
    assert play.instance.failure is not None
    assert play.instance.failure.step == "order"


def test_a_permanent_error_fails_the_step_at_once() -> None:
    play = Player(ONE % "").fails("lis.Order", "permanent")
    assert (play.status, len(play.calls), play.finished) == ("compensated", 1, ["compensated"])


def test_a_retry_that_would_miss_the_deadline_is_not_waited_for() -> None:
    play = Player("steps: [{call: lis.Order, deadline: 0.000001, retry: {first: 100, max: 100}}]")
    play.fails("lis.Order", "transient")
    assert play.status == "compensated"


def test_a_deadline_in_the_middle_of_a_call_awaits_and_undoes_it() -> None:
    play = Player("steps: [{call: lis.Order, deadline: 5, undo: {call: lis.Cancel}}]").ring("deadline")
    assert play.status == "compensating"
    assert play.asked() == ["lis.Order"]
    play.ok("lis.Order")
    assert play.asked() == ["lis.Order", "lis.Cancel"]
    play.ok("lis.Cancel")
    assert play.status == "compensated"
    assert play.instance.failure is not None
    assert play.instance.failure.code == "deadline"


def test_an_unknown_outcome_is_reversed_before_the_step_is_tried_under_a_new_key() -> None:
    play = Player(ONE % UNKNOWN % "retry").times_out("lis.Order")
    assert play.asked() == ["lis.Order", "lis.Reverse"]
    assert play.calls[1].document == {"reverses": "i:order:1"}
    play.ok("lis.Reverse").ok("lis.Order")
    assert [call.key for call in play.calls] == ["i:order:1", "i:order:unknown:1", "i:order:2"]
    assert play.status == "completed"


def test_an_unknown_outcome_that_is_to_fail_fails_after_its_reversal() -> None:
    play = Player(ONE % (UNKNOWN % "fail" + UNDO)).times_out("lis.Order")
    assert play.status == "running"
    play.ok("lis.Reverse")
    assert play.status == "compensated"
    assert "lis.Cancel" not in play.asked()


def test_a_reversal_is_tried_for_as_long_as_it_takes_and_tells_an_operator() -> None:
    play = Player(ONE % UNKNOWN % "retry").times_out("lis.Order")
    for _ in range(5):
        play.fails("lis.Reverse", "permanent").ring()
    assert [(alarm.kind, alarm.step) for alarm in play.alarms] == [("reversal", "order")]
    assert {call.key for call in play.calls[1:]} == {"i:order:unknown:1"}
    play.ok("lis.Reverse").ok("lis.Order")
    assert play.status == "completed"


def test_reversals_count_as_tries_so_that_timeouts_cannot_go_on_for_ever() -> None:
    play = Player(ONE % UNKNOWN % "retry")
    for _ in range(3):
        play.times_out("lis.Order").ok("lis.Reverse")
    assert play.asked().count("lis.Order") == 3
    assert play.status == "compensated"


def test_an_unknown_outcome_of_a_repeatable_call_is_tried_again_with_its_key() -> None:
    play = Player(ONE % UNDO).times_out("lis.Order", idempotent=True).ring().ok("lis.Order")
    assert {call.key for call in play.calls} == {"i:order:1"}
    assert play.status == "completed"


def test_an_unknown_outcome_without_reversal_is_undone_with_the_rest() -> None:
    play = Player(ONE % UNDO).times_out("lis.Order")
    assert play.asked() == ["lis.Order", "lis.Cancel"]
    assert play.calls[1].document == {"undoes": "i:order:1", "own": "i:order:undo:1"}


def test_an_unknown_outcome_that_nothing_can_take_back_is_an_alert() -> None:
    play = Player(ONE % "").times_out("lis.Order")
    assert play.status == "compensated"
    assert [(alarm.kind, alarm.step, alarm.code) for alarm in play.alarms] == [("unknown", "order", "provider-timeout")]


def test_a_doubtful_call_is_undone_even_when_its_last_try_failed_for_certain() -> None:
    play = Player(ONE % UNDO).times_out("lis.Order", idempotent=True).ring().fails("lis.Order", "permanent")
    assert play.asked()[-1] == "lis.Cancel"


def test_results_and_timers_that_come_twice_or_late_change_nothing() -> None:
    play = Player(ONE % "")
    call = play.calls[0]
    play.fails("lis.Order", "transient")
    ((token, kind), due) = next(iter(play.instance.timers().items()))
    play.ring()
    settled = play.instance.dump()
    play.move(Timer(token, kind, due))
    play.move(Result(call.token, call.step, call.attempt, {"late": True}))
    play.move(Result("99", "order", 2))
    assert play.instance.dump() == settled


def test_a_request_that_cannot_be_computed_fails_the_step() -> None:
    play = Player("steps: [{call: lis.Order, with: '.input | error'}]", given={"a": 1})
    assert play.status == "compensated"
    assert play.instance.failure is not None
    assert play.instance.failure.code == "mapping"
    assert play.calls == []


ASKS = """
steps:
  - call: lis.Order
    save: order
    deadline: 100
    retry: {attempts: 3}
    unknown:
      call: lis.Query
      with: '{placed_as: .attempt_key}'
      done: .reply.found
      as: '{no: .reply.no}'
      retry: {attempts: 2}
    undo: {call: lis.Cancel, with: '{undoes: .attempt_key}'}
  - {fail: '"on purpose"', when: .input.fails}
"""


def test_a_step_in_doubt_that_was_done_goes_on_with_the_reply_that_the_query_gives() -> None:
    play = Player(ASKS).times_out("lis.Order").ok("lis.Query", {"found": True, "no": "L1"})
    assert play.open_call("lis.Query").document == {"placed_as": "i:order:1"}
    assert play.asked() == ["lis.Order", "lis.Query"]
    assert (play.status, play.instance.vars) == ("completed", {"order": {"no": "L1"}})


def test_a_step_in_doubt_that_was_not_done_is_sent_again_under_its_own_key() -> None:
    play = Player(ASKS).times_out("lis.Order").ok("lis.Query", {"found": False}).ok("lis.Order", {"no": "L2"})
    first, _, second = play.calls
    assert (first.key, first.document) == (second.key, second.document)
    assert (play.status, play.instance.vars) == ("completed", {"order": {"no": "L2"}})


def test_what_a_query_finds_done_is_undone_with_the_rest_under_the_key_it_was_done_with() -> None:
    play = Player(ASKS, given={"fails": True}).times_out("lis.Order").ok("lis.Query", {"found": True})
    assert play.open_call("lis.Cancel").document == {"undoes": "i:order:1"}
    late = Player(ASKS).times_out("lis.Order").ring("deadline").ok("lis.Query", {"found": True})
    assert late.asked()[-1] == "lis.Cancel"
    not_done = Player(ASKS).times_out("lis.Order").ring("deadline").ok("lis.Query", {"found": False})
    assert (not_done.status, not_done.asked()) == ("compensated", ["lis.Order", "lis.Query"])


def test_doubts_one_after_the_other_are_asked_under_new_keys_until_the_attempts_are_used_up() -> None:
    play = Player(ASKS)
    for _ in range(3):
        play.times_out("lis.Order").ok("lis.Query", {"found": False})
    assert [call.key for call in play.calls if call.phase == "unknown"] == [f"i:order:unknown:1.{n}" for n in (1, 2, 3)]
    assert play.status == "compensated"
    assert "lis.Cancel" not in play.asked()


def test_a_query_that_keeps_failing_is_a_task_and_never_a_blind_repeat() -> None:
    play = Player(ASKS).times_out("lis.Order").fails("lis.Query", "transient").ring().fails("lis.Query", "transient")
    assert [(task.step, task.phase) for task in play.instance.tasks().values()] == [("order", "unknown")]
    play.order("skip", reply={"no": "L9"})
    assert (play.status, play.instance.vars) == ("completed", {"order": {"no": "L9"}})
    assert play.asked().count("lis.Order") == 1


def test_an_answer_that_the_definition_cannot_read_waits_for_a_person() -> None:
    play = Player(ASKS.replace(".reply.found", ".reply.found.at")).times_out("lis.Order")
    play.ok("lis.Query", {"found": 7})
    assert play.status == "stuck"
    play.order("retry").ok("lis.Query", {"found": {"at": 1}, "no": "L1"})
    assert play.status == "completed"
