"""What an operation's ``policy.on_failure`` may say, what it means, and how mistakes in it are told."""

from __future__ import annotations

import pytest
from catalogues import SYSTEM, operation_of, problems, service

from bus.errors import MEANINGS, NotFound, OutcomeUnknown, ProviderError, Refused, Unavailable
from registry.failure_policy import CODES, Rule, choose
from transformers.errors import DocumentError

POLICY = """
- name: Place
  effect: write
  policy:
    on_failure:
      - {when: timeout, do: retry, attempts: 3, delays: [1, 10]}
      - {when: [mapping, invalid], do: park}
      - {when: "fault:Duplicate", do: warn}
      - {when: "http:409", do: dead-letter}
      - {when: any, do: compensate}
"""


def test_rules_are_compiled_in_the_order_in_which_they_stand() -> None:
    rules = operation_of(POLICY).policy.on_failure
    assert [rule.action for rule in rules] == ["retry", "park", "warn", "dead-letter", "compensate"]
    assert rules[0] == Rule(frozenset({"provider-timeout"}), "retry", 3, (1.0, 10.0))
    assert {"mapping", "contract", "malformed"} <= rules[1].when


def test_the_first_rule_that_fits_decides_and_an_exhausted_retry_leaves_it_to_the_next() -> None:
    rules = operation_of(POLICY).policy.on_failure
    slow = {"provider-timeout", "transient", "any"}
    assert [getattr(choose(rules, slow, attempt), "action", None) for attempt in (1, 2, 3)] == [
        "retry", "retry", "compensate",
    ]  # fmt: skip
    assert choose(rules, {"provider-fault", "fault:Duplicate", "any"}, 1) is rules[2]
    assert choose(rules[:2], {"provider-fault", "any"}, 1) is None


def test_what_must_not_be_done_twice_is_never_retried_whatever_the_policy_says() -> None:
    rules = (Rule(frozenset({"any"}), "retry", 100), Rule(frozenset({"unknown"}), "park"))
    assert choose(rules, {"provider-timeout", "unknown", "any"}, 1, repeatable=False) is rules[1]


def test_an_operation_takes_its_versions_rules_and_may_bring_its_own() -> None:
    head = "policy: {on_failure: [{when: any, do: park}]}"
    assert operation_of("- {name: A}", head=head).policy.on_failure[0].action == "park"
    own = operation_of("- {name: A, policy: {on_failure: [{when: any, do: warn}]}}", head=head)
    assert [rule.action for rule in own.policy.on_failure] == ["warn"]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{when: timeuot, do: park}", "unknown condition 'timeuot' (did you mean timeout?)"),
        ("{when: [any, 'http:4xx'], do: park}", "unknown condition 'http:4xx'"),
        ("{when: 'fault:', do: park}", "unknown condition 'fault:'"),
        ("{when: any, do: prak}", "must be one of retry, park, dead-letter, compensate, warn (did you mean park?)"),
        ("{when: any}", "'do' is missing"),
        ("{when: any, do: park, attempts: 3}", "'attempts' belongs to do: retry"),
        ("{when: any, do: retry, attempts: 0}", "must be at least 1"),
        ("{when: any, do: retry, delays: []}", "needs at least 1"),
        ("{when: 7, do: park}", "must be a condition, or a list of them"),
    ],
)
def test_each_mistake_in_a_rule_is_told_with_its_line(rule: str, says: str) -> None:
    found = problems(SYSTEM, service(f"- name: A\n  policy:\n    on_failure:\n      - {rule}"))
    assert len(found) == 1
    assert found[0].startswith("m.yaml:15: ")
    assert says in found[0]


def test_only_a_workflow_can_compensate_so_a_plain_delivery_may_not_ask_for_it() -> None:
    rules = "policy: {on_failure: [{when: any, do: compensate}]}"
    (found,) = problems(SYSTEM, service(f"- {{name: A, mode: async, {rules}}}"))
    assert "no workflow could compensate it" in found
    assert problems(SYSTEM, service(f"- {{name: A, {rules}}}")) == []


def test_policies_know_every_code_with_which_a_delivery_can_fail_and_no_other() -> None:
    assert {row.code for row in MEANINGS.values()} >= CODES - {"crash"}
    tree = (ProviderError, DocumentError, NotFound, Refused, Unavailable, OutcomeUnknown)
    assert {row.code for kind, row in MEANINGS.items() if issubclass(kind, tree)} <= CODES
