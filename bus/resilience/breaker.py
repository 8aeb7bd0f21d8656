"""A circuit breaker: after enough failures in a row nobody waits for a dead system any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NewType

#: Belongs to one admitted call; results of a call that was admitted in an earlier state are ignored.
Ticket = NewType("Ticket", int)

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed, open, and half-open with exactly one probe. Belongs to one event loop, holds no lock.

    The thresholds come with each result, because they are the operation's and the breaker is the endpoint's.
    ``clock`` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._state: State = "closed"
        self._era = 0
        self._probing = False
        self._reopens_at = 0.0
        self.failures = 0

    @property
    def state(self) -> State:
        """The state as a caller would meet it now: an open breaker whose time is up is half-open."""
        return "half-open" if self._state == "open" and self._clock() >= self._reopens_at else self._state

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may go out; 0 when one may now."""
        return max(0.0, self._reopens_at - self._clock()) if self._state == "open" else 0.0

    def admits(self) -> bool:
        """Whether ``enter`` would let a call through."""
        if self._state == "closed":
            return True
        return self.state == "half-open" and not self._probing

    def enter(self) -> Ticket | None:
        """Take a ticket for one call, or None while the breaker is open or its probe is under way."""
        if self._state == "closed":
            return Ticket(self._era)
        if not self.admits():
            return None
        if self._state == "open":
            self._become("half-open")
        self._probing = True
        return Ticket(self._era)

    def succeeded(self, ticket: Ticket) -> None:
        """The endpoint answered: close."""
        if ticket != self._era:
            return
        self.failures = 0
        if self._state == "half-open":
            self._become("closed")

    def failed(self, ticket: Ticket, *, threshold: int, open_for: float) -> None:
        """The endpoint did not answer: open after ``threshold`` in a row, or at once when this was the probe."""
        if ticket != self._era:
            return
        self.failures += 1
        if self._state == "half-open" or self.failures >= threshold:
            self._become("open")
            self._reopens_at = self._clock() + open_for

    def abandoned(self, ticket: Ticket) -> None:
        """The call ended without telling anything about the endpoint; a probe's place is free again."""
        if ticket == self._era:
            self._probing = False

    def _become(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._probing = False
