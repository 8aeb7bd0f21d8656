"""Sends one call to a bus and answers what came back."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from bus.client.request import HttpCall
from bus.errors import ProviderTimeout, ProviderUnreachable
from bus.payload import document_in
from transformers import charset
from transformers.document import Document


@dataclass(frozen=True, slots=True)
class Answered:
    """Status, content type, the bus's message id, and the body."""

    status: int
    content_type: str
    message_id: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text. Raises CharsetMismatch."""
        return charset.read(self.body).text

    @property
    def code(self) -> str:
        """The code of the bus's error in a fault or a problem (``docs/errors.md``); empty for a success."""
        if self.status < 400:
            return ""
        document = self.document
        if isinstance(document, dict):
            return str(document.get("code", ""))
        found = document.iter("{*}code") if document is not None else ()  # type: ignore[union-attr]
        return next((element.text or "" for element in found), "")

    @property
    def document(self) -> Document:
        """What the body holds: an envelope's payload, other XML, or JSON. Raises DocumentError."""
        return document_in(self.body)


async def send(call: HttpCall, key: str, timeout: float) -> Answered:
    """Make the call with this API key (empty: none); ``timeout`` is in seconds.

    Raises ProviderUnreachable where no bus answers, ProviderTimeout where it answers too late.
    """
    headers = {**call.headers, **({"X-API-Key": key} if key else {})}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            session.request(call.method, call.url, data=call.body or None, headers=headers) as answer,
        ):
            body = await answer.read()
    except aiohttp.ClientError as error:
        raise ProviderUnreachable(f"no bus answers there: {error}") from error
    except TimeoutError as error:
        raise ProviderTimeout(f"the bus gave no answer within {timeout:g} s") from error
    given = answer.headers
    return Answered(answer.status, given.get("Content-Type", ""), given.get("X-Meridian-Message", ""), body)
