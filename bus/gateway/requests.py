"""A request without its body: what its method, address and headers say, as a message."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from urllib.parse import quote

from bus.errors import MethodNotAllowed
from bus.gateway.address import SOAP, check_path, rest_target, soap_target
from bus.gateway.answer import Scope
from bus.gateway.headers import flow_of, idempotency_key, is_id
from bus.gateway.quirks import ASKED_PATH
from bus.message import Door, Message, Target, new_id
from registry.vendor_paths import VendorPath


def unread_message(door: Door, scope: Scope, headers: Mapping[str, str] | None = None) -> Message:
    """A message that could not be read: of its address only the service is known, and of its headers how to answer."""
    now = time()
    return Message(
        id=new_id(now),
        flow=flow_of(headers or {}),
        door=door,
        target=Target("".join(scope["path"].split("/", 3)[2:3])),
        body=b"",
        content_type=(headers or {}).get("content-type", ""),
        received_at=now,
    )


def open_message(door: Door, scope: Scope, headers: Mapping[str, str], body: bytes) -> Message:
    """The message with everything that address and headers say. Raises BadRequest or MethodNotAllowed."""
    method: str = scope["method"]
    path, query = raw_path(scope), scope.get("query_string", b"").decode("latin-1")
    content_type = headers.get("content-type", "")
    later = "respond-async" in headers.get("prefer", "")
    check_path(path)
    if door == "soap":
        if method != "POST":
            raise MethodNotAllowed("a SOAP door takes POST, and GET with ?wsdl", allowed=("GET", "POST"))
        target = soap_target(path, headers.get("soapaction", ""), content_type)
        later = later or "async" in query.lower().split("&")
    else:
        target = rest_target(method, path, query)
    parent = headers.get("x-meridian-message", "")
    now = time()
    return Message(
        id=new_id(now),
        flow=flow_of(headers),
        door=door,
        target=target,
        body=body,
        content_type=content_type,
        headers=headers,
        received_at=now,
        parent=parent if is_id(parent) else "",
        respond_async=later,
        idempotency_key=idempotency_key(headers),
    )


def moved(scope: Scope, vendor: VendorPath) -> Scope:
    """The request as its caller would have made it at the bus's own address; ``ASKED_PATH`` keeps the one it used."""
    path = f"{SOAP}{vendor.service}/{vendor.version}".rstrip("/")
    return {**scope, ASKED_PATH: scope["path"], "path": path, "raw_path": quote(path).encode("ascii")}


def raw_path(scope: Scope) -> str:
    """The path still percent-encoded, so that ``%2F`` inside a field stays in it."""
    raw = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else quote(scope["path"])
