"""X.509 certificates as values: what identifies one, and which of those somebody trusts a message names.

Reading them is ``transformers/x509.py``'s matter, which needs the optional extra ``wssec``; this module needs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: Bits of an RSA key (NIST SP 800-57 part 1, since 2014), and of those from before.
SMALLEST_RSA = 2048
SMALLEST_RSA_LEGACY = 1024


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. ``sha256`` is hex; ``issuer`` as ``issuer_of`` gives it; times are Unix seconds.

    ``key`` is ``rsa`` or ``ec``, ``bits`` its size; ``subject_key`` is empty for a certificate without that extension.
    """

    pem: bytes = field(repr=False)
    der: bytes = field(repr=False)
    sha256: str
    sha1: bytes = field(repr=False)
    subject_key: bytes = field(repr=False)
    issuer: frozenset[str]
    issuer_name: str
    serial: int
    key: str
    bits: int
    not_before: float
    not_after: float

    def is_strong(self, *, legacy: bool = False) -> bool:
        """Whether its key is large enough to prove anything; ``legacy`` is content with less."""
        return self.key != "rsa" or self.bits >= (SMALLEST_RSA_LEGACY if legacy else SMALLEST_RSA)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key: ``pem`` for signing, ``key`` (of ``cryptography``) for decryption."""

    certificate: Certificate
    pem: bytes = field(repr=False)
    key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pin:
    """A certificate that is trusted by itself, whoever issued it: whole, or known by its SHA-256 alone.

    ``legacy`` opens SHA-1 and AES-CBC to its holder.
    """

    sha256: str
    certificate: Certificate | None = None
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """How a message names a certificate: whole, or by one of the ways of the X.509 Token Profile 1.1 §3.1."""

    certificate: Certificate | None = None
    sha1: bytes = b""
    subject_key: bytes = b""
    issuer: frozenset[str] = frozenset()
    serial: int = -1


class Pins:
    """Pinned certificates. One that is known by its SHA-256 alone is found only by messages that bring it along."""

    def __init__(self, pins: Iterable[Pin]) -> None:
        self._pins = {pin.sha256: pin for pin in pins}

    def __bool__(self) -> bool:
        return bool(self._pins)

    def find(self, named: Named) -> tuple[Pin, Certificate] | None:
        """The pin that a message names, with its certificate; None for anybody else's."""
        if named.certificate is not None:
            pin = self._pins.get(named.certificate.sha256)
            return (pin, named.certificate) if pin is not None else None
        for pin in self._pins.values():
            if pin.certificate is not None and _names(named, pin.certificate):
                return pin, pin.certificate
        return None


def issuer_of(text: str) -> frozenset[str]:
    """A distinguished name (RFC 4514) in a form that stacks agree on: they differ in order, blanks and case."""
    parts: list[str] = []
    part, escaped = "", False
    for letter in text:
        if letter in ",;" and not escaped:
            parts.append(part)
            part = ""
        else:
            part += letter
        escaped = letter == "\\" and not escaped
    return frozenset("=".join(piece.strip() for piece in each.split("=", 1)).casefold() for each in (*parts, part))


def _names(named: Named, certificate: Certificate) -> bool:
    if named.sha1:
        return named.sha1 == certificate.sha1
    if named.subject_key:
        return named.subject_key == certificate.subject_key
    return named.serial == certificate.serial and named.issuer == certificate.issuer
