"""A whole SOAP message under WS-Security X.509: opened into what is proven about it, or protected on its way out.

Order of processing is the order of the Security header (WSS 1.1 §5): a Signature that stands before the EncryptedKey
covers the encrypted form and is verified first. Outwards security comes last: sign, then encrypt. Needs the optional
extra ``wssec``.
"""

from __future__ import annotations

from transformers.certificates import Certificate, Identity, Pins
from transformers.document import Element
from transformers.errors import SecurityInvalid
from transformers.soap import Envelope, is_mandatory, is_ours, open_envelope
from transformers.ws_encryption import decrypt, encrypt
from transformers.ws_security import (
    ENCRYPTED_KEY,
    SECURITY,
    SIGNATURE,
    USERNAME_TOKEN,
    Proof,
    add_timestamp,
    check_fresh,
    check_timestamp,
    read_timestamp,
    security_for,
    security_of,
)
from transformers.ws_signature import Verified, sign, verify
from transformers.xml import local_name


def open_message(
    envelope: Envelope, pins: Pins, identity: Identity | None, now: float, *, legacy: bool = False
) -> tuple[Envelope, Proof]:
    """Decrypt and verify, in place. ``now`` is Unix seconds.

    A signature must cover the Body and a fresh Timestamp; the envelope that is answered then holds what it covers and
    nothing else. Of the Security header only a UsernameToken is left. Raises SecurityInvalid.
    """
    security = security_of(envelope)
    if security is None:
        return envelope, Proof()
    tags = [child.tag for child in security]
    if SIGNATURE in tags and ENCRYPTED_KEY in tags and tags.index(SIGNATURE) < tags.index(ENCRYPTED_KEY):
        found = verify(envelope, security, pins, now)
        envelope, hidden = decrypt(envelope, security, identity, legacy=legacy)
    else:
        envelope, hidden = decrypt(envelope, security, identity, legacy=legacy)
        found = verify(envelope, security, pins, now)
    encrypted = envelope.body in hidden
    if found is None:
        check_timestamp(security, now)
        return _without(envelope, security, ()), Proof(encrypted=encrypted)
    until = _check_covered(envelope, security, found, now)
    open_blocks = _uncovered(envelope, security, found)
    dropped = tuple(local_name(block) for block in open_blocks)
    return _without(envelope, security, open_blocks), Proof(found.certificate, encrypted, found.seal, until, dropped)


def protect(
    root: Element,
    identity: Identity,
    now: float,
    *,
    encrypt_for: Certificate | None = None,
    names_by: str = "",
    legacy: bool = False,
) -> None:
    """Sign the Body, a Timestamp and every other header block of an envelope of ours, then encrypt the Body; in place.

    Everything else must be in the envelope already. Raises SecurityInvalid for a receiver without an RSA key.
    """
    envelope = open_envelope(root)
    others = tuple(block for block in envelope.headers if block.tag != SECURITY)
    security = security_for(root, envelope.version)
    stamp = add_timestamp(security, now)
    sign(security, (envelope.body, stamp, *others), identity, names_by=names_by)
    if encrypt_for is not None and len(envelope.body):
        encrypt(envelope, security, encrypt_for, legacy=legacy)


def _check_covered(envelope: Envelope, security: Element, found: Verified, now: float) -> float:
    """Refuse a signature that leaves the Body or the Timestamp open; answer until when a copy could be accepted."""
    if envelope.body not in found.parts:
        raise SecurityInvalid("the signature does not cover the Body of this envelope")
    stamp = read_timestamp(security)
    if stamp is None or stamp.element not in found.parts:
        raise SecurityInvalid("the signature must cover a Timestamp, or the message could be sent again by anybody")
    return check_fresh(stamp, now)


def _uncovered(envelope: Envelope, security: Element, found: Verified) -> tuple[Element, ...]:
    """The header blocks that a signature leaves open; nobody may act on one, so a mandatory one is refused."""
    blocks = tuple(block for block in envelope.headers if block is not security and block not in found.parts)
    for block in blocks:
        if is_mandatory(block, envelope.version) and is_ours(block, envelope.version):
            raise SecurityInvalid(f"the signature does not cover the mandatory header {local_name(block)}")
    return blocks


def _without(envelope: Envelope, security: Element, blocks: tuple[Element, ...]) -> Envelope:
    spent = [child for child in security if child.tag != USERNAME_TOKEN]
    for block in (*blocks, *(spent if len(spent) < len(security) else (security,))):
        parent = block.getparent()
        if parent is not None:
            parent.remove(block)
    return open_envelope(envelope.root)
