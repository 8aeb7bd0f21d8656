"""Sends replies to the addresses that their callers named (WS-Addressing ReplyTo): letters of the queue ``replies``."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from bus.errors import BusError, NotPermitted, ProviderUnavailable, ProviderUnreachable
from bus.message import Message
from bus.ports import HttpClient, Letter, Outbound

_FORMAT = 1
_TIMEOUT = 15.0

#: Answers the addresses of a host name.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


def pack_reply(url: str, reply: Message) -> bytes:
    """Write a reply and where it goes as the body of a letter."""
    return orjson.dumps(
        {
            "format": _FORMAT,
            "url": url,
            "content_type": reply.content_type,
            "body": b64encode(reply.body).decode("ascii"),
        }
    )


async def resolved(host: str) -> Sequence[str]:
    """The addresses of a host name, by the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None)
    return [str(entry[4][0]) for entry in found]


class Replies:
    """Handles the letters of the queue ``replies``.

    ``http`` follows no redirect. A host name that stands for this machine or its own link is refused: what is allowed
    by name must not lead inwards. Only an address that is written as such may be one of them.
    """

    def __init__(self, http: HttpClient, *, resolve: Resolve = resolved) -> None:
        self._http = http
        self._resolve = resolve

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Send one reply. What it raises decides whether the letter comes again or joins the dead letters."""
        try:
            reply: dict[str, Any] = orjson.loads(letter.body)
            url, body = reply["url"], b64decode(reply["body"])
            headers = {"Content-Type": reply["content_type"]}
        except (KeyError, TypeError, ValueError) as error:
            raise BusError("the letter is not a reply that this version wrote") from error
        await self._check_host(urlsplit(url).hostname or "")
        inbound = await self._http.send(Outbound("POST", url, headers, body, time.monotonic() + _TIMEOUT))
        if inbound.status >= 500:
            raise ProviderUnavailable(f"the place that replies go to answered HTTP {inbound.status}")
        if inbound.status >= 300:
            raise NotPermitted(f"the place that replies go to answered HTTP {inbound.status}")
        return ()

    async def _check_host(self, host: str) -> None:
        if _is_literal(host) or host == "localhost":
            return
        try:
            addresses = await self._resolve(host)
        except OSError as error:
            raise ProviderUnreachable("the place that replies go to has no address", sent=False) from error
        for address in addresses:
            written = ipaddress.ip_address(address.partition("%")[0])
            found = getattr(written, "ipv4_mapped", None) or written
            if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
                raise NotPermitted("the place that replies go to is a name of this machine or its own link")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
