"""What the journal will know of one exchange, gathered while the message walks: hops, times, bodies, keys."""

from __future__ import annotations

from contextvars import Token
from dataclasses import asdict
from time import perf_counter_ns, time
from typing import TypeAlias

import orjson

from bus.connectors.trail import Attempts, attempt_trail
from bus.errors import ProviderFault, meaning
from bus.message import Message
from bus.payload import stored
from bus.ports import Body, HopRecord, Record
from bus.quirks import note
from bus.scrub import scrub
from bus.telemetry.correlation import correlated

#: Names that come from the URL are the caller's: the journal keeps no more of them than a real name needs.
_LONGEST_NAME = 64
_LONGEST_DETAIL = 500

Keys = tuple[tuple[str, str], ...]


#: One hop: its name, the message it was given, when it began and ended (ns, the rest of the way included), and its
#: error code.
Span: TypeAlias = tuple[str, Message, int, int, str]


class Exchange:
    """One message on its way, as the journal sees it. Lives for one walk and belongs to it alone.

    ``received`` is the message at the door, ``sent`` as it entered the hop that sends, ``reply_received`` what
    that hop answered. ``spans`` are the hops that have ended, so the innermost comes first. ``held`` is how long (ns)
    the message waited for its intent to be on disk: no hop's time.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_correlation",
        "_revision",
        "_token",
        "_trail",
        "held",
        "received",
        "reply_received",
        "sent",
        "spans",
    )

    def __init__(self, message: Message, revision: int) -> None:
        self.received = message
        self.sent: Message | None = None
        self.held = 0
        self.reply_received: Message | None = None
        self._asked: list[Body] | None = None
        self._began = perf_counter_ns()
        self._revision = revision
        self.spans: list[Span] = []
        self._trail = Attempts()
        self._correlation = correlated(message.flow, message.id)
        self._token: Token[Attempts | None] | None = None

    def __enter__(self) -> None:
        """Have log lines carry this message's ids, and the connector tell how often it tried and how long it waited."""
        self._correlation.__enter__()
        self._token = attempt_trail.set(self._trail)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Stop listening; of an exchange that failed nobody will read the reply's attachments."""
        if error is not None and self.reply_received is not None and self.reply_received.attachments is not None:
            self.reply_received.attachments.discard()
        if self._token is not None:
            attempt_trail.reset(self._token)
        self._correlation.__exit__(None, None, None)

    @property
    def latest(self) -> Message:
        """The message as far as it came."""
        return self.sent or (self.spans[0][1] if self.spans else self.received)

    @property
    def caller(self) -> Message:
        """The message as it was when its caller became known, or as far as it came before that."""
        known = (message for _, message, *_ in reversed(self.spans) if message.consumer is not None)
        return next(known, self.latest)

    @property
    def _opened(self) -> Message:
        """The message with its body: for a GET, whose document stands in its address, that of a later hop."""
        if self.received.body:
            return self.received
        return next((message for _, message, *_ in reversed(self.spans) if message.body), self.received)

    def sending(self, message: Message) -> None:
        """Note that ``message`` is about to be sent."""
        self.sent = message

    def intent(self) -> Record:
        """Who is about to ask what of whom, with the body as received and as it will be sent."""
        bodies = self._request_bodies()
        if self.received.body and self.received.attachments is None and self.latest.attachments is None:
            self._asked = bodies  # nothing can be added to them any more
        return self._record(bodies, self.latest.keys, ended=False)

    def succeeded(self, reply: Message) -> Record:
        """The outcome of an exchange that has an answer."""
        bodies = self._request_bodies()
        body, content_type = stored(reply)
        received = self.reply_received
        if received is not None and received.body and received.body is not body:
            bodies.append(_body("reply.received", received.body, received.content_type))
            if received.attachments is not reply.attachments:
                bodies += _attached("reply.received", received)
        if body:
            bodies.append(_body("reply", body, content_type))
        bodies += _attached("reply", reply)
        keys = reply.keys if len(reply.keys) > len(self.latest.keys) else self.latest.keys
        detail = "; ".join(reply.notes)[:_LONGEST_DETAIL] if reply.notes else ""
        return self._record(bodies, keys, "accepted" if reply.accepted else "ok", "", detail, reply.status)

    def superseded(self, newer: str) -> Record:
        """The outcome of a message that is not sent, because ``newer`` says all that it would say."""
        return self._record([], self.latest.keys, "superseded", "", f"superseded by {newer}")

    def failed(self, error: BaseException) -> Record:
        """The outcome of an exchange that ended in an error of the tree."""
        bodies = self._request_bodies()
        received = self.reply_received
        if received is not None and received.body:
            bodies.append(_body("reply.received", received.body, received.content_type))
            bodies += _attached("reply.received", received)
        row = meaning(error)
        status = "fault" if isinstance(error, ProviderFault) else "error"
        notes = self.latest.notes
        if status == "fault" and received is not None and received.status < 300:
            notes = (*notes, note("fault_status", "a fault under HTTP 200"))
        detail = "; ".join((str(error)[:_LONGEST_DETAIL], *notes))
        return self._record(bodies, self.latest.keys, status, row.code, detail, row.status)

    def _record(
        self,
        bodies: list[Body],
        keys: Keys,
        status: str = "open",
        error: str = "",
        detail: str = "",
        http_status: int = 0,
        *,
        ended: bool = True,
    ) -> Record:
        message, began = self.latest, self._began
        operation, version, consumer, target = message.operation, message.version, message.consumer, message.target
        return Record(
            id=message.id,
            flow=message.flow,
            parent=message.parent,
            door=message.door,
            consumer=consumer.name if consumer is not None else "",
            system=version.system if version is not None else "",
            service=version.service if version is not None else target.service[:_LONGEST_NAME],
            version=version.version if version is not None else target.version[:_LONGEST_NAME],
            operation=operation.name if operation is not None else target.operation[:_LONGEST_NAME],
            received_at=message.received_at or time(),
            status=status,
            error=error,
            detail=detail,
            http_status=http_status,
            attempts=self._trail.attempts,
            duration_us=(perf_counter_ns() - began) // 1000,
            sent_us=self._trail.waited_us,
            revision=self._revision,
            keys=keys,
            hops=self._hops() if ended else (),
            bodies=tuple(bodies),
        )

    def _hops(self) -> tuple[HopRecord, ...]:
        """Each hop with its own time: what it took, less what the next one, which runs inside it, took."""
        start, inside, held = self._began, 0, self.held
        hops = []
        for name, _, began, ended, error in self.spans:
            took = ended - began
            if took < inside:
                took = inside
            hops.append(HopRecord(name, (began - start) // 1000, (took - inside) // 1000, error))
            inside, held = took + held, 0
        hops.reverse()
        return tuple(hops)

    def _request_bodies(self) -> list[Body]:
        if self._asked is not None:
            return list(self._asked)
        opened = self._opened
        bodies = [_body("request", opened.body, opened.content_type)] if opened.body else []
        bodies += _attached("request", self.received)
        if self.sent is not None:
            body, content_type = stored(self.sent)
            if body and body is not opened.body:
                bodies.append(_body("request.sent", body, content_type))
            if self.sent.attachments is not self.received.attachments:
                bodies += _attached("request.sent", self.sent)
        return bodies


def _body(stage: str, data: bytes, content_type: str) -> Body:
    return Body(stage, scrub(data), content_type)


def _attached(stage: str, message: Message) -> list[Body]:
    """What is known of a message's attachments so far: never their content."""
    if message.attachments is None:
        return []
    facts = [asdict(fact) for fact in message.attachments.facts]
    return [Body(f"{stage}.attachments", orjson.dumps(facts), "application/json")]
