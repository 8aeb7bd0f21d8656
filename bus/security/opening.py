"""Takes WS-Security and WS-Addressing off a message as it comes in, and puts WS-Security on the reply as it leaves.

What is not there costs nothing; what is there and cannot be judged here stays on the message, for ``resolve`` to
refuse where it is mandatory.
"""

from __future__ import annotations

import time

from msgspec.structs import replace

from bus.message import Content, Message
from bus.payload import off_loop
from registry.model import Security, ServiceVersion, Snapshot
from transformers import charset as charsets
from transformers.errors import SecurityInvalid
from transformers.soap import Envelope
from transformers.ws_addressing import HEADERS, read_addressing, without_addressing
from transformers.ws_security import (
    ENCRYPTED_KEY,
    SECURITY,
    SIGNATURE,
    TIMESTAMP,
    USERNAME_TOKEN,
    Proof,
    check_timestamp,
    security_of,
)
from transformers.xml import Limits, hardened_parser, parse, serialise

_PROTECTION = frozenset({SIGNATURE, ENCRYPTED_KEY})
_PLAIN = frozenset({USERNAME_TOKEN, TIMESTAMP})


async def opened(message: Message, content: Content, envelope: Envelope, snapshot: Snapshot) -> Message:
    """Answer a SOAP message decrypted and verified, with its ``proof``. Raises SecurityInvalid.

    A UsernameToken stays for whoever identifies the caller, and headers that the service passes on stay as they are.
    """
    security = security_of(envelope)
    if security is None:
        return message
    version = version_for(message, snapshot)
    if version is not None and SECURITY in version.headers:
        return message
    if _PROTECTION.isdisjoint(child.tag for child in security):
        check_timestamp(security, time.time())
        return message
    own = version.security if version is not None else None
    if not snapshot.pins and (own is None or own.identity is None):
        return message
    envelope, proof = await off_loop(content.size, _open, envelope, snapshot, own)
    return replace(
        message,
        content=replace(content, document=envelope.payload, envelope=envelope),
        body=b"",
        proof=proof,
        notes=(
            *message.notes,
            *(f"the signature does not cover the header {name}: left out" for name in proof.dropped),
        ),
    )


def addressed(message: Message, snapshot: Snapshot) -> Message:
    """Answer a SOAP message with what its addressing headers say, and without them. Raises AddressingInvalid."""
    content = message.content
    envelope = content.envelope if content is not None else None
    addressing = read_addressing(envelope) if envelope is not None else None
    if addressing is None or content is None or envelope is None:
        return message
    version = version_for(message, snapshot)
    if version is not None and not HEADERS.isdisjoint(version.headers):
        return message
    rest = without_addressing(envelope)
    return replace(
        message, content=replace(content, document=rest.payload, envelope=rest), body=b"", addressing=addressing
    )


def version_for(message: Message, snapshot: Snapshot) -> ServiceVersion | None:
    """The service version that a message is for, as far as its address tells: ``resolve`` judges it."""
    service = snapshot.services.get(message.target.service)
    return service.versions.get(message.target.version or service.default) if service is not None else None


def check_can_answer(message: Message, security: Security) -> None:
    """Raise SecurityInvalid, before anything is done, for a caller whose reply could not be encrypted."""
    if "encryption" in security.give:
        signer = message.proof.certificate if message.proof is not None else None
        if signer is None or signer.key != "rsa":
            raise SecurityInvalid(
                "replies of this service are encrypted for the RSA certificate that signed the request; sign it"
            )


async def protected(reply: Message, request: Message, security: Security) -> Message:
    """Answer the reply signed, and encrypted for the request's signer where ``security`` says so."""
    if not reply.body or security.identity is None:
        return reply
    body = await off_loop(len(reply.body), _protect, reply, request, security)
    return replace(reply, body=body, content=None)


def _open(envelope: Envelope, snapshot: Snapshot, own: Security | None) -> tuple[Envelope, Proof]:
    from transformers.ws_message import open_message  # the extra wssec: a snapshot with pins or a key has loaded it

    identity, legacy = (own.identity, own.legacy) if own is not None else (None, False)
    return open_message(envelope, snapshot.pins, identity, time.time(), legacy=legacy)


def _protect(reply: Message, request: Message, security: Security) -> bytes:
    from transformers.ws_message import protect  # the extra wssec: a snapshot with a key has loaded it

    text = charsets.read(reply.body, reply.charset).text_utf8
    root = parse(text, Limits(bytes=len(text)), parser=hardened_parser(keep_comments=True))
    signer = request.proof.certificate if request.proof is not None else None
    assert security.identity is not None  # noqa: S101 – protected() has looked
    protect(
        root,
        security.identity,
        time.time(),
        encrypt_for=signer if "encryption" in security.give else None,
        names_by=security.names_by,
        legacy=security.legacy,
    )
    return serialise(root, reply.charset, declaration=True)
