"""The SOAP headers of a reply: what WS-Addressing says about it, and WS-Security over all of it; and where it goes.

A reply goes back on the caller's connection. One that asks for another address gets it only where the consumer's
manifest lists that address: it goes there through the outbox, and the connection is answered with 202.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from bus.backbone.replies import pack_reply
from bus.backbone.topology import REPLIES
from bus.message import Content, Message
from bus.ports import Letter, Next, Ports
from bus.security.opening import check_can_answer, protected
from registry.model import Consumer, Security
from transformers import charset as charsets
from transformers.errors import AddressingInvalid
from transformers.soap import open_envelope
from transformers.ws_addressing import NOWHERE, ONLY_ANONYMOUS, Addressing, Place, add_blocks, reply_blocks
from transformers.xml import Limits, hardened_parser, parse, serialise


async def answered_by_headers(message: Message, onward: Next, ports: Ports, security: Security | None) -> Message:
    """Pass the message on and answer its reply with the headers that its caller is due, signed last.

    Raises AddressingInvalid or SecurityInvalid before anything is done.
    """
    place = elsewhere(message)
    if security is not None:
        check_can_answer(message, security)
    reply = await onward(message)
    if message.addressing is not None:
        reply = related(reply, message, message.addressing)
    if security is not None:
        reply = await protected(reply, message, security)
    if place is None:
        return reply
    if place.address != NOWHERE and reply.body:
        letter = Letter(
            f"reply-{message.id}", REPLIES, pack_reply(place.address, reply), headers={"flow": message.flow}
        )
        await ports.outbox.post((letter,))
    return replace(reply, content=Content(None), body=b"", content_type="", status=202, accepted=True)


def elsewhere(message: Message) -> Place | None:
    """Where the reply is to go; None: the caller's own connection. Raises AddressingInvalid for a place not listed."""
    addressing, consumer = message.addressing, message.consumer
    if addressing is None or consumer is None:
        return None
    for place in (addressing.reply_to, addressing.fault_to):
        if place is not None and place.address != NOWHERE and not is_listed(place.address, consumer):
            raise AddressingInvalid(
                "replies go back on the connection only: ReplyTo and FaultTo must be anonymous, or begin like an "
                f"address in {consumer.name}'s reply_to",
                subcode=ONLY_ANONYMOUS,
            )
    return addressing.reply_to


def is_listed(address: str, consumer: Consumer) -> bool:
    """Whether an address begins like one on the consumer's list: the same scheme, host and port, and a path below."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.fragment or "\\" in address or any(letter <= " " for letter in address) or ".." in unquote(parts.path):
        return False
    for allowed in consumer.reply_to:
        known = urlsplit(allowed)
        same = (parts.scheme, parts.netloc) == (known.scheme, known.netloc)
        if same and parts.path.startswith(known.path):
            return True
    return False


def related(reply: Message, request: Message, addressing: Addressing) -> Message:
    """Answer the reply with its RelatesTo, Action and MessageID."""
    if not reply.body:
        return reply
    text = charsets.read(reply.body, reply.charset).text_utf8
    root = parse(text, Limits(bytes=len(text)), parser=hardened_parser(keep_comments=True))
    add_blocks(root, open_envelope(root).version, reply_blocks(addressing, request.id))
    return replace(reply, body=serialise(root, reply.charset, declaration=True), content=None)
