"""Full-jitter backoff: callers that failed together must not come back together."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

#: No single wait is longer than this, whatever the attempt; the deadline usually ends matters earlier.
LONGEST = 10.0

_uniform = SystemRandom().uniform


def full_jitter(
    attempt: int,
    base: float,
    *,
    longest: float = LONGEST,
    uniform: Callable[[float, float], float] = _uniform,
) -> float:
    """Answer the seconds to wait after failed ``attempt`` (from 1): anything up to ``base`` doubled each time."""
    return uniform(0.0, min(longest, base * 2.0 ** min(attempt - 1, 32)))
