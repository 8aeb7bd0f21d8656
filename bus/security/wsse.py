"""WS-Security UsernameToken: the names of the standard, its digest, and reading one from a SOAP header.

OASIS Web Services Security UsernameToken Profile 1.1. Writing one is the connectors' matter.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.errors import NotAuthenticated
from transformers import ns, ws_security
from transformers.document import Element

WSSE = ns.WSSE
WSU = ns.WSU
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
PASSWORD_TEXT = f"{PROFILE}#PasswordText"
PASSWORD_DIGEST = f"{PROFILE}#PasswordDigest"

SECURITY = ws_security.SECURITY
TOKEN = ws_security.USERNAME_TOKEN

_LONGEST_NONCE = 128


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """What a caller's token says. ``created`` is its text, which the digest is made of; ``digested`` tells the kind.

    ``nonce`` and ``created`` are empty where a text password came without them.
    """

    username: str
    password: str = field(repr=False)
    digested: bool
    nonce: bytes = b""
    created: str = ""

    @property
    def created_at(self) -> float:
        """``created`` as Unix seconds. A time without a zone is UTC (WSS 1.1 §10). Raises NotAuthenticated."""
        try:
            return ws_security.moment_of(self.created)
        except ValueError as error:
            raise NotAuthenticated("the UsernameToken's Created is not an XML Schema dateTime") from error


def read_token(headers: Sequence[Element]) -> UsernameToken | None:
    """Answer the UsernameToken among an envelope's header blocks, or None. An unusable one: NotAuthenticated."""
    tokens = [token for header in headers if header.tag == SECURITY for token in header.iterchildren(TOKEN)]
    if not tokens:
        return None
    if len(tokens) > 1:
        raise NotAuthenticated("the envelope holds more than one UsernameToken; send one")
    username = _text(tokens[0], WSSE, "Username").strip()
    passwords = tokens[0].findall(f"{{{WSSE}}}Password")
    if not username or len(passwords) != 1:
        raise NotAuthenticated("the UsernameToken needs a Username and a Password")
    kind = passwords[0].get("Type", PASSWORD_TEXT)
    if kind not in (PASSWORD_TEXT, PASSWORD_DIGEST):
        raise NotAuthenticated("the UsernameToken's Password must be of type PasswordText or PasswordDigest")
    return UsernameToken(
        username=username,
        password=passwords[0].text or "",
        digested=kind == PASSWORD_DIGEST,
        nonce=_nonce(_text(tokens[0], WSSE, "Nonce")),
        created=_text(tokens[0], WSU, "Created"),
    )


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)), UsernameToken Profile 1.1 §3.1."""
    # SHA-1 is what the standard says; nonce, time and the replay check stand beside it.
    return b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode("ascii")  # noqa: S324


def _text(token: Element, namespace: str, name: str) -> str:
    found = token.findall(f"{{{namespace}}}{name}")
    if len(found) > 1:
        raise NotAuthenticated(f"the UsernameToken holds more than one {name}")
    return found[0].text or "" if found else ""


def _nonce(text: str) -> bytes:
    try:
        nonce = b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise NotAuthenticated("the UsernameToken's Nonce is not Base64") from error
    if len(nonce) > _LONGEST_NONCE:
        raise NotAuthenticated(f"the UsernameToken's Nonce is longer than {_LONGEST_NONCE} bytes")
    return nonce
