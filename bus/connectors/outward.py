"""Names resolved for places that a message asks for: what is allowed by name must not lead inwards."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from bus.errors import NotPermitted


class Outward(AbstractResolver):
    """Refuses a name, all its addresses together, that stands for this machine or its own link.

    It answers the addresses that it has judged, and those are connected to: whoever owns the name cannot tell the
    check one thing and the connection another. An address that is written as such is never asked for here, and
    ``localhost`` says itself what it is. Belongs to the running loop.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError where it has none, NotPermitted where one leads inwards."""
        found = await self._resolver.resolve(host, port, family)
        if host != "localhost" and any(_inward(each["host"]) for each in found):
            raise NotPermitted("the place that replies go to is a name of this machine or its own link")
        return found

    async def close(self) -> None:
        """Let go of the resolver behind it."""
        await self._resolver.close()


def _inward(address: str) -> bool:
    written = ipaddress.ip_address(address.partition("%")[0])
    found = getattr(written, "ipv4_mapped", None) or written
    return found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast
