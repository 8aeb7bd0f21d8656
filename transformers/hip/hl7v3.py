"""HL7 V3 documents: the message header of WS/T 846, that of its first generation, and MCCI_IN000002UV01."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Element
from transformers.hip.model import AckCode, Heading, Stamp, Verdict
from transformers.xml import local_name

ACKNOWLEDGEMENT = "MCCI_IN000002UV01"


@dataclass(frozen=True, slots=True)
class Edition:
    """The OIDs of one generation's header, and whether a device's id has an ``item``."""

    message: str
    interaction: str
    receiver: str
    sender: str
    item: bool


#: WS/T 846-2024 and the drafts since 2020: one OID for both devices.
CURRENT = Edition(
    "2.16.156.10011.2.5.1.1", "2.16.156.10011.2.5.1.2", "2.16.156.10011.2.5.1.3", "2.16.156.10011.2.5.1.3", True
)
#: Platforms built before 2018.
FIRST = Edition(
    "2.16.156.10011.0", "2.16.840.1.113883.1.6", "2.16.156.10011.0.1.1", "2.16.156.10011.0.1.2", False
)  # fmt: skip

EDITIONS = {"current": CURRENT, "first": FIRST}

#: Acknowledgement codes of the accept level say the same to a caller that waits (HL7 V3, CA CE CR).
_CODES: dict[str, AckCode] = {"AA": "AA", "AE": "AE", "AR": "AR", "CA": "AA", "CE": "AE", "CR": "AR"}


class Hl7V3:
    """Documents in the namespace ``urn:hl7-org:v3``, and any other that no family owns."""

    def owns(self, document: Element) -> bool:
        """It owns what is left."""
        return True

    def heading(self, document: Element) -> Heading:
        """The header of either generation; what is missing stays empty."""
        root = local_name(document)
        return Heading(
            root,
            _extension(_child(document, "interactionId")) or root,
            _extension(_child(document, "id")),
            _device(_child(document, "sender")),
            _device(_child(document, "receiver")),
            (_attribute(_child(document, "acceptAckCode"), "code") or "AL").upper(),
            closing=root.startswith("MCCI_IN") or _child(document, "acknowledgement") is not None,
        )

    def action(self, document: Element) -> str:
        """The call names it."""
        return ""

    def body(self, document: Element) -> Element:
        """The document itself."""
        return document

    def acknowledge(self, received: Element, verdict: Verdict, stamp: Stamp) -> Element:
        """MCCI_IN000002UV01 in the generation of the message received; it asks for no acknowledgement itself."""
        edition, heading = edition_of(received), self.heading(received)
        root = begun(ACKNOWLEDGEMENT, edition, stamp, heading.sender, wanted="NE")
        acknowledgement = _sub(root, "acknowledgement", typeCode=verdict.code)
        target = _sub(_sub(acknowledgement, "targetMessage"), "id")
        if not edition.item:
            target.set("root", edition.message)
        target.set("extension", heading.id)
        _sub(_sub(acknowledgement, "acknowledgementDetail"), "text", value=verdict.text)
        return root

    def reply(self, received: Element, document: Element, stamp: Stamp) -> Element:
        """The operation's own answer as it is."""
        return document

    def verdict(self, document: Element) -> Verdict | None:
        """typeCode as an attribute (China) or as a child (IHE, NE2008)."""
        found = _child(document, "acknowledgement")
        if found is None:
            return None
        code = _CODES.get((found.get("typeCode") or _attribute(_child(found, "typeCode"), "code")).strip().upper())
        texts = (
            (text.get("value") or "".join(map(str, text.itertext()))).strip()
            for text in found.iter("{*}text")
        )  # fmt: skip
        return Verdict(code or "AE", "; ".join(text for text in texts if text))


def edition_of(document: Element) -> Edition:
    """The generation of a document's header."""
    interaction = _child(document, "interactionId")
    old = _attribute(interaction, "root") == FIRST.interaction
    return FIRST if old or _attribute(_child(document, "id"), "root") == FIRST.message else CURRENT


def begun(root: str, edition: Edition, stamp: Stamp, receiver: str, *, wanted: str = "AL") -> Element:
    """A document that holds the message header alone, in the order that every schema of WS/T 846 fixes."""
    prefixes: Any = {None: ns.HL7V3, "xsi": ns.XSI}
    element: Element = etree.Element(ns.clark(ns.HL7V3, root), ITSVersion="XML_1.0", nsmap=prefixes)
    _sub(element, "id", root=edition.message, extension=stamp.id)
    _sub(element, "creationTime", value=stamp.time)
    _sub(element, "interactionId", root=edition.interaction, extension=root)
    _sub(element, "processingCode", code="P")
    mode = _sub(element, "processingModeCode")
    if not edition.item:
        mode.set("code", "R")
    _sub(element, "acceptAckCode", code=wanted)
    for name, kind, oid, code in (
        ("receiver", "RCV", edition.receiver, receiver),
        ("sender", "SND", edition.sender, stamp.device),
    ):
        device = _sub(_sub(element, name, typeCode=kind), "device", classCode="DEV", determinerCode="INSTANCE")
        holder = _sub(device, "id")
        if edition.item:
            holder = _sub(holder, "item")
        holder.set("root", oid)
        holder.set("extension", code)
    return element


def with_heading(document: Element, edition: Edition, stamp: Stamp, receiver: str) -> Element:
    """A document that has no header yet with one before its own content; one that has one as it is."""
    if _child(document, "id") is not None:
        return document
    element = begun(local_name(document), edition, stamp, receiver)
    element.extend(list(document))
    return element


def _sub(parent: Element, name: str, **attributes: str) -> Element:
    return etree.SubElement(parent, ns.clark(ns.HL7V3, name), attributes)


def _child(element: Element | None, name: str) -> Element | None:
    return element.find(f"{{*}}{name}") if element is not None else None


def _attribute(element: Element | None, name: str) -> str:
    return (element.get(name) or "").strip() if element is not None else ""


def _extension(element: Element | None) -> str:
    return _attribute(element, "extension") or _attribute(_child(element, "item"), "extension")


def _device(element: Element | None) -> str:
    return _extension(_child(_child(element, "device"), "id"))
