"""Fresh API keys, and checking passwords against the lines that stand for them in a manifest."""

from __future__ import annotations

import secrets

from registry.credentials import password_fits

#: No line may make one check take more memory than this, in bytes (RFC 7914 §2: 128·N·r).
_MOST_MEMORY = 64 << 20


def new_api_key() -> str:
    """A fresh API key of 256 random bits, marked so that a search finds it where it has leaked."""
    return f"mdk_{secrets.token_urlsafe(32)}"


def password_matches(password: str, line: str) -> bool:
    """Whether ``password`` is the one of this ``scrypt$n$r$p$salt$hash``; False for a line that cannot be read."""
    try:
        kind, n, r, *_ = line.split("$")
        return kind == "scrypt" and 128 * int(n) * int(r) < _MOST_MEMORY and password_fits(password, line)
    except ValueError:
        return False
