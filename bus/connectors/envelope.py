"""What the bus itself writes into an outgoing SOAP envelope, security last; and what it checks in the reply.

Only for providers whose manifest asks for it: WS-Addressing, a UsernameToken, a signature, encryption.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from bus.connectors.wsse import add_username_token
from bus.errors import ProviderLied
from bus.media import media
from bus.message import Message
from bus.ports import Inbound
from registry.model import Provider, Security
from transformers import charset as charsets
from transformers.certificates import Pin, Pins
from transformers.document import Element
from transformers.errors import AddressingInvalid, DocumentError, SecurityInvalid
from transformers.soap import Envelope, open_envelope
from transformers.ws_addressing import add_blocks, check_related, request_blocks, without_addressing
from transformers.ws_security import Proof
from transformers.xml import Limits, hardened_parser, parse, serialise

_IN_ENVELOPE = frozenset({"username-token", "wss-x509"})


def is_dressed(provider: Provider) -> bool:
    """Whether the bus writes headers of its own into this provider's envelopes."""
    return provider.addressing or provider.auth.kind in _IN_ENVELOPE


def dressed(message: Message, provider: Provider, url: str, now: Callable[[], float] = time.time) -> bytes:
    """Answer the envelope in ``message.body`` with the bus's own headers for ``provider``, in the same charset.

    Header blocks of their kind that are already there were made for the bus by its caller and are replaced. Raises
    DocumentError for a body that is no envelope.
    """
    text = charsets.read(message.body, message.charset).text_utf8
    # Our own document: it passed the limits of the door, and its mapping may have made it larger.
    root = parse(text, Limits(bytes=len(text)), parser=hardened_parser(keep_comments=True))
    version = open_envelope(root).version
    if provider.addressing:
        action = message.operation.call.action if message.operation is not None else ""
        add_blocks(root, version, request_blocks(message.id, action, url))
    if provider.auth.kind == "username-token":
        add_username_token(root, version, provider.auth)
    elif provider.auth.security is not None:
        _protect(root, provider.auth.security, now())
    return serialise(root, message.charset, declaration=True)


def undressed(inbound: Inbound, message: Message, provider: Provider, endpoint: str) -> Inbound:
    """Answer the reply decrypted and verified, in UTF-8, without the headers that were meant for the bus.

    What is no envelope is answered as it is where nothing must be signed. Raises ProviderLied for a reply that is
    not signed or encrypted as the manifest says, by the pinned certificate, or that answers another request.
    """
    security = provider.auth.security
    require = security.require if security is not None else frozenset()
    if media(inbound.headers.get("content-type", "")).kind != "xml":
        if require and inbound.status < 300:
            raise ProviderLied("the provider's reply is not signed: it is no SOAP envelope", endpoint=endpoint)
        return inbound
    try:
        text = charsets.read(inbound.body, media(inbound.headers["content-type"]).charset).text_utf8
        envelope = open_envelope(parse(text, Limits(bytes=len(text))))
        if security is not None and security.peer is not None:
            envelope, proof = _open(envelope, security)
            _check_required(proof, require)
        if provider.addressing:
            check_related(envelope, message.id)
            envelope = without_addressing(envelope)
    except (SecurityInvalid, AddressingInvalid) as error:
        raise ProviderLied(f"the provider's reply is refused: {error}", endpoint=endpoint) from error
    except DocumentError as error:
        if require:
            raise ProviderLied(f"the provider's reply is no SOAP envelope: {error}", endpoint=endpoint) from error
        return inbound
    headers = {**inbound.headers, "content-type": f"{envelope.version.media_type}; charset=utf-8"}
    return replace(inbound, headers=headers, body=serialise(envelope.root))


def _check_required(proof: Proof, require: frozenset[str]) -> None:
    if "signature" in require and proof.certificate is None:
        raise SecurityInvalid("it is not signed")
    if "encryption" in require and not proof.encrypted:
        raise SecurityInvalid("it is not encrypted")


def _open(envelope: Envelope, security: Security) -> tuple[Envelope, Proof]:
    from transformers.ws_message import open_message  # the extra wssec: a snapshot with a security has loaded it

    pins = Pins([Pin(security.peer.sha256, security.peer, security.legacy)] if security.peer is not None else ())
    return open_message(envelope, pins, security.identity, time.time(), legacy=security.legacy)


def _protect(root: Element, security: Security, now: float) -> None:
    from transformers.ws_message import protect  # the extra wssec: a snapshot with a security has loaded it

    if security.identity is None:
        raise SecurityInvalid("the key to sign with is missing")
    protect(
        root,
        security.identity,
        now,
        encrypt_for=security.peer if "encryption" in security.give else None,
        names_by=security.names_by,
        legacy=security.legacy,
    )
