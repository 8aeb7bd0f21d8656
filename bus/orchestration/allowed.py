"""What an operator may tell an instance in the state that it is in."""

from __future__ import annotations

from collections.abc import Mapping

from bus.orchestration.instance import FINISHED, Instance
from bus.orchestration.stimuli import Verb


def allowed(instance: Instance) -> Mapping[Verb, tuple[str, ...]]:
    """Every verb that fits, with the steps it may name; no steps where it is for the instance as a whole.

    retry: what is stuck, and what pauses before its next try. skip: what is stuck, a reversal that keeps failing, and
    a wait. compensate: until the instance fails by itself. acknowledge: what waits for a person.
    """
    if instance.status in FINISHED:
        return {}
    tokens = instance.tokens.values()
    stuck = {token.step for token in tokens if token.status == "stuck"}
    pausing = {token.step for token in tokens if token.status == "backoff"}
    settling = {token.step for token in tokens if token.status == "backoff" and token.phase == "unknown"}
    waiting = {token.step for token in tokens if token.status == "waiting"}
    tasks = {token.step for token in instance.tasks().values()}
    named: dict[Verb, set[str]] = {"retry": stuck | pausing, "skip": stuck | settling | waiting, "acknowledge": tasks}
    verbs: dict[Verb, tuple[str, ...]] = {verb: tuple(sorted(steps)) for verb, steps in named.items() if steps}
    if instance.failure is None:
        verbs["compensate"] = ()
    return {**verbs, "cancel": (), "migrate": ()}
