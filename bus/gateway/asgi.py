"""The doors in, as one ASGI application: SOAP, REST, health, metrics, contracts; anything else is the console's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bus.errors import NotFound, ShuttingDown
from bus.gateway.answer import Answer, AsgiApp, Receive, Scope, Send, respond
from bus.gateway.body import read_body
from bus.gateway.doors import error_answer, open_message, unread_message
from bus.gateway.headers import read_headers
from bus.gateway.pages import Pages
from bus.gateway.problems import rest_error
from bus.gateway.words import language
from bus.message import Door, Message
from bus.pipeline import Pipeline
from bus.ports import Ports
from transformers.errors import MeridianError


class Gateway:
    """Turns HTTP into messages, and their replies or errors into HTTP in the caller's protocol.

    ``pages`` answers health, metrics and published contracts; ``fallback`` takes every other path.
    """

    def __init__(self, pipeline: Pipeline, ports: Ports, *, pages: Pages, fallback: AsgiApp | None = None) -> None:
        self._pipeline = pipeline
        self._settings = ports.settings
        self._pages = pages
        self._fallback = fallback
        self._draining = False

    def drain(self) -> None:
        """Refuse what comes from now on; what is under way goes on."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith("/soap/"):
                answer = self._pages.contract(scope) if scope["method"] == "GET" else None
                return await respond(send, answer or await self._door("soap", scope, receive))
            if path.startswith("/rest/"):
                return await respond(send, await self._door("rest", scope, receive))
            page = await self._pages.page(scope)
            if page is not None:
                return await respond(send, page)
        if self._fallback is not None:
            return await self._fallback(scope, receive, send)
        if scope["type"] == "http":
            missing = NotFound("nothing is served at this path; services are at /soap/ and /rest/")
            await respond(send, rest_error(missing, unread_message("rest", scope), "zh"))
        return None

    async def _door(self, door: Door, scope: Scope, receive: Receive) -> Answer:
        message = unread_message(door, scope)
        headers: Mapping[str, str] = {}
        try:
            headers = read_headers(scope["headers"])
            message = open_message(message, scope, headers)
            if self._draining:
                raise ShuttingDown("this process is stopping; try again, and another one will answer")
            body = await read_body(
                receive,
                headers.get("content-length", ""),
                limit=self._settings.max_body,
                timeout=self._settings.body_timeout,
            )
        except MeridianError as error:
            return await self._refuse(message, error, headers)
        return await self._carry(message.evolve(body=body) if body else message, headers)

    async def _carry(self, message: Message, headers: Mapping[str, str]) -> Answer:
        exchange = self._pipeline.open(message)
        try:
            reply = await self._pipeline.carry(exchange)
        except MeridianError as error:
            latest = exchange.latest
            return _signed(error_answer(error, latest, language(headers.get("accept-language", ""))), message)
        return _signed(Answer(reply.status, reply.content_type, reply.body), message)

    async def _refuse(self, message: Message, error: MeridianError, headers: Mapping[str, str]) -> Answer:
        """Journal and answer what could not even be read."""
        try:
            await self._pipeline.refuse(message, error)
        except MeridianError as failure:
            error = failure
        return _signed(error_answer(error, message, language(headers.get("accept-language", ""))), message)


def _signed(answer: Answer, message: Message) -> Answer:
    """The answer with the ids under which its exchange is found again (W3C Trace Context Level 1 §3.2)."""
    trace = f"00-{message.flow}-{os.urandom(8).hex()}-01"
    headers = ((b"x-meridian-message", message.id.encode()), (b"traceparent", trace.encode()), *answer.headers)
    return Answer(answer.status, answer.content_type, answer.body, headers)
