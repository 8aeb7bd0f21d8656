"""The frozen message: every hop takes one and answers one.

Structs of msgspec, made in C: some thirty values are made for every exchange, each in a third of a named tuple's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import getrandbits  # seeded by the system, anew in every process: ids must differ, not surprise
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from bus.attachments import Attachments
from registry.model import Consumer, Operation, ServiceVersion
from transformers.document import Document, Element
from transformers.held import Manner
from transformers.soap import Envelope
from transformers.ws_addressing import Addressing
from transformers.ws_security import Proof

#: Where a message came in. ``workflow`` and ``backbone`` are the bus's own doors.
Door = Literal["soap", "rest", "workflow", "backbone"]


class Held(Struct, frozen=True):
    """The document stood inside another one: how, which is how its sender reads answers.

    ``answer`` puts a reply's document (None for none; true: taken for later) into the caller's own frame, where it
    is not the operation's ``inside`` that says how.
    """

    manner: Manner
    answer: Callable[[Document, bool], Document] | None = None


class Content(Struct, frozen=True):
    """A body that has been parsed: the document and, for SOAP, the envelope it came in. ``size`` is in bytes.

    ``headers`` are declared SOAP header blocks that go with the document wherever it is written anew.
    ``cdata`` says that the body has CDATA sections, which parsing forgets. With ``held`` the document is the one
    inside the envelope's payload.
    """

    document: Document
    envelope: Envelope | None = None
    size: int = 0
    headers: tuple[Element, ...] = ()
    cdata: bool = False
    held: Held | None = None


class Target(Struct, frozen=True):
    """What the caller asked for, as the door read it from the URL: names, not yet resolved."""

    service: str
    version: str = ""
    operation: str = ""
    method: str = "POST"
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    action: str = ""


class Wire(Struct, frozen=True):
    """How the provider is addressed, beyond the body: ``path`` (with its query) goes behind the endpoint's URL."""

    method: str = "POST"
    path: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


class Message(Struct, frozen=True):
    """Headers, body bytes, content type and keys, plus what the hops have found out so far.

    ``id`` names this message, ``flow`` all messages of one correlation (the W3C trace id), ``parent`` the
    message that caused this one. ``body`` is always exactly the bytes received or to be sent; ``content`` is
    the same, parsed. A hop that changes ``content`` empties ``body``: ``transform`` writes it anew for the
    provider, ``adapt`` for the caller. ``headers`` have lower-case names. ``status`` is the HTTP status of a
    reply; ``accepted`` marks a reply that only says that the message was taken for later; ``notes`` are
    remarks for the journal, without values of the document. ``attachments`` are what follows a body that came
    as the root of a package, or is to be sent as one.
    ``claimed`` is the consumer whose quirk profile the body is read by, before anybody has proved anything;
    ``drift`` the namespace (empty for none at all: ``{}``) in which a caller wants its reply, not the contract's.
    ``proof`` is what WS-Security proved about a request, ``addressing`` what its WS-Addressing headers said.
    ``deadline`` is on the monotonic clock, in seconds; 0 means the operation's own timeout. ``cached_at`` is when a
    reply was given that is not of now (Unix seconds; 0: it is).
    """

    id: str
    flow: str
    door: Door
    target: Target
    body: bytes
    content_type: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    charset: str = "utf-8"
    received_at: float = 0.0
    parent: str = ""
    content: Content | None = None
    consumer: Consumer | None = None
    claimed: Consumer | None = None
    drift: str = ""
    version: ServiceVersion | None = None
    operation: Operation | None = None
    keys: tuple[tuple[str, str], ...] = ()
    wire: Wire | None = None
    respond_async: bool = False
    idempotency_key: str = ""
    deadline: float = 0.0
    status: int = 200
    accepted: bool = False
    attachments: Attachments | None = None
    proof: Proof | None = None
    addressing: Addressing | None = None
    notes: tuple[str, ...] = ()
    cached_at: float = 0.0


def new_id(now: float | None = None) -> str:
    """A new message id: 32 hex digits that sort by time (UUID version 7, RFC 9562 §5.7)."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    tail = getrandbits(80)
    value = (milliseconds << 80) | (tail & ~(0xF << 76) & ~(0x3 << 62)) | (0x7 << 76) | (0x2 << 62)
    return f"{value:032x}"


def new_flow() -> str:
    """A new W3C trace id (Trace Context Level 2, §3.2.2.3): 32 hex digits that sort by time, the last 20 by chance.

    In order, because the journal has an index of them: flows of one moment stand on one page of it.
    """
    return f"{int(time.time() * 1000):012x}{getrandbits(80):020x}"


def new_span() -> str:
    """A new W3C span id (Trace Context Level 1, §3.2.2.4): 16 hex digits, not all zero."""
    return f"{getrandbits(64) or 1:016x}"
