"""Sends replies to the addresses that their callers named (WS-Addressing ReplyTo): letters of the queue ``replies``."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from bus.errors import BusError, NotPermitted, ProviderUnavailable
from bus.message import Message
from bus.ports import HttpClient, Letter, Outbound

_FORMAT = 1
_TIMEOUT = 15.0


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


class Replies:
    """Handles the letters of the queue ``replies``.

    ``http`` follows no redirect, and refuses names that lead inwards (``bus.connectors.outward``).
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def __call__(self, letter: Letter, *, redelivered: bool) -> Sequence[Letter]:
        """Send one reply. What it raises decides whether the letter comes again or joins the dead letters."""
        try:
            reply: dict[str, Any] = orjson.loads(letter.body)
            url, body = reply["url"], b64decode(reply["body"])
            headers = {"Content-Type": reply["content_type"]}
        except (KeyError, TypeError, ValueError) as error:
            raise BusError("the letter is not a reply that this version wrote") from error
        inbound = await self._http.send(Outbound("POST", url, headers, body, time.monotonic() + _TIMEOUT))
        if inbound.status >= 500:
            raise ProviderUnavailable(f"the place that replies go to answered HTTP {inbound.status}")
        if inbound.status >= 300:
            raise NotPermitted(f"the place that replies go to answered HTTP {inbound.status}")
        return ()
