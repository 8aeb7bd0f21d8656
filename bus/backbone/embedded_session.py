"""One kombu connection as its thread sees it: opened when needed, opened again when lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty
from typing import Any, TypeAlias

import kombu
import structlog
from kombu.exceptions import KombuError

from bus.backbone.topology import EXCHANGE, QUEUES, physical
from bus.backbone.wire import CONTENT_TYPE, headers_of, letter_from
from bus.errors import BackboneUnavailable
from bus.ports import Letter

_log = structlog.get_logger(__name__)

#: A letter and the kombu message that must be acknowledged for it.
Arrived: TypeAlias = tuple[Letter, Any]

_KOMBU: Any = kombu  # typed in part, and not in the part that is used here
_PAUSE = 1.0


class Session:
    """Not thread-safe: every call comes from the thread that made it. Raises BackboneUnavailable."""

    def __init__(self, url: str, *, prefix: str, wait: float) -> None:
        self._url = url
        self._prefix = prefix
        self._wait = wait
        self._connection: Any = None
        self._producer: Any = None
        self._subscriptions: dict[str, int] = {}
        self._arrived: list[Arrived] = []
        self._not_before = 0.0

    def open(self) -> None:
        """Connect, declare everything and subscribe again, unless connected."""
        if self._connection is not None:
            return
        if time.monotonic() < self._not_before:
            raise BackboneUnavailable("the embedded broker was lost a moment ago")
        with self._guarded():
            connection = _KOMBU.Connection(self._url, transport_options={"polling_interval": None})
            self._connection = connection.ensure_connection(max_retries=1, timeout=5)
            channel = connection.channel()
            self._exchange = _KOMBU.Exchange(self._prefix + EXCHANGE, type="direct", durable=True)
            for queue in QUEUES:
                self._queue(queue)(channel).declare()
            self._producer = _KOMBU.Producer(channel, self._exchange, auto_declare=False)
            for queue, prefetch in self._subscriptions.items():
                self._subscribe(queue, prefetch)

    def publish(self, letters: Sequence[Letter]) -> None:
        """Hand every letter to its queue."""
        self.open()
        with self._guarded():
            for letter in letters:
                self._producer.publish(
                    letter.body,
                    routing_key=physical(letter.queue),
                    content_type=CONTENT_TYPE,
                    content_encoding="binary",
                    message_id=letter.id,
                    headers=headers_of(letter),
                )

    def consume(self, queue: str, prefetch: int) -> None:
        """Subscribe, now and after every reconnect."""
        self._subscriptions[queue] = prefetch
        self.open()
        with self._guarded():
            self._subscribe(queue, prefetch)

    def drain(self) -> Sequence[Arrived]:
        """Answer the letters that have arrived; none while the broker is away."""
        try:
            self.open()
            with self._guarded():
                self._drain()
        except BackboneUnavailable as error:
            _log.warning("embedded broker away", reason=str(error))
        arrived, self._arrived = self._arrived, []
        return arrived

    def acknowledge(self, message: Any) -> None:
        """The letter is settled. A message of a lost connection is redelivered, and the inbox knows it."""
        if self._alive(message):
            with self._guarded():
                message.ack()

    def requeue(self, message: Any) -> None:
        """Have the letter delivered again."""
        if self._alive(message):
            with self._guarded():
                message.requeue()

    def close(self) -> None:
        """Disconnect. In memory, queues are process-wide: take ours away."""
        if self._connection is None:
            return
        with self._guarded():
            if self._prefix:
                channel = self._connection.default_channel
                for queue in QUEUES:
                    self._queue(queue)(channel).delete()
            self._connection.release()
        self._connection = None

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────

    def _queue(self, queue: str) -> Any:
        name = physical(queue)
        return _KOMBU.Queue(self._prefix + name, self._exchange, routing_key=name, durable=True)

    def _subscribe(self, queue: str, prefetch: int) -> None:
        def arrived(message: Any) -> None:
            self._arrived.append((_letter(queue, message), message))

        channel = self._connection.channel()  # prefetch is per channel
        channel.basic_qos(0, prefetch, False)
        _KOMBU.Consumer(channel, [self._queue(queue)], on_message=arrived, auto_declare=False).consume()

    def _drain(self) -> None:
        if not self._subscriptions:
            return
        while True:
            try:
                self._connection.drain_events(timeout=self._wait)
            except (TimeoutError, Empty):
                return

    def _alive(self, message: Any) -> bool:
        channel = message.channel
        return self._connection is not None and channel is not None and channel.connection is not None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """The border to kombu: whatever breaks the connection becomes BackboneUnavailable."""
        try:
            yield
        except _errors(self._connection) as error:
            self._connection = None
            self._not_before = time.monotonic() + _PAUSE
            raise BackboneUnavailable(f"the embedded broker failed: {type(error).__name__}") from error


def _errors(connection: Any) -> tuple[type[BaseException], ...]:
    own = (*connection.connection_errors, *connection.channel_errors) if connection is not None else ()
    return (KombuError, OSError, *own)


def _letter(queue: str, message: Any) -> Letter:
    body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
    properties = message.properties
    return letter_from(queue, properties.get("message_id"), body, message.headers or {}, str(message.content_type))
