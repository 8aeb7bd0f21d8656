"""Finds the one credential that a message presents, wherever its protocol carries it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bus.errors import NotAuthenticated
from bus.message import Message
from bus.security.wsse import UsernameToken, read_token


@dataclass(frozen=True, slots=True)
class ApiKey:
    """From ``X-API-Key`` or ``Authorization: Bearer``."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Basic:
    """From ``Authorization: Basic`` (RFC 7617, UTF-8)."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """The certificate (SHA-256, hex) whose signature over the message has been verified, as ``Proof`` says."""

    sha256: str
    seal: bytes = field(repr=False)
    until: float


_SEVERAL = "more than one credential: send exactly one"


Presented: TypeAlias = "ApiKey | Basic | UsernameToken | Signature"


def presented(message: Message) -> tuple[Presented, ...]:
    """Answer the message's credential; a signature may have a UsernameToken beside it.

    Raises NotAuthenticated when there is none, more than one (whose would count?), or one that cannot be read.
    """
    own = in_headers(message.headers)
    found: list[Presented] = [] if own is None else [own]
    if message.content is not None and message.content.envelope is not None and message.content.envelope.headers:
        token = read_token(message.content.envelope.headers)
        if token is not None:
            found.append(token)
    proof = message.proof
    if proof is not None and proof.certificate is not None:
        found.append(Signature(proof.certificate.sha256, proof.seal, proof.until))
    if not found:
        raise NotAuthenticated("no credential: send X-API-Key, Authorization, or a WS-Security UsernameToken")
    if len(found) > 1 and [type(each) for each in found] != [UsernameToken, Signature]:
        raise NotAuthenticated(_SEVERAL)
    return tuple(found)


def in_headers(headers: Mapping[str, str]) -> ApiKey | Basic | None:
    """The credential in the HTTP headers, if there is one. Raises NotAuthenticated as ``presented`` does."""
    key, authorization = headers.get("x-api-key"), headers.get("authorization")
    if key and authorization:
        raise NotAuthenticated(_SEVERAL)
    if key:
        return ApiKey(key.strip())
    return _authorization(authorization) if authorization else None


def _authorization(header: str) -> ApiKey | Basic:
    scheme, _, value = header.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return ApiKey(value)
    if scheme.lower() != "basic":
        raise NotAuthenticated("this Authorization scheme is not accepted; use Basic or Bearer")
    try:
        username, colon, password = b64decode(value, validate=True).decode("utf-8").partition(":")
    except ValueError as error:
        raise NotAuthenticated("the Basic credential is not Base64 of UTF-8 text") from error
    if not colon or not username:
        raise NotAuthenticated("the Basic credential is not username:password")
    return Basic(username, password)
