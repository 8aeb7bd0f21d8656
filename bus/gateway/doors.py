"""The doors in: one request read, carried through the pipeline, and answered in the caller's protocol."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from bus.errors import ShuttingDown
from bus.gateway.answer import Answer, Header, Receive, Scope, StreamedAnswer
from bus.gateway.body import read_body
from bus.gateway.faults import soap_error
from bus.gateway.headers import read_headers
from bus.gateway.hip_errors import hip_error, hip_of
from bus.gateway.packages import read_package, streamed
from bus.gateway.problems import rest_error
from bus.gateway.quirks import answered, claimed
from bus.gateway.requests import open_message, unread_message
from bus.gateway.words import Lang, language
from bus.hops.fallback import cache_headers
from bus.message import Door, Message
from bus.pipeline import Pipeline
from bus.ports import SnapshotSource
from bus.settings import Settings
from transformers.errors import MeridianError
from transformers.related import is_package


class Doors:
    """SOAP and REST. While ``draining``, whatever comes is refused with ShuttingDown."""

    def __init__(self, pipeline: Pipeline, registry: SnapshotSource, settings: Settings) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._settings = settings
        self.draining = False

    async def answer(self, door: Door, scope: Scope, receive: Receive) -> Answer | StreamedAnswer:
        """Answer one request; whatever becomes of it is in the journal before."""
        headers: Mapping[str, str] = {}
        try:
            headers = read_headers(scope["headers"], self._registry.snapshot.http_headers)
            if self.draining:
                raise ShuttingDown("this process is stopping; try again, and another one will answer")
            if is_package(headers.get("content-type", "")):
                message = await self._open_package(door, scope, receive, headers)
            else:
                body = await read_body(
                    receive,
                    headers.get("content-length", ""),
                    coding=headers.get("content-encoding", ""),
                    limit=self._settings.max_body,
                    timeout=self._settings.body_timeout,
                )
                message = open_message(door, scope, headers, body)
            if (claims := self._registry.snapshot.claims) is not None:
                message = replace(message, claimed=claimed(scope, headers, claims))
        except MeridianError as error:
            return await self._refuse(unread_message(door, scope, headers), error, headers)
        return await self._carry(message, headers, receive)

    async def _open_package(self, door: Door, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> Message:
        body, kind, attachments = await read_package(receive, headers, self._settings)
        message = open_message(door, scope, {**headers, "content-type": kind}, body)
        return replace(message, headers=headers, attachments=attachments)

    async def _carry(self, message: Message, headers: Mapping[str, str], receive: Receive) -> Answer | StreamedAnswer:
        exchange = self._pipeline.open(message)
        try:
            reply = await self._pipeline.carry(exchange)
            marks = cache_headers(reply.cached_at) if reply.cached_at else ()
            answer = Answer(reply.status, reply.content_type, reply.body, marks)
        except MeridianError as error:
            reply = None
            # What the operation's contract says of faults is known further down than the caller's own charset.
            told = replace(exchange.caller, operation=exchange.latest.operation)
            answer = self._error(error, told, headers)
        if reply is not None and reply.attachments is not None:
            patience = self._settings.body_timeout
            return streamed(self._pipeline, exchange, reply, receive, _signature(message), patience)
        if self._registry.snapshot.claims is not None:
            caller = exchange.caller.consumer or message.claimed
            if caller is not None and caller.quirks is not None:
                answer = answered(answer, caller.quirks, soap=message.door == "soap")
        return _signed(answer, message)

    async def _refuse(self, message: Message, error: MeridianError, headers: Mapping[str, str]) -> Answer:
        """Journal and answer what could not even be read."""
        try:
            await self._pipeline.refuse(message, error)
        except MeridianError as failure:
            error = failure
        return _signed(self._error(error, message, headers), message)

    def _error(self, error: MeridianError, message: Message, headers: Mapping[str, str]) -> Answer:
        """The error in the words of whoever called: an acknowledgement, a fault, or a problem."""
        lang = language(headers.get("accept-language", ""))
        hip = hip_of(message, self._registry.snapshot)
        told = hip_error(error, message, hip, lang) if hip is not None else None
        return told or _door_error(error, message, lang)


def _door_error(error: MeridianError, message: Message, lang: Lang) -> Answer:
    return soap_error(error, message, lang) if message.door == "soap" else rest_error(error, message, lang)


def _signed(answer: Answer, message: Message) -> Answer:
    """The answer with the ids under which its exchange is found again (W3C Trace Context Level 1 §3.2).

    Its span is the last 16 digits of the message's id, which are chance but for their first two bits.
    """
    return Answer(answer.status, answer.content_type, answer.body, (*_signature(message), *answer.headers))


def _signature(message: Message) -> tuple[Header, ...]:
    trace = f"00-{message.flow}-{message.id[16:]}-01"
    return (b"x-meridian-message", message.id.encode()), (b"traceparent", trace.encode())
