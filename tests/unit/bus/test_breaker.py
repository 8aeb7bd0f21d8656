"""The circuit breaker's promises, with a clock that the tests turn."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bus.resilience.breaker import Breaker, Ticket


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def opened(clock: Clock, failures: int = 3) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(failures):
        fail(breaker)
    return breaker


def enter(breaker: Breaker) -> Ticket:
    ticket = breaker.enter()
    assert ticket is not None
    return ticket


def fail(breaker: Breaker) -> None:
    breaker.failed(enter(breaker), threshold=3, open_for=5.0)


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    breaker = opened(Clock(), failures=2)
    assert breaker.state == "closed"
    fail(breaker)
    assert (breaker.state, breaker.enter(), breaker.retry_after) == ("open", None, 5.0)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = opened(Clock(), failures=2)
    breaker.succeeded(enter(breaker))
    fail(breaker)
    fail(breaker)
    assert breaker.state == "closed"


def test_exactly_one_probe_goes_out_when_the_time_is_up() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.time = 4.9
    assert not breaker.admits()
    clock.time = 5.0
    assert breaker.state == "half-open"
    assert breaker.enter() is not None
    assert not breaker.admits()
    assert breaker.enter() is None


def test_a_probe_that_succeeds_closes_and_one_that_fails_opens_for_the_full_time() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.time = 5.0
    fail(breaker)
    assert (breaker.state, breaker.retry_after) == ("open", 5.0)
    clock.time = 10.0
    breaker.succeeded(enter(breaker))
    assert (breaker.state, breaker.failures) == ("closed", 0)


def test_a_failed_probe_opens_again_whatever_the_threshold_of_its_operation() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.time = 5.0
    breaker.failed(enter(breaker), threshold=100, open_for=5.0)
    assert breaker.state == "open"


def test_an_abandoned_probe_gives_its_place_to_the_next() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.time = 5.0
    breaker.abandoned(enter(breaker))
    assert breaker.enter() is not None


@pytest.mark.parametrize("late", ["succeeded", "failed", "abandoned"])
def test_a_call_from_before_the_opening_changes_nothing_after_it(late: str) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    old = enter(breaker)
    for _ in range(3):
        fail(breaker)
    clock.time = 5.0
    probe = enter(breaker)
    if late == "failed":
        breaker.failed(old, threshold=3, open_for=5.0)
    else:
        getattr(breaker, late)(old)
    assert (breaker.state, breaker.enter()) == ("half-open", None)
    breaker.succeeded(probe)
    assert breaker.state == "closed"


class AnyOrder(RuleBasedStateMachine):
    """Whatever the order of calls, results and time: while open nothing passes, half-open at most one."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker(self.clock)
        self.tickets: list[Ticket] = []
        self.probes = 0

    @rule()
    def call(self) -> None:
        state = self.breaker.state
        ticket = self.breaker.enter()
        assert (ticket is None) or state != "open"
        if ticket is not None:
            self.tickets.append(ticket)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def end(self, data: st.DataObject, how: str) -> None:
        ticket = self.tickets.pop(data.draw(st.integers(0, len(self.tickets) - 1)))
        if how == "failed":
            self.breaker.failed(ticket, threshold=2, open_for=3.0)
        else:
            getattr(self.breaker, how)(ticket)

    @rule(seconds=st.integers(0, 4))
    def wait(self, seconds: int) -> None:
        self.clock.time += seconds

    @invariant()
    def it_always_heals(self) -> None:
        assert self.breaker.retry_after <= 3.0
        assert self.breaker.state in ("closed", "open", "half-open")
        if self.breaker.state == "half-open" and not self.breaker.admits():
            assert self.tickets, "a probe's place is taken and nobody holds it"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
