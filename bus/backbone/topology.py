"""Every name on the backbone, in one place: exchange, queues, their dead-letter queues and their arguments."""

from __future__ import annotations

from typing import Final

EXCHANGE: Final = "meridian"

DELIVER: Final = "deliver"
"""Asynchronously accepted messages on their way to a provider."""

ENGINE: Final = "engine"
"""What moves workflows: starts, events, results of calls, timers."""

CALLS: Final = "calls"
"""Calls that workflow steps ask for."""

REPLIES: Final = "replies"
"""Replies on their way to an address that their caller named and its manifest allows."""

QUEUES: Final = (DELIVER, ENGINE, CALLS, REPLIES)

DEATH: Final = "x-meridian-death"
"""The header in which a letter from a dead-letter queue tells why the broker gave it up."""

LANE: Final = "x-meridian-lane"
ATTEMPT: Final = "x-meridian-attempt"
EXPIRES: Final = "x-meridian-expires"
"""Unix seconds, as text: what is a float in one AMQP client is a decimal in another."""

OPERATION: Final = "operation"
"""The header in which a letter names its ``service.operation``, for people and filters."""

COUNTED: Final = "x-meridian-counted"
"""The header that names the service whose own bound on its backlog counts the letter."""

REPLAYS: Final = "x-meridian-replays"
"""How often the letter was with the dead letters before."""

FLAW: Final = "x-meridian-flaw"
"""Why what came from a broker cannot be one of our letters."""

RETURNS: Final = "x-delivery-count"
"""How often a quorum queue has handed the message out in vain; RabbitMQ's own name."""

SYSTEM: Final = "x-meridian-system"
"""The system that a letter goes to: while it has a downtime, the letter is held."""

SUPERSEDES: Final = "x-meridian-supersedes"
"""What a letter is the newest word on: of several that a downtime held, only the last is sent."""

SUPERSEDED_BY: Final = "x-meridian-superseded-by"
"""The id of the letter for whose sake this one is not sent."""

DELIVERY_LIMIT: Final = 5
"""How often a letter may kill or lose its consumer before it is put aside."""


_DEAD = ".dead"


def physical(queue: str) -> str:
    """The name of a queue on a broker, which other applications may share."""
    return f"{EXCHANGE}.{queue}"


def logical(name: str) -> str:
    """The bus's own name of a queue on a broker."""
    return name.removeprefix(f"{EXCHANGE}.")


def dead(queue: str) -> str:
    """The queue that takes what a broker gives up of ``queue``."""
    return f"{queue}{_DEAD}"


def origin(queue: str) -> str:
    """The queue whose dead letters ``queue`` takes."""
    return queue.removesuffix(_DEAD)


MAX_LETTERS: Final = 100_000
MAX_BYTES: Final = 1024**3
"""What a queue holds at most; beyond that letters wait in the outbox, which is on a larger disk and can be searched."""


def quorum_arguments(queue: str) -> dict[str, object]:
    """RabbitMQ arguments of a queue: replicated, bounded, few deliveries, dead letters handed over at least once.

    ``at-least-once`` dead-lettering needs ``reject-publish``; a refused letter stays in the outbox.
    """
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": EXCHANGE,
        "x-dead-letter-routing-key": physical(dead(queue)),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": MAX_LETTERS,
        "x-max-length-bytes": MAX_BYTES,
    }


def dead_arguments() -> dict[str, object]:
    """RabbitMQ arguments of a dead-letter queue: replicated; what it holds is drained into the state store.

    Where the limit is left out, RabbitMQ 4 drops a letter after 20 deliveries.
    """
    return {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


def arguments_by_name() -> dict[str, dict[str, object]]:
    """Every queue by its name on a broker, each dead-letter queue before its own, with its arguments."""
    found = {}
    for queue in QUEUES:
        found[physical(dead(queue))] = dead_arguments()
        found[physical(queue)] = quorum_arguments(queue)
    return found
