"""Proves who calls, by API key, HTTP Basic, WS-Security UsernameToken or X.509, and says nothing more than no."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from bus.errors import NotAuthenticated
from bus.message import Message
from bus.ports import StateStore
from bus.security.directory import Directory
from bus.security.nonces import Nonces
from bus.security.passwords import Passwords
from bus.security.presented import ApiKey, Basic, Presented, Signature, presented
from bus.security.wsse import UsernameToken, password_digest
from registry.model import Consumer, Snapshot
from transformers.ws_addressing import Addressing

#: How far a token's Created may be from our clock, in seconds (UsernameToken Profile 1.1 §3.1 suggests 5 minutes).
FRESH = 300.0

#: How long a MessageID is remembered where the manifest has each taken once, in seconds.
REMEMBERED = 86_400.0

#: Takes the kind of a refused credential and the consumer it claims to be (empty when there is no such one).
OnRefusal = Callable[[str, str], None]

# The same text whether the name or the secret is wrong: a stranger learns nothing from it.
_WRONG = "the credential is not accepted; check name, secret and the caller's clock"


class CredentialIdentities:
    """Implements ``Identities``. Used nonces go to ``state``; when it cannot answer, the caller is refused.

    Nobody is locked out for failing, or one wrong password in a script would stop a hospital; failures are
    counted by ``on_refusal``. ``now`` is Unix seconds. Belongs to one event loop.
    """

    def __init__(
        self,
        state: StateStore,
        *,
        passwords: Passwords | None = None,
        on_refusal: OnRefusal | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._nonces = Nonces(state, now)
        self._passwords = passwords or Passwords()
        self._on_refusal = on_refusal
        self._now = now
        self._directory = Directory(Snapshot())

    async def identify(self, message: Message, snapshot: Snapshot) -> Consumer:
        """Answer the consumer whose credential the message carries.

        Raises NotAuthenticated (none, several, wrong, stale or replayed), StateUnavailable.
        """
        directory = self._directory
        if directory.snapshot is not snapshot:
            directory = self._directory = Directory(snapshot)
        try:
            credentials = presented(message)
        except NotAuthenticated:
            self._refused("unusable", "")
            raise
        consumer = await self._by(credentials[0], directory)
        for further in credentials[1:]:
            if await self._by(further, directory) is not consumer:
                self._refused("unusable", consumer.name)
                raise NotAuthenticated("the UsernameToken and the signature are not of the same caller")
        if consumer.message_ids_once and message.door == "soap":
            await self._first_sight(message.addressing, consumer)
        return consumer

    async def _by(self, credential: Presented, directory: Directory) -> Consumer:
        if isinstance(credential, ApiKey):
            return self._by_key(credential, directory)
        if isinstance(credential, Basic):
            return await self._by_basic(credential, directory)
        if isinstance(credential, Signature):
            return await self._by_signature(credential, directory)
        return await self._by_token(credential, directory)

    def _by_key(self, credential: ApiKey, directory: Directory) -> Consumer:
        consumer = directory.by_key(credential.key)
        if consumer is None:
            raise self._refused("api-key", "")
        return consumer

    async def _by_basic(self, credential: Basic, directory: Directory) -> Consumer:
        candidates = directory.basics(credential.username)
        for consumer, stored in candidates:
            if await self._passwords.match(credential.password, stored.scrypt):
                return consumer
        if not candidates:
            await self._passwords.match(credential.password)
        raise self._refused("basic", candidates[0][0].name if candidates else "")

    async def _first_sight(self, addressing: Addressing | None, consumer: Consumer) -> None:
        """Refuse a message without a MessageID, or with one that this caller has sent before."""
        if addressing is None or not addressing.message_id:
            raise NotAuthenticated("every message of this caller needs a WS-Addressing MessageID of its own")
        until = self._now() + REMEMBERED
        if not await self._nonces.use(f"message-id:{consumer.name}", addressing.message_id.encode(), until):
            self._refused("replayed", consumer.name)
            raise NotAuthenticated("a message with this MessageID was sent before; give every message its own")

    async def _by_signature(self, signature: Signature, directory: Directory) -> Consumer:
        """The signature holds: ``opened`` has verified it. What is left is whose it is, and that it is no copy."""
        consumer = directory.by_certificate(signature.sha256)
        if consumer is None:
            raise self._refused("x509", "")
        if not await self._nonces.use(f"x509:{signature.sha256}", signature.seal, signature.until):
            self._refused("replayed", consumer.name)
            raise NotAuthenticated("this signed message was sent before; make a new Timestamp for every message")
        return consumer

    async def _by_token(self, token: UsernameToken, directory: Directory) -> Consumer:
        if token.digested and not (token.nonce and token.created):
            self._refused("username-token", "")
            raise NotAuthenticated("a PasswordDigest needs a Nonce and a Created")
        candidates = directory.tokens(token.username)
        consumer = next((who for who, stored in candidates if _fits(token, stored.secret)), None)
        if consumer is None:
            raise self._refused("username-token", candidates[0][0].name if candidates else "")
        await self._first_use(token, consumer)
        return consumer

    async def _first_use(self, token: UsernameToken, consumer: Consumer) -> None:
        """Refuse a token that is stale or was used before. Checked last, so that only its owner can use it up."""
        now = self._now()
        created = token.created_at if token.created else now
        if abs(now - created) > FRESH:
            self._refused("stale", consumer.name)
            raise NotAuthenticated(f"the UsernameToken was not created within {FRESH:.0f} s of now; check the clock")
        if token.nonce and not await self._nonces.use(token.username, token.nonce, created + FRESH):
            self._refused("replayed", consumer.name)
            raise NotAuthenticated("this UsernameToken was used before; make a new Nonce for every message")

    def _refused(self, kind: str, consumer: str) -> NotAuthenticated:
        if self._on_refusal is not None:
            self._on_refusal(kind, consumer)
        return NotAuthenticated(_WRONG)


def _fits(token: UsernameToken, secret: str) -> bool:
    expected = password_digest(token.nonce, token.created, secret) if token.digested else secret
    return hmac.compare_digest(token.password.encode(), expected.encode())
