"""Certificates and private keys that manifests name, read once per snapshot; what WS-Security X.509 needs of them.

A private key never lies in the catalogue: it comes from the environment or from a file of the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from registry.bench import Bench
from registry.environment import holds_variable
from registry.findings import Spot
from registry.model import Security
from transformers.certificates import Certificate, Identity, Pin
from transformers.errors import TransformerInvalid

_LARGEST = 64 * 1024
_EXTRA = "pip install 'meridian-bus[wssec]' where the bus runs"


def compile_pin(raw: Mapping[str, Any], bench: Bench, spot: Spot) -> Pin:
    """A consumer's pinned certificate. Raises ManifestInvalid."""
    require_extra(spot)
    legacy = raw.get("legacy", False)
    if "sha256" in raw:
        return Pin(raw["sha256"], legacy=legacy)
    certificate = _certificate(raw["certificate"], bench, spot.at("certificate"), legacy=legacy)
    return Pin(certificate.sha256, certificate, legacy)


def compile_security(raw: Mapping[str, Any], bench: Bench, spot: Spot, *, gives: bool) -> Security:
    """WS-Security X.509 of a service version or of a provider's ``auth``. ``gives`` is whether it signs unless told.

    Raises ManifestInvalid.
    """
    require_extra(spot)
    legacy = raw.get("legacy", False)
    identity = _identity(raw, bench, spot, legacy=legacy)
    peer = _certificate(raw["peer"], bench, spot.at("peer"), legacy=legacy) if "peer" in raw else None
    give = frozenset(raw.get("give", ("signature",) if gives else ()))
    if give and identity is None:
        raise spot.at("give").refuse("nothing can be signed without a key", "give key and certificate")
    if "encryption" in give and "signature" not in give:
        raise spot.at("give").refuse("encryption without a signature proves nothing", "write [signature, encryption]")
    require = frozenset(raw.get("require", ("signature",) if peer is not None else ()))
    if "encryption" in require and identity is None:
        raise spot.at("require").refuse("nothing can be decrypted without a key", "give key and certificate")
    if gives:
        _check_provider(give, require, peer, spot)
    return Security(identity, peer, give, require, raw.get("names_by", "binary-token"), legacy)


def require_extra(spot: Spot) -> None:
    """Raise ManifestInvalid, for a manifest that asks for WS-Security X.509, where the extra ``wssec`` is missing."""
    try:
        # Here and not above: everybody else does without these libraries, and without the time they take to load.
        import_module("transformers.ws_message")
    except ImportError as error:
        raise spot.refuse("WS-Security X.509 needs the optional extra wssec", _EXTRA) from error
    except Exception as error:  # xmlsec's own error class is out of reach when it does not load
        raise spot.refuse(f"xmlsec does not load: {str(error)[:200]}", f"{_EXTRA} brings versions that fit") from error


def _check_provider(give: frozenset[str], require: frozenset[str], peer: Certificate | None, spot: Spot) -> None:
    if peer is None and ("encryption" in give or require):
        raise spot.refuse("the provider's certificate is needed to encrypt, and to verify what it answers", "give peer")
    if "encryption" in give and peer is not None and peer.key != "rsa":
        raise spot.at("peer").refuse("only an RSA certificate can be encrypted for")
    if "encryption" in require and "signature" not in require:
        raise spot.at("require").refuse("encryption without a signature proves nothing", "write both")


def _identity(raw: Mapping[str, Any], bench: Bench, spot: Spot, *, legacy: bool) -> Identity | None:
    if ("key" in raw) != ("certificate" in raw):
        raise spot.refuse("a key and its certificate belong together", "give both")
    if "key" not in raw:
        return None
    from transformers.x509 import read_identity  # the extra: see require_extra

    certificate = _certificate(raw["certificate"], bench, spot.at("certificate"), legacy=legacy)
    place = spot.at("key")
    data = _outside(bench.environ.resolve(raw["key"], place), place)
    try:
        return read_identity(data, certificate)
    except TransformerInvalid as error:
        raise place.refuse(str(error)) from error


def _certificate(written: str, bench: Bench, spot: Spot, *, legacy: bool) -> Certificate:
    from transformers.x509 import read_certificate  # the extra: see require_extra

    if holds_variable(written) or written.startswith("/"):
        data = _outside(bench.environ.resolve(written, spot), spot)
    else:
        data = bench.library.catalogue.files[bench.library.file(written, spot)]
    try:
        certificate = read_certificate(data)
    except TransformerInvalid as error:
        raise spot.refuse(str(error)) from error
    if not certificate.is_strong(legacy=legacy):
        raise spot.refuse(f"an RSA key of {certificate.bits} bits is too weak", "legacy: true is content with 1024")
    return certificate


def _outside(value: str, spot: Spot) -> bytes:
    """PEM text as it stands, or the content of the file at an absolute path."""
    if value.lstrip().startswith("-----BEGIN"):
        return value.encode()
    if not value.startswith("/"):
        raise spot.refuse("neither PEM text nor the absolute path of a file")
    try:
        with Path(value).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise spot.refuse(f"the file cannot be read ({error.strerror})", "it is read where the bus runs") from error
