"""What becomes of a failed letter: when it is tried again, and when it is given up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bus.errors import InDoubt, meaning
from transformers.errors import MeridianError


@dataclass(frozen=True, slots=True)
class Decision:
    """retry: again after ``delay`` seconds. give-up: parked where it has a lane, else with the dead letters.

    park, dead-letter: so whether it has a lane or not. warn: it counts as done, with an alert. ``doubt``: what is
    retried may have been done, and whoever takes it next must ask first.
    """

    action: Literal["retry", "give-up", "park", "dead-letter", "warn"]
    delay: float = 0.0
    doubt: bool = False


GIVE_UP = Decision("give-up")


@dataclass(frozen=True, slots=True)
class Retries:
    """The ladder of a queue.

    ``delays`` are seconds after the first, second … failed attempt, the last one repeating; each is drawn
    between 0 and itself (full jitter), and is never shorter than a provider's ``retry_after``. A transient
    error ends in the dead letters after ``attempts``, an exception outside the error tree after ``unexpected``.
    """

    delays: tuple[float, ...] = (1.0, 10.0, 60.0, 600.0)
    attempts: int = 12
    unexpected: int = 5

    def decide(self, error: BaseException, attempt: int) -> Decision:
        """What becomes of a letter whose ``attempt`` failed with ``error``."""
        if not isinstance(error, MeridianError):
            limit = self.unexpected
        elif meaning(error).retry == "transient":
            limit = self.attempts
        else:
            return GIVE_UP
        if attempt >= limit:
            return GIVE_UP
        return Decision("retry", pause(self.delays, error, attempt), isinstance(error, InDoubt))


def pause(delays: Sequence[float], error: BaseException, attempt: int) -> float:
    """Seconds between the failed ``attempt`` (from 1) and the next one: see ``Retries``."""
    longest = delays[min(attempt, len(delays)) - 1]
    jittered = random.uniform(0.0, longest)  # noqa: S311 - spreads load, guards nothing
    return max(jittered, float(getattr(error, "retry_after", 0.0)))


def verdict(error: BaseException) -> tuple[str, str]:
    """A code and a reason for the dead letters, free of the letter's content.

    The text of an exception outside the error tree may quote a document, so only its class and place are told.
    """
    if isinstance(error, MeridianError):
        return meaning(error).code, str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    return "crash", f"{type(error).__name__}{place}"
