"""At the door, a caller's quirk profile: which one a request claims, and how its answer goes out."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from bus.errors import NotAuthenticated
from bus.gateway.answer import Answer, Scope
from bus.listeners import MAIN
from bus.security.presented import ApiKey, Basic, in_headers
from registry.claims import Claims
from registry.credentials import hash_key
from registry.model import Consumer
from registry.quirks import Quirks

#: Where the server says in a scope by which of its listeners a request came.
LISTENER = "meridian.listener"
#: Where the gateway keeps the path of a request that it moved to another.
ASKED_PATH = "meridian.path"

_BOM = b"\xef\xbb\xbf"


def claimed(scope: Scope, headers: Mapping[str, str], claims: Claims) -> Consumer | None:
    """The consumer whose profile the body is to be read by, or None.

    A credential in the HTTP headers says whose; only a caller without one is told by where it comes from.
    """
    try:
        credential = in_headers(headers)
    except NotAuthenticated:
        return None
    if isinstance(credential, ApiKey):
        return claims.by_key.get(hash_key(credential.key))
    if isinstance(credential, Basic):
        return claims.by_user.get(credential.username)
    client = scope.get("client") or ("", 0)
    return claims.at(client[0], scope.get(LISTENER, MAIN), scope.get(ASKED_PATH, scope["path"]))


def answered(answer: Answer, quirks: Quirks, *, soap: bool) -> Answer:
    """The answer as this caller wants it: fault status, byte order mark, and whether the connection stays."""
    if soap and quirks.fault_status and answer.status >= 400:
        answer = replace(answer, status=quirks.fault_status)
    if quirks.bom and answer.body and "charset=utf-8" in answer.content_type.lower():
        answer = replace(answer, body=_BOM + answer.body)
    if not quirks.keep_alive:
        answer = replace(answer, headers=(*answer.headers, (b"connection", b"close")))
    return answer
