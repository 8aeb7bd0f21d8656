"""Who may hold which credential, indexed once per snapshot for the hot path."""

from __future__ import annotations

from collections import defaultdict

from registry.credentials import hash_key
from registry.model import Consumer, Credential, Snapshot


class Directory:
    """The consumers of one snapshot by API key hash, by certificate and by username."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._keys: dict[str, Consumer] = {}
        self._known: dict[str, Consumer] = {}
        self._signers: dict[str, Consumer] = {}
        basics: dict[str, list[tuple[Consumer, Credential]]] = defaultdict(list)
        tokens: dict[str, list[tuple[Consumer, Credential]]] = defaultdict(list)
        for consumer in snapshot.consumers.values():
            for credential in consumer.credentials:
                if credential.kind == "api-key" and credential.sha256:
                    self._keys[credential.sha256.lower()] = consumer
                elif credential.kind == "basic" and credential.scrypt:
                    basics[credential.username].append((consumer, credential))
                elif credential.kind == "username-token" and credential.secret:
                    tokens[credential.username].append((consumer, credential))
                elif credential.kind == "x509" and credential.pin is not None:
                    self._signers[credential.pin.sha256] = consumer
        self._basics = {name: tuple(pairs) for name, pairs in basics.items()}
        self._tokens = {name: tuple(pairs) for name, pairs in tokens.items()}

    def by_key(self, key: str) -> Consumer | None:
        """The consumer of this API key. The time this takes tells nothing about any key but the one presented.

        A snapshot holds hashes alone. A key that was right is remembered, in memory and with its snapshot, so that it
        is hashed once: a wrong one never is, so no more are kept than consumers have.
        """
        consumer = self._known.get(key)
        if consumer is None and (consumer := self._keys.get(hash_key(key))) is not None:
            self._known[key] = consumer
        return consumer

    def by_certificate(self, sha256: str) -> Consumer | None:
        """The consumer that pins the certificate with this SHA-256 (hex)."""
        return self._signers.get(sha256)

    def basics(self, username: str) -> tuple[tuple[Consumer, Credential], ...]:
        """Every consumer with a Basic credential of this username: as a rule one."""
        return self._basics.get(username, ())

    def tokens(self, username: str) -> tuple[tuple[Consumer, Credential], ...]:
        """Every consumer with a UsernameToken credential of this username: as a rule one."""
        return self._tokens.get(username, ())
