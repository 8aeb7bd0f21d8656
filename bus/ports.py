"""The bus's outside, as protocols: what a journal, a state store, a backbone and a connector must do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from bus.attachments import Attachments
from bus.downtime.absent import ALWAYS_UP, FORGETFUL
from bus.downtime.period import Downtime
from bus.message import Message
from bus.resilience.pressure import Ease, Shortage
from bus.settings import Settings
from registry.model import Consumer, Snapshot

T = TypeVar("T")

Next: TypeAlias = Callable[[Message], Awaitable[Message]]

#: One step of mediation: takes a message, the rest of the way and the bus's ports; answers the reply.
#: Raises MeridianError.
Hop: TypeAlias = "Callable[[Message, Next, Ports], Awaitable[Message]]"


# ── journal ──────────────────────────────────────────────────────────────────────────────────────────


class Body(Struct, frozen=True):
    """One payload of an exchange. ``stage`` is ``request``, ``request.sent``, ``reply.received`` or ``reply``.

    With ``.attachments`` behind it, it is a JSON list of what was attached there: Content-ID, content type, size in
    bytes and SHA-256 of each. Their content is not kept.
    """

    stage: str
    data: bytes
    content_type: str


class HopRecord(Struct, frozen=True, array_like=True):
    """One hop of one exchange: its name, start in µs after receipt, own time in µs, and error code if it raised.

    In JSON an array of these four.
    """

    name: str
    start_us: int
    own_us: int
    error: str = ""


class Record(Struct, frozen=True):
    """An exchange as the journal keeps it.

    ``status`` is ``ok``, ``accepted`` (asynchronously), ``superseded`` (accepted, and not sent: a newer one was),
    ``fault`` (the provider's), or ``error`` (the bus's); ``error`` is the code of ``bus/errors.py``. Times are Unix
    seconds; ``duration_us`` is until the answer.
    ``sent_us`` is the time spent waiting for the provider.
    """

    id: str
    flow: str
    parent: str
    door: str
    consumer: str
    system: str
    service: str
    version: str
    operation: str
    received_at: float
    status: str = "open"
    error: str = ""
    detail: str = ""
    http_status: int = 0
    attempts: int = 0
    duration_us: int = 0
    sent_us: int = 0
    revision: int = 0
    keys: tuple[tuple[str, str], ...] = ()
    hops: tuple[HopRecord, ...] = ()
    bodies: tuple[Body, ...] = ()


class Journal(Protocol):
    """The append-only record. Both calls return only when the record is on disk; they raise JournalUnavailable."""

    def intent(self, record: Record) -> Awaitable[None]:
        """Record that this exchange is about to be sent (before the first byte goes to the provider)."""

    def outcome(self, record: Record) -> Awaitable[None]:
        """Record how the exchange ended (before the answer leaves)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search of the journal. Empty fields do not filter. ``key`` matches any business key's value."""

    key: str = ""
    key_name: str = ""
    flow: str = ""
    service: str = ""
    operation: str = ""
    consumer: str = ""
    system: str = ""
    status: str = ""
    error: str = ""
    since: float = 0.0
    until: float = 0.0
    limit: int = 50
    before: str = ""


class JournalReader(Protocol):
    """The journal's search side; synchronous, for the console's threads. Records come newest first, without bodies."""

    def search(self, query: Query) -> Sequence[Record]: ...

    def flow(self, flow: str) -> Sequence[Record]:
        """Every record of one flow, oldest first."""

    def message(self, message_id: str) -> Record | None:
        """One record with its bodies."""

    def in_doubt(self) -> Sequence[Record]:
        """Intents of earlier lives of the bus that have no outcome."""

    def last_match(self, query: Query) -> float:
        """When the newest record that fits, whatever its time, was received; 0 when there is none."""

    def summary(self, since: float) -> Sequence[Mapping[str, object]]:
        """Per system, service and operation: calls, errors, p50_us, p95_us, last_ok, last_at."""


# ── state ────────────────────────────────────────────────────────────────────────────────────────────


