"""WS-Addressing headers: read from a request, written into its reply, written into a request of ours and checked.

W3C WS-Addressing 1.0 Core and SOAP Binding (2006), and the member submission of August 2004 that older stacks speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from lxml import etree

from transformers import ns
from transformers.document import Element
from transformers.errors import AddressingInvalid
from transformers.soap import Envelope, SoapVersion, is_ours
from transformers.xml import detached, local_name, namespace

NAMESPACES = (ns.WSA, ns.WSA_2004)
_ANONYMOUS = {ns.WSA: f"{ns.WSA}/anonymous", ns.WSA_2004: f"{ns.WSA_2004}/role/anonymous"}
NOWHERE = f"{ns.WSA}/none"
_ONCE = frozenset({"To", "Action", "MessageID", "From", "ReplyTo", "FaultTo"})
_BLOCKS = _ONCE | {"RelatesTo", "ReferenceParameters"}
#: Every header block of either version, by Clark name.
HEADERS = frozenset(ns.clark(namespace, name) for namespace in NAMESPACES for name in _BLOCKS)
_LONGEST = 1024

INVALID = ns.clark(ns.WSA, "InvalidAddressingHeader")
ONLY_ANONYMOUS = ns.clark(ns.WSA, "OnlyAnonymousAddressSupported")


@dataclass(frozen=True, slots=True)
class Place:
    """An endpoint reference: its address, and the parameters that go along with what is sent there."""

    address: str
    parameters: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Addressing:
    """What a message's addressing headers say, in ``namespace``; empty text for a header that is not there.

    ``reply_to`` and ``fault_to`` are None where the sender waits for the answer on its own connection.
    """

    namespace: str
    message_id: str = ""
    action: str = ""
    relates_to: tuple[str, ...] = ()
    reply_to: Place | None = None
    fault_to: Place | None = None
    parameters: tuple[Element, ...] = ()


def read_addressing(envelope: Envelope) -> Addressing | None:
    """Answer what an envelope's addressing headers for this node say, or None when it has none.

    Raises AddressingInvalid for a header that is there twice, too long, or in two versions at once.
    """
    blocks = [block for block in envelope.headers if block.tag in HEADERS and is_ours(block, envelope.version)]
    if not blocks:
        return None
    spoken = {namespace(block) for block in blocks}
    if len(spoken) > 1:
        raise AddressingInvalid("the WS-Addressing headers are of two versions; use one", subcode=INVALID)
    found: dict[str, Element] = {}
    related: list[str] = []
    for block in blocks:
        name = local_name(block)
        if name == "RelatesTo":
            related.append(_text(block))
        elif name in found:
            raise AddressingInvalid(f"the WS-Addressing header {name} is there twice; send it once", subcode=INVALID)
        found[name] = block
    space = spoken.pop()
    reply_to, fault_to = _place(found.get("ReplyTo"), space), _place(found.get("FaultTo"), space)
    anonymous = reply_to is not None and reply_to.address == _ANONYMOUS[space]
    return Addressing(
        space,
        _text(found.get("MessageID")),
        _text(found.get("Action")),
        tuple(related),
        None if anonymous else reply_to,
        None if fault_to is not None and fault_to.address == _ANONYMOUS[space] else fault_to,
        reply_to.parameters if anonymous and reply_to is not None else (),
    )


def without_addressing(envelope: Envelope) -> Envelope:
    """Answer the envelope without its addressing headers, which were meant for this node; in place."""
    spent = [block for block in envelope.headers if block.tag in HEADERS]
    for block in spent:
        parent = block.getparent()
        if parent is not None:
            parent.remove(block)
    rest = tuple(block for block in envelope.headers if block not in spent)
    return Envelope(envelope.version, rest, envelope.payload, envelope.root)


def reply_blocks(
    request: Addressing, message_id: str, *, fault: Literal["", "soap", "addressing"] = ""
) -> tuple[Element, ...]:
    """The header blocks of the reply to a request (Core 1.0 §3.4), or of a fault: SOAP's, or one of addressing itself.

    ``message_id`` is the bus's own id, 32 hex digits. The Action of a reply is the request's with ``Response``; those
    of faults are the standard's (SOAP Binding 1.0 §6).
    """
    if fault:
        action = f"{request.namespace}/{'soap/' if fault == 'soap' and request.namespace == ns.WSA else ''}fault"
    else:
        action = f"{request.action}Response" if request.action else ""
    blocks = [
        _block(request.namespace, "Action", action),
        _block(request.namespace, "MessageID", UUID(hex=message_id).urn),
        _block(request.namespace, "RelatesTo", request.message_id),
    ]
    destination = request.reply_to.parameters if request.reply_to is not None else request.parameters
    return (*(block for block in blocks if block.text), *(_parameter(each, request.namespace) for each in destination))


def request_blocks(message_id: str, action: str, to: str) -> tuple[Element, ...]:
    """The header blocks of a request that waits for its reply on the connection. ``message_id`` is 32 hex digits."""
    reply_to: Element = etree.Element(ns.clark(ns.WSA, "ReplyTo"), nsmap={"wsa": ns.WSA})
    etree.SubElement(reply_to, ns.clark(ns.WSA, "Address")).text = _ANONYMOUS[ns.WSA]
    return (
        _block(ns.WSA, "MessageID", UUID(hex=message_id).urn),
        _block(ns.WSA, "To", to),
        _block(ns.WSA, "Action", action),
        reply_to,
    )


def check_related(envelope: Envelope, message_id: str) -> None:
    """Raise AddressingInvalid for a reply whose RelatesTo names another request. None at all is let pass."""
    addressing = read_addressing(envelope)
    if addressing is not None and addressing.relates_to and UUID(hex=message_id).urn not in addressing.relates_to:
        raise AddressingInvalid("its RelatesTo names another request", subcode=INVALID)


def add_blocks(root: Element, version: SoapVersion, blocks: Sequence[Element]) -> None:
    """Append header blocks to an envelope; addressing headers that were there before are replaced."""
    soap = f"{{{version.value}}}"
    header = root.find(f"{soap}Header")
    if header is None:
        header = etree.Element(f"{soap}Header")
        root.insert(0, header)
    for old in list(header):
        if old.tag in HEADERS:
            header.remove(old)
    header.extend(blocks)


def _block(space: str, name: str, text: str) -> Element:
    block: Element = etree.Element(ns.clark(space, name), nsmap={"wsa": space})
    block.text = text
    return block


def _place(block: Element | None, space: str) -> Place | None:
    if block is None:
        return None
    addresses = block.findall(ns.clark(space, "Address"))
    if len(addresses) != 1:
        raise AddressingInvalid(f"{local_name(block)} must hold one Address", subcode=INVALID)
    groups = (block.find(ns.clark(space, name)) for name in ("ReferenceParameters", "ReferenceProperties"))
    return Place(
        _text(addresses[0]), tuple(detached(child) for group in groups if group is not None for child in group)
    )


def _parameter(parameter: Element, space: str) -> Element:
    block = detached(parameter)
    if space == ns.WSA:
        block.set(ns.clark(ns.WSA, "IsReferenceParameter"), "true")
    return block


def _text(block: Element | None) -> str:
    text = (block.text or "").strip() if block is not None else ""
    if len(text) > _LONGEST:
        raise AddressingInvalid(f"a WS-Addressing header is longer than {_LONGEST} characters", subcode=INVALID)
    return text
