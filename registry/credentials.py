"""Consumers' credentials: secrets from the environment, kept only as hashes wherever the protocol allows."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from registry.environment import Environment, holds_variable
from registry.findings import Spot
from registry.model import Credential

#: RFC 7914 parameters: about 30 ms and 16 MiB for one hash.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1
_MEMORY = 64 * 1024 * 1024


def hash_key(key: str) -> str:
    """The SHA-256 (hex) under which an API key is kept; keys are random, so a fast hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def hash_password(password: str, *, salt: bytes | None = None) -> str:
    """A password as ``scrypt$n$r$p$salt$hash`` (RFC 7914; salt and hash in hex)."""
    salt = os.urandom(16) if salt is None else salt
    digest = hashlib.scrypt(password.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=_MEMORY)
    return f"scrypt${SCRYPT_N}${SCRYPT_R}${SCRYPT_P}${salt.hex()}${digest.hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Whether ``password`` is the one behind a stored ``scrypt$…``; takes the same time either way."""
    _, n, r, p, salt, digest = stored.split("$")
    made = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=int(n), r=int(r), p=int(p), maxmem=_MEMORY)
    return hmac.compare_digest(made, bytes.fromhex(digest))


def compile_credential(raw: Mapping[str, Any], environ: Environment, spot: Spot) -> Credential:
    """One credential of a consumer. Raises ManifestInvalid when its secret is not in the environment."""
    secret = secret_of(raw, environ, spot)
    username = raw.get("username", "")
    match raw["kind"]:
        case "api-key":
            return Credential("api-key", sha256=raw.get("sha256") or hash_key(secret))
        case "basic":
            return Credential("basic", username=username, scrypt=raw.get("scrypt") or hash_password(secret))
        case _:
            return Credential("username-token", username=username, secret=secret)


def secret_of(raw: Mapping[str, Any], environ: Environment, spot: Spot) -> str:
    """The secret written in ``raw``, resolved; empty when it has none. One written out in full is warned of."""
    if "secret" not in raw:
        return ""
    place = spot.at("secret")
    if not holds_variable(raw["secret"]):
        environ.findings.warn(
            place.problem("a secret is written out in the manifest", "write ${NAME} and set it outside")
        )
    return environ.resolve(raw["secret"], place)
