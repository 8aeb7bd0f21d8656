"""The bus's outside in memory, and a small registry to walk messages through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from bus.downtime.absent import ALWAYS_UP, FORGETFUL, View
from bus.errors import NotAuthenticated, RateLimited
from bus.journal.memory import MemoryJournal
from bus.message import Content, Message, Target
from bus.ports import Letter, Ports
from bus.resilience.pressure import Ease
from bus.settings import Settings
from registry.model import (
    Call,
    Consumer,
    Endpoint,
    Grant,
    Operation,
    Policy,
    Provider,
    Route,
    Service,
    ServiceVersion,
    Snapshot,
)
from registry.routes import compile_template

LAB = "urn:lab"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

KIOSK = Consumer("kiosk", {"zh": "自助机", "en": "Kiosk"}, grants=(Grant("*", frozenset({"*"})),))


@dataclass
class Source:
    """Holds one snapshot."""

    snapshot: Snapshot


class KeyIdentities:
    """Knows every caller that sends an API key, by that key; or a UsernameToken, by its user name."""

    def __init__(self, consumers: Mapping[str, Consumer] | None = None) -> None:
        self.consumers = dict(consumers or {"kiosk": KIOSK})

    async def identify(self, message: Message, snapshot: Snapshot) -> Consumer:
        """Answer the consumer."""
        key = message.headers.get("x-api-key", "")
        envelope = message.content.envelope if message.content else None
        for block in envelope.headers if envelope else ():
            for element in block.iter(f"{{{WSSE}}}Username"):
                key = element.text or ""
        if key not in self.consumers:
            raise NotAuthenticated("the credential is not accepted")
        return self.consumers[key]


class Limiter:
    """Admits everyone until ``closed``."""

    closed = False

    def admit(self, consumer: Consumer) -> None:
        """Take one call."""
        if self.closed:
            raise RateLimited("too many calls; try again in 1.5 s", retry_after=1.5)


Reply = Callable[[Message], Message]


class CannedConnector:
    """Answers what a test told it to, and keeps what was sent."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.sent: list[Message] = []
        self.reply: Reply = reply or (lambda message: answered(message, b"<ok/>", "text/xml; charset=utf-8"))

    async def send(self, message: Message) -> Message:
        """Keep the message and answer the canned reply."""
        self.sent.append(message)
        return self.reply(message)


class MemoryOutbox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def post(self, letters: Sequence[Letter]) -> None:
        """Keep them."""
        self.letters.extend(letters)


@dataclass
class World:
    """All twins of one test."""

    snapshot: Snapshot
    journal: Any = field(default_factory=MemoryJournal)
    identities: KeyIdentities = field(default_factory=KeyIdentities)
    limiter: Limiter = field(default_factory=Limiter)
    connector: CannedConnector = field(default_factory=CannedConnector)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    settings: Settings = field(default_factory=Settings)
    pressure: Ease = field(default_factory=Ease)
    downtimes: View = ALWAYS_UP
    memory: Any = FORGETFUL

    @property
    def ports(self) -> Ports:
        """Them as ports."""
        return Ports(
            settings=self.settings,
            registry=Source(self.snapshot),
            journal=self.journal,
            identities=self.identities,
            limiter=self.limiter,
            connector=self.connector,
            outbox=self.outbox,
            pressure=self.pressure,
            downtimes=self.downtimes,
            memory=self.memory,
        )


def answered(message: Message, body: bytes, content_type: str, status: int = 200, charset: str = "utf-8") -> Message:
    """A reply as a connector gives it."""
    return structs.replace(
        message,
        body=body,
        content_type=content_type,
        status=status,
        charset=charset,
        content=None,
        wire=None,
        headers={},
    )


def operation(name: str = "PlaceOrder", **changes: Any) -> Operation:
    """An operation of the service ``lis``, in XML unless said otherwise."""
    plain = Operation(
        service="lis",
        version="1",
        name=name,
        title={"zh": name, "en": name},
        effect="read",
        mode="sync",
        form="xml",
        policy=Policy(),
        call=Call(),
        element=f"{{{LAB}}}{name}",
        action=f"urn:lab/{name}",
        http_path=f"/{name}",
    )
    return replace(plain, **changes)


def snapshot(*operations: Operation, protocol: Any = "soap11", charset: str = "utf-8", faces: Any = None) -> Snapshot:
    """A registry with the one service ``lis`` of these operations."""
    version = ServiceVersion(
        service="lis",
        version="1",
        system="lis",
        title={"zh": "检验", "en": "Laboratory"},
        faces=frozenset(faces or ("soap11", "soap12", "rest")),
        provider=Provider(protocol, (Endpoint("http://lis.invalid/api"),), charset=charset),
        operations={one.name: one for one in operations},
        by_element={one.element: one for one in operations if one.element},
        by_action={one.action: one for one in operations if one.action},
        routes=tuple(Route(one.http_method, one.http_path, one, compile_template(one.http_path)) for one in operations),
    )
    return Snapshot(revision=7, services={"lis": Service("lis", "1", {"1": version})}, consumers={"kiosk": KIOSK})


def envelope(inner: str, *, header: str = "", namespace: str = SOAP11) -> str:
    """A SOAP envelope as text."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{namespace}">{head}<s:Body>{inner}</s:Body></s:Envelope>'


ORDER = f'<PlaceOrder xmlns="{LAB}"><visit_no>V1</visit_no></PlaceOrder>'
PLACED = f'<PlaceOrderResponse xmlns="{LAB}"><order_no>A1</order_no></PlaceOrderResponse>'


def soap_message(body: bytes | str, **changes: Any) -> Message:
    """A SOAP 1.1 message of the kiosk as the door makes it."""
    data = body.encode() if isinstance(body, str) else body
    plain = Message(
        id="0" * 31 + "1",
        flow="f" * 32,
        door="soap",
        target=Target("lis"),
        body=data,
        content_type="text/xml; charset=utf-8",
        headers={"x-api-key": "kiosk"},
        received_at=1.0,
    )
    return structs.replace(plain, **changes)


def rest_message(
    method: str, path: str, body: bytes = b"", query: Sequence[tuple[str, str]] = (), **changes: Any
) -> Message:
    """A REST message of the kiosk as the door makes it."""
    plain = Message(
        id="0" * 31 + "2",
        flow="f" * 32,
        door="rest",
        target=Target("lis", method=method, path=path, query=tuple(query)),
        body=body,
        content_type="application/json" if body else "",
        headers={"x-api-key": "kiosk"},
        received_at=1.0,
    )
    return structs.replace(plain, **changes)


def parsed(document: Any) -> Content:
    """A content without an envelope."""
    return Content(document)
