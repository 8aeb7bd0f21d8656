"""Who calls: API key, HTTP Basic, WS-Security UsernameToken or X.509. What proved it goes no further.

WS-Security is taken off here on the way in and put on the reply on the way out, outside of everything else.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from bus.errors import NotAuthenticated
from bus.hops.reply_headers import answered_by_headers
from bus.message import Message
from bus.ports import Next, Ports
from bus.security.opening import addressed, opened, version_for
from bus.security.wsse import SECURITY, TOKEN
from registry.model import Consumer, Grant
from transformers.document import Element
from transformers.soap import Envelope
from transformers.ws_security import TIMESTAMP

#: Workflow steps and accepted messages act for the bus itself; who caused them was checked when they came in.
WORKFLOW: Final = Consumer(
    name="workflow", title={"zh": "工作流", "en": "Workflow"}, grants=(Grant("*", frozenset({"*"})),)
)

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "x-api-key", "cookie"})


async def authenticate(message: Message, onward: Next, ports: Ports) -> Message:
    """Pass on a message whose caller is known, without its credential.

    Raises NotAuthenticated, also for a caller whose message was readable only by another's quirk profile;
    SecurityInvalid or AddressingInvalid.
    """
    if message.door == "workflow":
        return await onward(replace(message, consumer=WORKFLOW, charset="utf-8"))
    snapshot = ports.registry.snapshot
    content = message.content
    if content is not None and content.envelope is not None and content.envelope.headers:
        message = addressed(await opened(message, content, content.envelope, snapshot), snapshot)
    known = _stripped(message, await ports.identities.identify(message, snapshot))
    if known.door != "soap":
        return await onward(known)
    version = version_for(known, snapshot)
    security = version.security if version is not None and version.security and version.security.give else None
    if security is None and known.addressing is None:
        return await onward(known)
    return await answered_by_headers(known, onward, ports, security)


def _stripped(message: Message, consumer: Consumer) -> Message:
    """The message with its consumer, and without what proved it."""
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
        rest = without_spent(envelope)
        if rest is not envelope:
            changes["content"] = replace(message.content, document=rest.payload, envelope=rest)
            changes["body"] = b""
    return replace(message, **changes)


def without_spent(envelope: Envelope) -> Envelope:
    """Answer the envelope without UsernameTokens and Security headers that hold nothing else: they were for the bus.

    Whatever stands beside a token in its header, and nobody here could judge, stays, for ``resolve`` to refuse where
    it is mandatory.
    """
    spent: list[Element] = []
    for block in envelope.headers:
        if block.tag == SECURITY:
            own = [child for child in block if child.tag in (TOKEN, TIMESTAMP)]
            if len(own) == len(block):
                spent.append(block)
            elif any(child.tag == TOKEN for child in own):
                spent += own
    if not spent:
        return envelope
    for element in spent:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    rest = tuple(block for block in envelope.headers if block not in spent)
    return Envelope(envelope.version, rest, envelope.payload, envelope.root)
