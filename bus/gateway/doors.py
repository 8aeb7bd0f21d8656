"""The two doors: what a SOAP and a REST address mean, and how each is told of an error."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from urllib.parse import quote

from bus.errors import MethodNotAllowed
from bus.gateway.address import check_path, rest_target, soap_target
from bus.gateway.answer import Answer, Scope
from bus.gateway.faults import soap_error
from bus.gateway.headers import flow_of, idempotency_key, is_id
from bus.gateway.problems import rest_error
from bus.gateway.words import Lang
from bus.message import Door, Message, Target, new_flow, new_id
from transformers.errors import MeridianError


def unread_message(door: Door, scope: Scope) -> Message:
    """A message of which nothing is known yet but the service that its path names."""
    service = scope["path"].split("/", 3)[2:3]
    now = time()
    return Message(
        id=new_id(now), flow=new_flow(), door=door, target=Target("".join(service)), body=b"", received_at=now
    )


def open_message(message: Message, scope: Scope, headers: Mapping[str, str]) -> Message:
    """The message with everything that address and headers say. Raises BadRequest or MethodNotAllowed."""
    method: str = scope["method"]
    path, query = raw_path(scope), scope.get("query_string", b"").decode("latin-1")
    content_type = headers.get("content-type", "")
    later = "respond-async" in headers.get("prefer", "")
    flow = flow_of(headers)
    check_path(path)
    if message.door == "soap":
        target = soap_target(path, headers.get("soapaction", ""), content_type)
        later = later or "async" in query.lower().split("&")
        if method != "POST":
            raise MethodNotAllowed(
                f"a SOAP door takes POST (and GET with ?wsdl), not {method}", allowed=("GET", "POST")
            )
    else:
        target = rest_target(method, path, query)
    parent = headers.get("x-meridian-message", "")
    return Message(
        id=message.id,
        flow=flow,
        door=message.door,
        target=target,
        body=b"",
        content_type=content_type,
        headers=headers,
        received_at=message.received_at,
        parent=parent if is_id(parent) else "",
        respond_async=later,
        idempotency_key=idempotency_key(headers),
    )


def error_answer(error: MeridianError, message: Message, lang: Lang) -> Answer:
    """The error in the words of the door that the message came through."""
    return soap_error(error, message, lang) if message.door == "soap" else rest_error(error, message, lang)


def raw_path(scope: Scope) -> str:
    """The path still percent-encoded, so that ``%2F`` inside a field stays in it."""
    raw = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else quote(scope["path"])
