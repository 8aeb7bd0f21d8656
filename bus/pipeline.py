"""START READING HERE: the life of a request, in the order of the hops.

A message enters at the top and walks down; the reply walks back up through the same hops, so ``transform``
and ``validate`` see both. A failed message is an exception, never a message with a flag.
``compose`` wraps every hop with the journal: no hop mentions it, and none can escape it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter_ns, time
from typing import TypeAlias

from msgspec.structs import replace
from structlog import get_logger

from bus.errors import BusError, CallerGone, OutcomeUnknown, UnknownOperation, meaning
from bus.exchange import Exchange
from bus.hops.adapt import adapt
from bus.hops.authenticate import authenticate
from bus.hops.authorise import authorise
from bus.hops.call import call
from bus.hops.decode import decode
from bus.hops.index import index
from bus.hops.resolve import resolve
from bus.hops.route import route
from bus.hops.transform import transform
from bus.hops.validate import validate
from bus.message import Message, Target, new_flow, new_id
from bus.ports import Hop, Journal, Ports, Record
from bus.telemetry.logs import describe_exception
from transformers import json_text
from transformers.document import Json, is_xml
from transformers.errors import MeridianError

_log = get_logger(__name__)

#: First in, last out.
HOPS: tuple[Hop, ...] = (
    decode,  # bytes → text → one hardened parse; SOAP envelope opened
    authenticate,  # who calls: API key, HTTP Basic, WS-Security UsernameToken
    resolve,  # which service, version and operation
    authorise,  # may this caller, and not too often
    adapt,  # the caller's form ↔ the contract's form (SOAP ↔ JSON by schema, SOAP version, charset)
    index,  # business keys: patient_id, visit_no, order_no …
    validate,  # the request against its contract; the reply on its way back
    route,  # now, or accepted durably for later
    transform,  # the contract's document ↔ the provider's (XSLT, jq, code tables)
    call,  # out through a connector: deadline, retry, breaker, concurrency limit
)

#: An accepted message goes on where ``route`` left it.
DELIVERY: tuple[Hop, ...] = HOPS[HOPS.index(route) + 1 :]

_FAILED = "the bus failed; look up the message id in its log"

Walk: TypeAlias = Callable[[Exchange], Awaitable[Message]]
Step: TypeAlias = Callable[[Exchange, Message], Awaitable[Message]]


def compose(hops: Sequence[Hop], ports: Ports) -> Walk:
    """Make one walk of the hops. The last hop is the one that sends: before it, a write's intent is on disk."""
    *earlier, last = hops
    onward = _sending(_timed(last, _nowhere, ports), ports.journal)
    for hop in reversed(earlier):
        onward = _timed(hop, onward, ports)
    return lambda exchange: onward(exchange, exchange.received)


def _timed(hop: Hop, onward: Step, ports: Ports) -> Step:
    """The hop with what comes behind it, its time and its error code noted in the exchange."""
    name = getattr(hop, "__name__", type(hop).__name__)

    async def step(exchange: Exchange, message: Message) -> Message:
        failure = ""
        began = perf_counter_ns()
        try:
            return await hop(message, partial(onward, exchange), ports)
        except BaseException as error:
            failure = meaning(error).code
            raise
        finally:
            exchange.spans.append((name, message, began, perf_counter_ns(), failure))

    return step


def _sending(step: Step, journal: Journal) -> Step:
    """The last step, with what leaves and what comes back noted, and a write's intent on disk before it."""

    async def send(exchange: Exchange, message: Message) -> Message:
        exchange.sending(message)
        if message.operation is not None and message.operation.effect == "write":
            began = perf_counter_ns()
            await journal.intent(exchange.intent())
            exchange.held = perf_counter_ns() - began
        exchange.reply_received = reply = await step(exchange, message)
        return reply

    return send


async def _nowhere(exchange: Exchange, message: Message) -> Message:
    raise LookupError("the last hop has nothing behind it")