class StateStore(Protocol):
    """Mutable state (outbox, inbox, workflow instances, nonces): transactions from async code."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction off the event loop; commit, and only then answer what it gave.

        An exception rolls back this work alone and is raised here.
        """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on a read-only connection off the event loop."""


# ── backbone ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Letter:
    """What travels on the backbone. ``lane`` keeps letters of one key in order; ``attempt`` counts from 1.

    A letter that is not done at ``expires_at`` (Unix seconds; 0: never) is put aside for a person. ``returned`` says
    how often a broker handed it out before and got it back, its consumer dead or away.
    """

    id: str
    queue: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    lane: str = ""
    attempt: int = 1
    expires_at: float = 0.0
    returned: int = 0


#: Handles one letter. Returns when its effect is committed; raises to have it retried or dead-lettered.
Handler: TypeAlias = Callable[[Letter], Awaitable[None]]

#: Told the name of a queue that a broker has lost, with every letter it had confirmed.
Lost: TypeAlias = Callable[[str], Awaitable[None]]


class Transport(Protocol):
    """A broker. ``keeps`` says whether a published letter survives the death of the broker's process."""

    keeps: bool

    async def start(self, lost: Lost) -> None:
        """Start connecting. ``lost`` is awaited before a queue that has vanished is made anew."""

    async def publish(self, letters: Sequence[Letter]) -> Sequence[str]:
        """Publish; answer the ids that the broker confirmed. Raises BackboneUnavailable when it is unreachable."""

    async def consume(self, queue: str, handler: Handler, *, prefetch: int) -> None:
        """Start handing letters of this queue to the handler; reconnects and redeclares without help."""

    def troubles(self) -> Sequence[str]:
        """Why letters do not flow now, in words; nothing when they do, and before ``start``."""

    def unusable(self) -> str:
        """The setting that is wrong, in words, as long as it has not been right since ``start``; else nothing."""

    async def stop(self) -> None: ...


# ── connectors ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Package:
    """A multipart body that is written while it is sent; ``length`` is in bytes, None where nobody knows it yet.

    ``attachments`` are those that ``blocks`` reads.
    """

    blocks: AsyncGenerator[bytes, None]
    length: int | None
    attachments: Attachments


class Outbound(Struct, frozen=True):
    """One request as it goes on the wire. ``deadline`` is on the monotonic clock; ``http10`` asks in HTTP/1.0."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline: float
    http10: bool = False
    package: Package | None = None


class Inbound(Struct, frozen=True):
    """One response as it came off the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    attachments: Attachments | None = None


class HttpClient(Protocol):
    """Sends one request once. Raises ProviderUnreachable, ProviderTimeout or ReplyTooLarge."""

    async def send(self, outbound: Outbound) -> Inbound: ...

    async def exchange(self, outbound: Outbound, limit: int) -> Inbound:
        """Like ``send``, with ``outbound.package`` in place of the body, and an answer that may be a package.

        Of such an answer, ``body`` is the root, its content type stands among the headers, and ``attachments`` bring
        at most ``limit`` bytes and raise ProviderLied, ReplyTooLarge, ProviderUnreachable or ProviderTimeout.
        """


# ── the ports together ───────────────────────────────────────────────────────────────────────────────


class SnapshotSource(Protocol):
    """Where the hot path finds the current snapshot: an attribute read, swapped atomically."""

    @property
    def snapshot(self) -> Snapshot: ...


class Identities(Protocol):
    """Proves who calls."""

    async def identify(self, message: Message, snapshot: Snapshot) -> Consumer:
        """Answer the consumer whose credential the message carries; raises NotAuthenticated."""


class RateLimiter(Protocol):
    """Counts calls per consumer."""

    def admit(self, consumer: Consumer) -> Awaitable[None] | None:
        """Take one call from the consumer's bucket: at once, or when what this answers is awaited.

        Raises RateLimited, either here or there.
        """


class Connector(Protocol):
    """A door out. Chooses the endpoint; keeps deadline, retries, breaker and concurrency limit."""

    async def send(self, message: Message) -> Message:
        """Send ``message`` (already in the provider's wire form) and answer its reply. Raises ProviderError."""


class Gauge(Protocol):
    """Knows whether the bus may take more: an attribute read, measured beside the hot path."""

    @property
    def shortage(self) -> Shortage | None: ...


class Outbox(Protocol):
    """The durable way out to the backbone."""

    async def post(self, letters: Sequence[Letter]) -> None:
        """Return when the letters are on disk; they will be published, however often that takes."""


class Downtimes(Protocol):
    """What this process knows of planned downtimes: two attribute reads, swapped at once."""

    @property
    def down(self) -> Mapping[str, Downtime]:
        """The systems that are down now; empty, and so false, when none is."""

    @property
    def current(self) -> Sequence[Downtime]:
        """The downtimes that hold letters now: those of ``down``, and those that are over and drain."""


class Memory(Protocol):
    """The last good replies of the operations that may be answered from them."""

    def keep(self, message: Message, reply: Message) -> None:
        """Remember the reply to a request, some time soon."""

    async def recall(self, message: Message) -> Message | None:
        """The reply to the same request when it was last asked, marked as such; None when there is none."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a hop may reach. Made once, in ``bus/bootstrap.py``."""

    settings: Settings
    registry: SnapshotSource
    journal: Journal
    identities: Identities
    limiter: RateLimiter
    connector: Connector
    outbox: Outbox
    pressure: Gauge = field(default_factory=Ease)
    downtimes: Downtimes = ALWAYS_UP
    memory: Memory = FORGETFUL
