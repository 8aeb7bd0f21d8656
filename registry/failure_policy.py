"""What is done about a delivery or a call that failed: the ``policy.on_failure`` of an operation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from registry.conformity import nearest
from registry.errors import Problem
from registry.findings import Spot

#: retry: again, after a pause. park: it waits for a person, and so does its lane. dead-letter: it is given up.
#: compensate: the workflow step fails now, and what was done is undone. warn: it counts as done, with an alert.
Action = Literal["retry", "park", "dead-letter", "compensate", "warn"]

#: The codes of the table in ``bus/errors.py`` with which a delivery or a call can fail.
CODES = frozenset(
    {
        *("addressing", "attachments", "charset", "contract", "document", "envelope", "malformed", "mapping"),
        *("must-understand", "security", "soap-version", "too-large", "transformer", "unsafe"),
        *("not-authenticated", "not-permitted", "rate-limited", "refused", "bad-request", "parameter"),
        *("not-found", "unknown-service", "unknown-version", "unknown-operation", "face-not-offered"),
        *("provider", "provider-fault", "provider-lied", "provider-refused-us", "provider-timeout"),
        *(
            "provider-unavailable",
            "provider-unreachable",
            "circuit-open",
            "endpoint-busy",
            "reply-too-large",
            "planned-downtime",
        ),
        *("outcome-unknown", "unavailable", "journal-unavailable", "state-unavailable", "backbone-unavailable"),
        *("backlog-full", "shutting-down", "internal"),
        "crash",  # an exception outside of the error tree
    }
)

#: Words that stand for several codes.
GROUPS: Mapping[str, frozenset[str]] = {
    "timeout": frozenset({"provider-timeout"}),
    "unreachable": frozenset({"provider-unreachable", "provider-unavailable", "circuit-open", "endpoint-busy"}),
    "invalid": frozenset({"contract", "malformed", "document", "parameter", "charset", "envelope", "unsafe"}),
}

#: The retry classes, a write whose outcome nobody knows, and everything.
CLASSES = frozenset({"transient", "permanent", "operator", "unknown", "any"})

ATTEMPTS = 12
DELAYS = (1.0, 10.0, 60.0, 600.0)

_HTTP = re.compile(r"http:[1-5][0-9][0-9]")
_FAULT = re.compile(r"fault:\S+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy. ``when`` holds single conditions; ``attempts`` and ``delays`` are those of a retry.

    ``delays`` are seconds after the first, second … failed attempt, the last one repeating. A retry that has had its
    ``attempts`` leaves the failure to the next rule that fits.
    """

    when: frozenset[str]
    action: Action
    attempts: int = ATTEMPTS
    delays: tuple[float, ...] = DELAYS


def choose(rules: Sequence[Rule], conditions: Collection[str], attempt: int, *, repeatable: bool = True) -> Rule | None:
    """The first rule that fits a failure of this ``attempt`` (from 1); None where the policy says nothing.

    ``repeatable`` is False for a write that may have been done and must not be done twice: no retry fits it.
    """
    for rule in rules:
        if rule.when.isdisjoint(conditions):
            continue
        if rule.action == "retry" and (not repeatable or attempt >= rule.attempts):
            continue
        return rule
    return None


def compile_failure_policy(raw: Sequence[Mapping[str, Any]], spot: Spot) -> tuple[tuple[Rule, ...], list[Problem]]:
    """The rules as written, which have the shape of the JSON Schema, and every word in them that nobody knows."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for number, entry in enumerate(raw):
        here = spot.at(number)
        written = entry["when"]
        words = [written] if isinstance(written, str) else written
        for position, word in enumerate(words):
            place = here.at("when") if isinstance(written, str) else here.at("when", position)
            problems += _unknown(word, place)
        if entry["do"] != "retry":
            unfit = [key for key in ("attempts", "delays") if key in entry]
            problems += [here.at(key).problem(f"{key!r} belongs to do: retry") for key in unfit]
        conditions = frozenset().union(*(GROUPS.get(word, {word}) for word in words))
        attempts, delays = entry.get("attempts", ATTEMPTS), tuple(map(float, entry.get("delays", DELAYS)))
        rules.append(Rule(conditions, entry["do"], attempts, delays))
    return tuple(rules), problems


def _unknown(word: str, spot: Spot) -> Iterator[Problem]:
    if word in CODES or word in GROUPS or word in CLASSES or _HTTP.fullmatch(word) or _FAULT.fullmatch(word):
        return
    hint = nearest(word, {*CODES, *GROUPS, *CLASSES}) or "an error code, a retry class, http:NNN, fault:NAME or any"
    yield spot.problem(f"unknown condition {word!r}", hint)
