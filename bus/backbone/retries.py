"""When a failed letter is tried again, and when it is given up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from bus.errors import meaning
from transformers.errors import MeridianError


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

    def delay(self, error: BaseException, attempt: int) -> float | None:
        """Seconds until the next attempt after ``attempt`` failed with ``error``; None to give it up."""
        if not isinstance(error, MeridianError):
            limit = self.unexpected
        elif meaning(error).retry == "transient":
            limit = self.attempts
        else:
            return None
        if attempt >= limit:
            return None
        longest = self.delays[min(attempt, len(self.delays)) - 1]
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