class Pipeline:
    """Carries messages through the hops, each exchange with its outcome on disk before its answer leaves.

    ``observe`` sees every record after it was journaled (for metrics) and must not raise.
    """

    def __init__(
        self, ports: Ports, hops: Sequence[Hop] = HOPS, *, observe: Callable[[Record], None] | None = None
    ) -> None:
        self._ports = ports
        self._walk = compose(hops, ports)
        self._delivery = compose(DELIVERY, ports)
        self._observe = observe

    def open(self, message: Message) -> Exchange:
        """Begin to record the exchange of ``message``; ``carry`` ends it."""
        return Exchange(message, self._ports.registry.snapshot.revision)

    async def handle(self, message: Message) -> Message:
        """Carry one message from the door to its reply. Raises MeridianError, always after the journal has it."""
        return await self.carry(self.open(message))

    def carry(self, exchange: Exchange) -> Awaitable[Message]:
        """Like ``handle``, for a door that wants to know how far the message came (``exchange.caller``)."""
        return self._conclude(exchange, self._walk)

    async def refuse(self, message: Message, error: MeridianError) -> None:
        """Journal a message that the door itself could not take. Raises JournalUnavailable."""
        await self._journal(self.open(message).failed(error))

    async def deliver(self, message: Message) -> Message:
        """Carry an accepted message (``parcel.unpack``) on to its provider. Every attempt is an exchange of its own.

        The attempt's parent is the accepted message, whose id stays the idempotency key. Raises MeridianError.
        """
        attempt = replace(
            message,
            id=new_id(),
            parent=message.id,
            received_at=time(),
            idempotency_key=message.idempotency_key or message.id,
        )
        return await self._conclude(self.open(attempt), self._delivery)

    async def supersede(self, message: Message, newer: str) -> None:
        """Journal that an accepted message is not sent: the message ``newer`` says all that it would say."""
        attempt = replace(message, id=new_id(), parent=message.id, received_at=time())
        with (exchange := self.open(attempt)):
            await self._journal(exchange.superseded(newer))

    async def call_operation(
        self,
        operation: str,
        document: Json,
        *,
        flow: str = "",
        parent: str = "",
        keys: tuple[tuple[str, str], ...] = (),
        idempotency_key: str = "",
        deadline: float = 0.0,
    ) -> Json:
        """Call ``service.operation`` for a workflow step: JSON in, JSON out, through every hop.

        ``deadline`` is on the monotonic clock. Raises MeridianError.
        """
        service, _, name = operation.partition(".")
        message = Message(
            id=new_id(),
            flow=flow or new_flow(),
            door="workflow",
            target=Target(service, operation=name),
            body=json_text.dumps(document),
            content_type="application/json",
            received_at=time(),
            parent=parent,
            keys=keys,
            idempotency_key=idempotency_key,
            deadline=deadline,
        )
        reply = await self.handle(message)
        answer = reply.content.document if reply.content is not None else None
        if is_xml(answer):
            raise UnknownOperation(f"{operation} does not answer JSON")
        return answer  # type: ignore[return-value]

    async def _conclude(self, exchange: Exchange, walk: Walk) -> Message:
        """Walk, and have the outcome on disk before anybody hears of it, however the walk ends."""
        with exchange:
            try:
                reply = await walk(exchange)
            except MeridianError as error:
                await self._journal(exchange.failed(error))
                raise
            except asyncio.CancelledError:
                await self._journal(exchange.failed(_interrupted(exchange)))
                raise
            except Exception as error:
                failure = BusError(_FAILED)
                await self._journal(exchange.failed(failure))
                _log.error("unexpected failure", causes=describe_exception(error))
                raise failure from error
        if reply.attachments is None or not reply.attachments.live:
            await self._journal(exchange.succeeded(reply))
        return reply

    async def settle(self, exchange: Exchange, reply: Message, error: BaseException | None = None) -> None:
        """Journal how an exchange ended whose reply was still streaming when ``carry`` answered it.

        The door calls this before it sends the last block, or with the error that broke the stream.
        Raises JournalUnavailable.
        """
        if error is None:
            return await self._journal(exchange.succeeded(reply))
        if isinstance(error, Exception) and not isinstance(error, MeridianError):
            _log.error("unexpected failure", causes=describe_exception(error))
            error = BusError(_FAILED)
        await self._journal(exchange.failed(error if isinstance(error, MeridianError) else _interrupted(exchange)))
        return None

    async def _journal(self, record: Record) -> None:
        await self._ports.journal.outcome(record)
        if self._observe is not None:
            self._observe(record)


def _interrupted(exchange: Exchange) -> MeridianError:
    operation = exchange.latest.operation
    if exchange.sent is not None and exchange.reply_received is None and operation and operation.effect == "write":
        return OutcomeUnknown("the exchange was broken off while a write was under way; ask the provider what it did")
    return CallerGone("the exchange was broken off before there was an answer")
