"""Certificates and keys made on the spot, for tests of WS-Security."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from transformers.certificates import Identity
from transformers.x509 import read_certificate, read_identity

#: When the tests take place, unless they say otherwise.
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC).timestamp()


@cache
def identity(name: str, kind: str = "rsa", *, days: int = 3650, bits: int = 2048) -> Identity:
    """A self-signed certificate ``CN=name,O=Hospital`` with its key; the same one whenever it is asked for."""
    key = rsa.generate_private_key(65537, bits) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Hospital"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    start = datetime(2025, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return read_identity(pem, read_certificate(made.public_bytes(Encoding.PEM)))
