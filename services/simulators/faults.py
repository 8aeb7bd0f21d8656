"""What a simulated system does wrong on purpose, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Times are seconds; 0 switches a fault off.

    ``hang_after``/``hang_for``: from so long after the first call, and for so long, no answer leaves.
    ``late_every``/``late_by``: every k-th settlement is done at once and answered so much later.
    ``refuse_every``: every k-th order is refused.
    """

    hang_after: float = 0.0
    hang_for: float = 0.0
    late_every: int = 0
    late_by: float = 0.0
    refuse_every: int = 0


class Hang:
    """The period in which a system takes calls and does not answer them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._first = 0.0

    def remaining(self) -> float:
        """Answer for how many seconds from now no answer leaves; 0 outside the period."""
        now = time.monotonic()
        self._first = self._first or now
        begin = self._first + self._faults.hang_after
        end = begin + self._faults.hang_for
        return end - now if self._faults.hang_for and begin <= now < end else 0.0


def every(k: int, count: int) -> bool:
    """Whether the ``count``-th occurrence (from 1) is one of every ``k``; never for k = 0."""
    return k > 0 and count % k == 0
