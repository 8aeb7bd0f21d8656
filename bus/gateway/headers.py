"""The request headers that mean something to the bus or to a contract; all others stay at the door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bus.errors import BadRequest, HeadersTooLarge
from bus.message import new_flow

_WANTED = {
    name.encode(): name
    for name in (
        "accept",
        "accept-language",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "idempotency-key",
        "prefer",
        "soapaction",
        "traceparent",
        "x-api-key",
        "x-meridian-message",
    )
}

#: Headers whose value is a list, which may come in several lines (RFC 9110 §5.3): SOAP::Lite sends three Accept.
_LISTS = frozenset({"accept", "accept-language", "prefer"})

_NONE: Mapping[bytes, str] = {}

#: Headers of a request, and bytes of one with its name.
_MOST = 100
_LONGEST = 8192

_HEX = frozenset("0123456789abcdef")


def read_headers(raw: Iterable[tuple[bytes, bytes]], also: Mapping[bytes, str] = _NONE) -> dict[str, str]:
    """Answer the wanted headers and ``also`` those that contracts name, all in lower case.

    Raises HeadersTooLarge for too many and too long ones, and BadRequest for repeated ones that hold no list.
    """
    headers: dict[str, str] = {}
    count = 0
    for key, value in raw:
        count += 1
        if len(key) + len(value) > _LONGEST:
            known = _WANTED.get(key.lower()) or "one of its headers"
            raise HeadersTooLarge(f"{known} is longer than {_LONGEST} bytes")
        name = _WANTED.get(key) or _WANTED.get(key.lower())
        if name is None:
            name = also.get(key.lower()) if also else None
            if name is None:
                continue
        text = value.decode("latin-1").strip()
        if name in headers:
            if name not in _LISTS:
                raise BadRequest(f"the header {name} is given twice")
            text = f"{headers[name]}, {text}"
            if len(text) > _LONGEST:
                raise HeadersTooLarge(f"the lines of {name} are longer than {_LONGEST} bytes")
        headers[name] = text
    if count > _MOST:
        raise HeadersTooLarge(f"the request has {count} headers; at most {_MOST} are accepted")
    return headers


def flow_of(headers: Mapping[str, str]) -> str:
    """The caller's trace id (W3C Trace Context §3.2.2.3), or a new one where it sends none that is valid."""
    parent = headers.get("traceparent", "")
    if len(parent) >= 55 and parent[2] == "-" and parent[35] == "-":
        flow = parent[3:35]
        if parent[:2] != "ff" and is_id(flow) and flow.strip("0"):
            return flow
    return new_flow()


def is_id(text: str) -> bool:
    """Whether this is 32 lower-case hex digits: the form of message and flow ids."""
    return len(text) == 32 and _HEX.issuperset(text)


def idempotency_key(headers: Mapping[str, str]) -> str:
    """The caller's own name for this attempt. Raises BadRequest for one that cannot be passed on."""
    key = headers.get("idempotency-key", "")
    if key and (len(key) > 255 or not key.isascii() or not key.isprintable()):
        raise BadRequest("Idempotency-Key must be at most 255 printable ASCII characters")
    return key
