"""Who calls: API key, HTTP Basic or WS-Security UsernameToken. What proved it goes no further."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bus.errors import NotAuthenticated
from bus.message import Message
from bus.ports import Next, Ports
from bus.security.wsse import SECURITY, TOKEN
from registry.model import Consumer, Grant
from transformers.soap import Envelope

#: Workflow steps and accepted messages act for the bus itself; who caused them was checked when they came in.
WORKFLOW: Final = Consumer(
    name="workflow", title={"zh": "工作流", "en": "Workflow"}, grants=(Grant("*", frozenset({"*"})),)
)

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie"})


async def authenticate(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass on a message whose caller is known, without its credential.

    Raises NotAuthenticated, also for a caller whose message was readable only by another's quirk profile.
    """
    if message.door == "workflow":
        return await onward(message.evolve(consumer=WORKFLOW, charset="utf-8"))
    consumer = await ports.identities.identify(message, ports.registry.snapshot)
    changes: dict[str, object] = {"consumer": consumer}
    if message.claimed is not None and message.claimed.name != consumer.name:
        raise NotAuthenticated("the message could only be read by the quirk profile of another consumer than its own")
    if consumer.quirks is not None and consumer.quirks.charset:
        changes["charset"] = consumer.quirks.charset
        if message.charset and message.charset != consumer.quirks.charset:
            changes["body"] = b""
    elif not message.charset:
        changes["charset"] = consumer.charset.lower() or "utf-8"
    if not _CREDENTIALS.isdisjoint(message.headers):
        changes["headers"] = {name: text for name, text in message.headers.items() if name not in _CREDENTIALS}
    envelope = message.content.envelope if message.content is not None else None
    if message.content is not None and envelope is not None and envelope.headers:
        opened = without_token(envelope)
        if opened is not envelope:
            changes["content"] = replace(message.content, document=opened.payload, envelope=opened)
            changes["body"] = b""
    return await onward(message.evolve(**changes))


def without_token(envelope: Envelope) -> Envelope:
    """Answer the envelope without the Security headers that hold a UsernameToken: it was meant for the bus."""
    spent = [block for block in envelope.headers if block.tag == SECURITY and block.find(TOKEN) is not None]
    if not spent:
        return envelope
    for block in spent:
        parent = block.getparent()
        if parent is not None:
            parent.remove(block)
    return Envelope(
        envelope.version,
        tuple(block for block in envelope.headers if block not in spent),
        envelope.payload,
        envelope.root,
    )
