"""What an operation's ``order_by`` and ``policy.expires`` may say, and how mistakes in them are told."""

from __future__ import annotations

import pytest
from catalogues import SYSTEM, operation_of, problems, service


def test_an_operation_orders_by_one_of_its_own_keys() -> None:
    operation = operation_of("- {name: A, keys: {visit_no: .v, order_no: .o}, order_by: visit_no}")
    assert operation.order_by is not None
    assert (operation.order_by.name, operation.order_by in operation.keys) == ("visit_no", True)
    assert operation_of("- {name: A, keys: {visit_no: .v}}").order_by is None


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("keys: {visit_no: .v}, order_by: visit_n", "order_by names 'visit_n', which is no key of A"),
        ("keys: {visit_no: .v}, order_by: visit_n", "did you mean visit_no?"),
        ("order_by: visit_no", "declare it under keys"),
        ("reply_keys: {visit_no: .v}, order_by: visit_no", "declare it under keys"),
    ],
)
def test_an_order_by_what_is_no_key_of_the_request_is_refused_where_it_stands(rest: str, says: str) -> None:
    manifest = service(f"- name: A\n  {rest.replace(', ', chr(10) + '  ')}")
    (problem,) = problems(SYSTEM, manifest)
    text = f"{SYSTEM.lstrip()}---\n{manifest}".splitlines()
    line = next(number for number, one in enumerate(text, 1) if one.strip().startswith("order_by"))
    assert problem.startswith(f"m.yaml:{line}: ")
    assert says in problem


def test_messages_expire_after_the_seconds_of_the_policy_and_otherwise_never() -> None:
    assert operation_of("- {name: A, policy: {expires: 3600}}").policy.expires == 3600
    assert operation_of("- {name: A}", head="policy: {expires: 60}").policy.expires == 60
    assert operation_of("- {name: A}").policy.expires == 0
    (problem,) = problems(SYSTEM, service("- {name: A, policy: {expires: 0}}"))
    assert "expires" in str(problem)
