"""The proof that a command runs on the bus's own machine, as somebody who may read the bus's secret."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from bus.errors import StateUnavailable
from bus.security.users import Users
from bus.settings import Settings

#: Seconds a pass is good for: long enough for one request.
LIFE = 60
_PURPOSE = "meridian-local-pass"


def console_secret(settings: Settings) -> bytes:
    """The secret that the console signs with, made at first need.

    It is in the database that several consoles share, or in a file that only the bus's own user can read. Raises
    StateUnavailable when the database cannot be reached.
    """
    if settings.database:
        with closing(Users(settings)) as users:
            return users.secret()
    path = _path(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return path.read_bytes()


def write_pass(settings: Settings, who: str) -> str:
    """A pass in the name of ``who``. Raises StateUnavailable when the secret is not there or may not be read."""
    path = _path(settings)
    try:
        secret = console_secret(settings) if settings.database else path.read_bytes()
    except OSError as error:
        raise StateUnavailable(
            f"{path}: cannot be read ({error.strerror}); run this with the bus's settings and as its user, "
            "or sign in with --user"
        ) from error
    return str(_signer(secret).dumps(who))


def read_pass(secret: bytes, presented: str) -> str:
    """The name in a pass; empty when it was not signed with this secret or is older than ``LIFE``."""
    try:
        return str(_signer(secret).loads(presented, max_age=LIFE))
    except BadSignature:
        return ""


def _signer(secret: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt=_PURPOSE)


def _path(settings: Settings) -> Path:
    return settings.data / "console.secret"
