"""What both stores share: topics announced inside a work and heard after its commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

_TOPICS = "meridian.topics"


def announce(connection: Connection, topic: str) -> None:
    """Inside a work: have the listeners of ``topic`` called if, and only after, this work commits."""
    connection.info.setdefault(_TOPICS, set()).add(topic)


def take_topics(connection: Connection) -> set[str]:
    """Answer what was announced on this connection since the last call, and forget it."""
    topics: set[str] = connection.info.pop(_TOPICS, set())
    return topics


class Listeners:
    """Who wants to hear of which topic."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def add(self, topic: str, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever ``topic`` is told."""
        self._callbacks[topic].append(callback)

    def tell(self, topics: Iterable[str]) -> None:
        """Call every listener of these topics once."""
        for topic in topics:
            for callback in self._callbacks.get(topic, ()):
                callback()
