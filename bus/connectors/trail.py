"""How the journal learns what a call cost, although a reply is a frozen message.

Whoever records an exchange puts a fresh ``Attempts`` into ``attempt_trail`` before it runs the hops; the
connector writes into that same object while it tries. Tasks started below see it too, because a context is
copied by reference. Nothing is recorded when nobody asked for it.
"""

from __future__ import annotations

from contextvars import ContextVar

from msgspec import Struct


class Attempts(Struct):
    """Mutable on purpose: how often a request went out, and µs spent waiting for the provider in all of them.

    ``endpoint`` is the address tried last, without credentials.
    """

    attempts: int = 0
    waited_us: int = 0
    endpoint: str = ""


#: Where the connector leaves what it did for the exchange under way; None where nobody records.
attempt_trail: ContextVar[Attempts | None] = ContextVar("attempt_trail", default=None)
