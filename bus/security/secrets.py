"""Making and checking secrets: API keys as SHA-256, passwords as scrypt; nothing clear is ever stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets

# OWASP's lowest recommendation for scrypt with 16 MiB: a check takes some 40 ms and is paid once, then cached.
_N, _R, _P = 1 << 14, 8, 5
_SALT, _LENGTH = 16, 32

#: No line in a manifest may make a check take more memory than this, in bytes.
_MOST_MEMORY = 256 << 20


def new_api_key() -> str:
    """A fresh API key of 256 random bits, marked so that a leak is recognised in a search."""
    return f"mdk_{secrets.token_urlsafe(32)}"


def api_key_hash(key: str) -> str:
    """SHA-256 of an API key in hex. A random key of this length needs no salt and no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def password_line(password: str) -> str:
    """``scrypt$n$r$p$salt$hash`` (RFC 7914; salt and hash in hex) for a manifest or the console's users."""
    salt = secrets.token_bytes(_SALT)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_derive(password, salt, _N, _R, _P, _LENGTH).hex()}"


def password_matches(password: str, line: str) -> bool:
    """Whether ``password`` is the one of this line, in constant time; False for a line that cannot be read."""
    try:
        kind, n, r, p, salt, wanted = line.split("$")
        expected = bytes.fromhex(wanted)
        cost = (int(n), int(r), int(p))
        if kind != "scrypt" or not expected or 128 * cost[0] * cost[1] > _MOST_MEMORY:
            return False
        return hmac.compare_digest(_derive(password, bytes.fromhex(salt), *cost, len(expected)), expected)
    except ValueError:
        return False


def _derive(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=2 * _MOST_MEMORY)
