"""Reads certificates and private keys (PEM or DER). Needs the optional extra ``wssec``."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from transformers.certificates import Certificate, Identity, issuer_of
from transformers.errors import TransformerInvalid


def read_certificate(data: bytes) -> Certificate:
    """Read one certificate with an RSA or an EC key; how strong that is, is not judged. Raises TransformerInvalid."""
    try:
        pem = b"-----BEGIN" in data
        found = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        public = found.public_key()
        issuer = found.issuer.rfc4514_string()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TransformerInvalid("not an X.509 certificate in PEM or DER") from error
    if isinstance(public, rsa.RSAPublicKey):
        kind = "rsa"
    elif isinstance(public, ec.EllipticCurvePublicKey):
        kind = "ec"
    else:
        raise TransformerInvalid("the certificate's key is neither RSA nor EC")
    return Certificate(
        pem=found.public_bytes(Encoding.PEM),
        der=found.public_bytes(Encoding.DER),
        sha256=found.fingerprint(SHA256()).hex(),
        sha1=found.fingerprint(SHA1()),  # noqa: S303 – the thumbprint of WSS 1.1 is a name, not a proof
        subject_key=_subject_key(found),
        issuer=issuer_of(issuer),
        issuer_name=issuer,
        serial=found.serial_number,
        key=kind,
        bits=public.key_size,
        not_before=found.not_valid_before_utc.timestamp(),
        not_after=found.not_valid_after_utc.timestamp(),
    )


def read_identity(key: bytes, certificate: Certificate) -> Identity:
    """Read an unencrypted private key (PEM) that must belong to ``certificate``. Raises TransformerInvalid."""
    try:
        private = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TransformerInvalid("not an unencrypted private key in PEM") from error
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TransformerInvalid("the private key is neither RSA nor EC")
    owner = x509.load_pem_x509_certificate(certificate.pem).public_key()
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*spki) != owner.public_bytes(*spki):
        raise TransformerInvalid("the private key does not belong to the certificate")
    return Identity(certificate, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), private)


def _subject_key(found: x509.Certificate) -> bytes:
    try:
        return found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return b""
