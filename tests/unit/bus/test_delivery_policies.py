"""What becomes of a delivery, and of a workflow's call, that failed: by the words of its operation's policy."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from sqlalchemy import create_engine
from twins import Source, operation, rest_message, snapshot

from bus.backbone.retries import GIVE_UP
from bus.errors import (
    OutcomeUnknown,
    ProviderFault,
    ProviderRefusedUs,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
)
from bus.message import Content
from bus.orchestration.calls import classify
from bus.orchestration.conditions import conditions
from bus.orchestration.deliveries import Deliveries
from bus.orchestration.tables import alert
from bus.parcel import pack
from bus.ports import Letter
from registry.failure_policy import Rule
from registry.model import Operation, Policy
from transformers.errors import AnswerRefused, MappingFailed

WRITE = operation(effect="write")


def fault(**given: Any) -> ProviderFault:
    return ProviderFault("the provider answered with a fault", **given)


@pytest.mark.parametrize(
    ("error", "fulfils"),
    [
        (ProviderTimeout("no answer"), {"provider-timeout", "transient", "unknown"}),
        (ProviderUnreachable("refused", sent=False), {"provider-unreachable", "transient"}),
        (ProviderUnavailable("busy", http_status=503), {"provider-unavailable", "http:503", "transient"}),
        (ProviderRefusedUs("401", http_status=401), {"provider-refused-us", "http:401", "operator"}),
        (fault(http_status=409, code="HTTP-409"), {"provider-fault", "http:409", "fault:HTTP-409", "permanent"}),
        (fault(code="Client.Duplicate"), {"http:500", "fault:Client.Duplicate", "fault:Duplicate"}),
        (fault(detail=etree.fromstring("<detail><n:Duplicate xmlns:n='urn:n'/></detail>")), {"fault:Duplicate"}),
        (fault(detail={"code": "E17", "message": "张三"}), {"fault:E17"}),
        (MappingFailed("no such code"), {"mapping", "operator", "unknown"}),
        (ValueError("张三"), {"crash", "operator", "unknown"}),
        (OutcomeUnknown("died"), {"outcome-unknown", "unknown"}),
    ],
)
def test_each_failure_fulfils_the_conditions_that_its_operator_would_name(error: Exception, fulfils: set[str]) -> None:
    found = conditions(error, WRITE)
    assert found >= fulfils | {"any"}
    assert ("unknown" in found) == ("unknown" in fulfils)
    assert not any("张三" in word for word in found)


def test_an_answer_that_says_no_is_known_by_the_code_that_it_gave() -> None:
    error = fault(code="Server.Refused")
    error.__cause__ = AnswerRefused("refused", code="-7")
    assert "fault:-7" in conditions(error, WRITE)


def test_a_read_never_leaves_anybody_in_doubt() -> None:
    assert "unknown" not in conditions(ProviderTimeout("no answer"), operation())


def rules(*given: Rule) -> Policy:
    return Policy(on_failure=given)


def letter_of(one: Operation, attempt: int = 1) -> tuple[Deliveries, Letter]:
    known = snapshot(one)
    version = known.services["lis"].versions["1"]
    message = rest_message("POST", "/orders", b"{}", version=version, operation=one, content=Content({}))
    return Deliveries(Source(known), None), Letter("1", "deliver", pack(message), attempt=attempt)  # type: ignore[arg-type]


def test_a_delivery_follows_the_first_rule_of_its_operation_that_fits() -> None:
    retry = Rule(frozenset({"transient"}), "retry", 3, (10.0,))
    one = operation(policy=rules(retry, Rule(frozenset({"any"}), "park")))
    for attempt, action in ((1, "retry"), (2, "retry"), (3, "park")):
        deliveries, letter = letter_of(one, attempt)
        decision = deliveries.decide(letter, ProviderTimeout("no answer"))
        assert decision is not None
        assert decision.action == action
        assert 0 <= decision.delay <= 10.0


def test_without_a_rule_the_ladder_decides_and_a_write_in_doubt_is_not_repeated() -> None:
    error = ProviderTimeout("no answer")
    deliveries, letter = letter_of(operation())
    assert deliveries.decide(letter, error) is None
    for one, decision in ((WRITE, GIVE_UP), (operation(effect="write", policy=Policy(idempotent=True)), None)):
        deliveries, letter = letter_of(one)
        assert deliveries.decide(letter, error) == decision
    blind = Rule(frozenset({"any"}), "retry", 100)
    deliveries, letter = letter_of(operation(effect="write", policy=rules(blind)))
    assert deliveries.decide(letter, error) == GIVE_UP
    again = deliveries.decide(letter, ProviderUnreachable("refused", sent=False))
    assert again is not None
    assert again.action == "retry"


def test_what_is_no_message_of_ours_any_more_is_left_to_the_ladder() -> None:
    deliveries, _ = letter_of(operation())
    for body in (b"\xff", b"[]", b"{}", b'{"format": 9}', b'{"format": 1, "body": ""}'):
        assert deliveries.decide(Letter("1", "deliver", body), MappingFailed("x")) is None


def test_a_call_tells_its_workflow_what_the_policy_says() -> None:
    retry = Rule(frozenset({"transient"}), "retry", 2, (10.0,))
    one = operation(policy=rules(retry, Rule(frozenset({"any"}), "compensate")))
    first, second = (classify(ProviderTimeout("no answer"), one, attempt) for attempt in (1, 2))
    assert first.action == "retry"
    assert 0 <= first.pause <= 10.0
    assert (second.action, second.pause) == ("compensate", 0.0)
    assert classify(ProviderTimeout("no answer"), operation()).action == ""


def test_a_warned_delivery_raises_an_alert_that_names_the_operation() -> None:
    deliveries, letter = letter_of(WRITE)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        alert.create(connection)
        deliveries.warn(connection, letter, "provider-fault")
        row = connection.execute(alert.select()).one()
    engine.dispose()
    assert (row.kind, row.instance, row.step, row.code) == ("warned", "", "lis.PlaceOrder", "provider-fault")
