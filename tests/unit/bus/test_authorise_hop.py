"""Nobody calls what no grant covers, and a broken limiter lets nobody through."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import orjson
import pytest
from asgi_caller import call, gateway
from twins import ORDER, World, envelope, operation, snapshot, soap_message

from bus.errors import BusError, NotAuthenticated, NotPermitted
from bus.hops.authorise import authorise
from bus.message import Message
from bus.pipeline import Pipeline
from registry.model import Consumer, Grant


def world(*grants: Grant) -> World:
    one = World(snapshot(operation(), operation("CancelOrder")))
    one.identities.consumers["kiosk"] = replace(one.identities.consumers["kiosk"], grants=grants)
    return one


@pytest.mark.parametrize(
    "grants",
    [(), (Grant("his", frozenset({"*"})),), (Grant("lis", frozenset({"CancelOrder"})),), (Grant("lis", frozenset()),)],
)
async def test_a_caller_without_a_grant_for_this_operation_sends_nothing(grants: tuple[Grant, ...]) -> None:
    one = world(*grants)
    with pytest.raises(NotPermitted, match=r"kiosk holds no grant for lis\.PlaceOrder"):
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    (record,) = one.journal.outcomes
    assert (record.error, record.consumer, record.operation) == ("not-permitted", "kiosk", "PlaceOrder")
    assert one.connector.sent == []


@pytest.mark.parametrize("grant", [Grant("lis", frozenset({"PlaceOrder"})), Grant("*", frozenset({"PlaceOrder"}))])
async def test_a_grant_for_just_this_operation_is_enough(grant: Grant) -> None:
    one = world(grant)
    with pytest.raises(BusError):  # the canned answer is no envelope; what counts is that the request got there
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert len(one.connector.sent) == 1


async def test_a_refusal_for_want_of_a_grant_is_told_in_either_protocol() -> None:
    one, two = world(), world()
    headers = {"x-api-key": "kiosk", "content-type": "text/xml"}
    fault = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), headers)
    problem = await call(gateway(two), "POST", "/rest/lis/PlaceOrder", b"<a/>", {**headers, "content-type": "text/xml"})
    assert (fault.status, fault.text("code")) == (500, "not-permitted")
    assert (problem.status, orjson.loads(problem.body)["code"]) == (403, "not-permitted")


async def test_a_limiter_that_breaks_lets_nobody_through() -> None:
    def broken(consumer: Consumer) -> NoReturn:
        raise ZeroDivisionError

    one = world(Grant("*", frozenset({"*"})))
    one.limiter.admit = broken  # type: ignore[method-assign]
    with pytest.raises(BusError):
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert one.connector.sent == []


async def test_a_message_that_nobody_identified_is_refused() -> None:
    async def onward(message: Message) -> NoReturn:
        raise AssertionError("it went on")

    message = soap_message(envelope(ORDER), operation=operation())
    with pytest.raises(NotAuthenticated):
        await authorise(message, onward, world().ports)
