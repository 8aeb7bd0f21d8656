"""Asks a provider whether a write of unknown outcome was done, by the query that its operation names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bus.errors import InDoubt, PlannedDowntime
from registry.model import Operation
from registry.outcome_query import OutcomeQuery
from transformers.document import Json
from transformers.errors import MeridianError


class Caller(Protocol):
    """Calls an operation over the bus, by all of its hops."""

    async def call_operation(
        self,
        operation: str,
        document: Json,
        *,
        flow: str,
        parent: str,
        keys: tuple[tuple[str, str], ...],
        idempotency_key: str,
    ) -> Json:
        """Call ``service.operation`` and answer its reply as JSON. Raises MeridianError."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A write that may have been done: its key, document and business keys, and the exchange it belongs to."""

    key: str
    document: Json
    keys: tuple[tuple[str, str], ...]
    flow: str
    parent: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it was done, and what it then would have answered."""

    done: bool
    reply: Json = None


async def ask(caller: Caller, operation: Operation, query: OutcomeQuery, doubt: Doubt) -> Answer:
    """Ask by ``query``. Raises InDoubt when no answer can be had, or none that the query's expressions can read,
    and PlannedDowntime while the system that knows it is down."""
    seen: dict[str, Json] = {"key": doubt.key, "keys": dict(doubt.keys), "request": doubt.document}
    name = f"{operation.service}.{query.operation}"
    try:
        reply = await caller.call_operation(
            name,
            query.request(seen),
            flow=doubt.flow,
            parent=doubt.parent,
            keys=doubt.keys,
            idempotency_key=f"{doubt.key}:query:{doubt.attempt}",
        )
        seen["reply"] = reply
        done = query.done(seen) not in (None, False)
        return Answer(done, query.reply(seen) if done else None)
    except PlannedDowntime:
        raise  # nobody was asked: the letter waits until somebody can be
    except MeridianError as error:
        asked = f"whether {operation.service}.{operation.name} was done is unknown, and {name} does not tell"
        raise InDoubt(f"{asked}: {error}") from error
