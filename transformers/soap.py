"""SOAP 1.1 and 1.2 envelopes: opened, sealed, turned into one another, and faults in both dialects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from lxml import etree
from msgspec import Struct

from transformers import ns
from transformers.charset import wire_name
from transformers.document import Element
from transformers.errors import EnvelopeInvalid, HeaderNotUnderstood, VersionMismatch
from transformers.xml import detached, local_name, serialise


class SoapVersion(Enum):
    """SOAP 1.1 (W3C Note, 2000) and 1.2 (W3C Recommendation, 2007): value is the envelope's namespace."""

    V11 = "http://schemas.xmlsoap.org/soap/envelope/"
    V12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def media_type(self) -> str:
        """The HTTP content type of this version."""
        return "text/xml" if self is SoapVersion.V11 else "application/soap+xml"


class Envelope(Struct, frozen=True):
    """An opened envelope: its header blocks and the Body's only child (None for an empty Body).

    ``shared`` are the values beside it that it refers to, in SOAP's own encoding (SOAP 1.1 §5.4.1).
    """

    version: SoapVersion
    headers: tuple[Element, ...]
    payload: Element | None
    root: Element
    shared: tuple[Element, ...] = ()

    @property
    def body(self) -> Element:
        """The Body element itself."""
        body: Element = self.root[-1]
        return body


#: What the root element of an envelope is called → its version, and what its children are called.
_VERSIONS = {
    f"{{{version.value}}}Envelope": (version, f"{{{version.value}}}Header", f"{{{version.value}}}Body")
    for version in SoapVersion
}
#: Who a header block is addressed to when it is addressed to us (SOAP 1.1 §4.2.2, SOAP 1.2 part 1 §2.2).
_OURS = frozenset({"", ns.SOAP11_ACTOR_NEXT, ns.SOAP12_ROLE_NEXT, ns.SOAP12_ROLE_ULTIMATE})


def version_of_media_type(content_type: str) -> SoapVersion | None:
    """The SOAP version that an HTTP content type (parameters allowed) announces, or None."""
    media = content_type.partition(";")[0].strip().lower()
    return next((version for version in SoapVersion if version.media_type == media), None)


def open_envelope(root: Element) -> Envelope:
    """Open a parsed envelope of either version.

    Raises VersionMismatch for an Envelope of another namespace, EnvelopeInvalid for anything but one optional
    Header and then exactly one Body with at most one element child, shared values aside.
    """
    found = _VERSIONS.get(root.tag)
    if found is None:
        if local_name(root) == "Envelope":
            raise VersionMismatch("the Envelope's namespace is neither SOAP 1.1 nor SOAP 1.2")
        raise EnvelopeInvalid("the root element is not a SOAP Envelope")
    version, header_tag, body_tag = found
    headers: tuple[Element, ...] = ()
    body: Element | None = None
    for position, child in enumerate(root):
        if child.tag == body_tag and body is None:
            body = child
        elif child.tag == header_tag and position == 0:
            headers = tuple(child)
        else:
            raise EnvelopeInvalid(
                "an Envelope holds one optional Header and then exactly one Body, all in the Envelope's namespace"
            )
    if body is None:
        raise EnvelopeInvalid("the Envelope has no Body in its own namespace")
    if (body.text and not body.text.isspace()) or (len(body) and body[0].tail and not body[0].tail.isspace()):
        raise EnvelopeInvalid("the Body holds text beside its child")
    if len(body) > 1:
        payload, shared = _with_shared(body)
        return Envelope(version, headers, payload, root, shared)
    return Envelope(version, headers, body[0] if len(body) else None, root)


def _with_shared(body: Element) -> tuple[Element, tuple[Element, ...]]:
    """The serialisation root of an encoded Body (SOAP 1.1 §5.6) and the values beside it, each with its id."""
    children = list(body)
    root = next((child for child in children if child.get(f"{{{ns.SOAPENC}}}root") != "0"), children[0])
    shared = tuple(child for child in children if child is not root)
    if not all(child.get("id") or child.get(f"{{{ns.SOAPENC12}}}id") for child in shared):
        raise EnvelopeInvalid("the Body has more than one child; only values that the first refers to may follow it")
    return root, shared


def check_must_understand(envelope: Envelope, understood: frozenset[str]) -> None:
    """Raise HeaderNotUnderstood for a mandatory block addressed to this node that is not in ``understood``.

    ``understood`` holds Clark names of header blocks.
    """
    for block in envelope.headers:
        if is_mandatory(block, envelope.version) and is_ours(block, envelope.version) and block.tag not in understood:
            raise HeaderNotUnderstood(
                f"the SOAP header {local_name(block)} is marked mustUnderstand; it is not known here",
                header=block.tag,
            )


def is_mandatory(block: Element, version: SoapVersion) -> bool:
    """Whether a header block is marked mustUnderstand."""
    return block.get(f"{{{version.value}}}mustUnderstand", "").strip() in ("1", "true")


def is_ours(block: Element, version: SoapVersion) -> bool:
    """Whether a header block is addressed to this node (SOAP 1.1 §4.2.2, SOAP 1.2 part 1 §2.2)."""
    role = "actor" if version is SoapVersion.V11 else "role"
    return block.get(f"{{{version.value}}}{role}", "") in _OURS


def seal(
    payload: Element | None, version: SoapVersion, headers: Iterable[Element] = (), charset: str = "utf-8"
) -> bytes:
    """Write an envelope with this payload (None: an empty Body) and these header blocks, with an XML declaration.

    The elements are not moved out of where they hang. Characters that ``charset`` lacks become references.
    """
    if charset.startswith(("utf-16", "utf-32")):
        return serialise(envelope_of(payload, version, headers).root, charset, declaration=True)
    blocks = b"".join(serialise(block, charset) for block in headers)
    head = f'<?xml version="1.0" encoding="{wire_name(charset)}"?>\n<soap:Envelope xmlns:soap="{version.value}">'
    parts = [head.encode("ascii")]
    if blocks:
        parts += [b"<soap:Header>", blocks, b"</soap:Header>"]
    parts += [b"<soap:Body>", b"" if payload is None else serialise(payload, charset), b"</soap:Body></soap:Envelope>"]
    return b"".join(parts)


def envelope_of(
    payload: Element | None, version: SoapVersion, headers: Iterable[Element] = (), forget: str = ""
) -> Envelope:
    """Build an envelope around copies of a payload (see ``detached`` for ``forget``) and header blocks."""
    root = etree.Element(f"{{{version.value}}}Envelope", nsmap={"soap": version.value})
    blocks = tuple(detached(block) for block in headers)
    if blocks:
        etree.SubElement(root, f"{{{version.value}}}Header").extend(blocks)
    body = etree.SubElement(root, f"{{{version.value}}}Body")
    inner = detached(payload, forget) if payload is not None else None
    if inner is not None:
        body.append(inner)
    return Envelope(version, blocks, inner, root)


FaultCode = Literal["caller", "server", "version", "understand"]

_CODES: dict[SoapVersion, dict[FaultCode, str]] = {
    SoapVersion.V11: {
        "caller": "Client", "server": "Server", "version": "VersionMismatch", "understand": "MustUnderstand",
    },
    SoapVersion.V12: {
        "caller": "Sender", "server": "Receiver", "version": "VersionMismatch", "understand": "MustUnderstand",
    },
}  # fmt: skip
_MEANINGS: dict[str, FaultCode] = {word: code for table in _CODES.values() for code, word in table.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a fault says, whichever version says it.

    ``subcode`` is a name of ours (``contract``) or a Clark name; SOAP 1.1 has no place for it, so there the detail
    must tell. ``detail`` is one detail entry, or a whole ``detail``/``Detail`` element. ``actor`` is faultactor
    or Node. A fault that was read keeps the provider's own words in ``reason``: they may name a patient.
    """

    code: FaultCode
    reason: str
    subcode: str = ""
    detail: Element | None = None
    actor: str = ""


def seal_fault(
    version: SoapVersion, fault: Fault, charset: str = "utf-8", lang: str = "zh", headers: Iterable[Element] = ()
) -> bytes:
    """Write a whole envelope that holds this fault; ``lang`` is the language of its reason (SOAP 1.2 only)."""
    return seal(fault_element(version, fault, lang), version, headers, charset=charset)


def not_understood(header: str) -> Element:
    """The header block that names a mandatory block nobody understood (SOAP 1.2 part 1 §5.4.8); a Clark name."""
    namespace, name = ns.split(header)
    block: Element = etree.Element(f"{{{ns.SOAP12}}}NotUnderstood", nsmap={"env": ns.SOAP12, "q": namespace})
    block.set("qname", f"q:{name}")
    return block


def fault_element(version: SoapVersion, fault: Fault, lang: str = "zh") -> Element:
    """Build the Fault element alone."""
    element = etree.Element(f"{{{version.value}}}Fault", nsmap={"soap": version.value})
    if version is SoapVersion.V11:
        etree.SubElement(element, "faultcode").text = f"soap:{_CODES[version][fault.code]}"
        etree.SubElement(element, "faultstring").text = fault.reason
        if fault.actor:
            etree.SubElement(element, "faultactor").text = fault.actor
        _add_detail(element, "detail", fault.detail)
        return element
    soap = f"{{{version.value}}}"
    code = etree.SubElement(element, f"{soap}Code")
    etree.SubElement(code, f"{soap}Value").text = f"soap:{_CODES[version][fault.code]}"
    if fault.subcode:
        namespace, name = ns.split(fault.subcode)
        subcode = etree.SubElement(code, f"{soap}Subcode", nsmap={"m": namespace or ns.MERIDIAN})
        etree.SubElement(subcode, f"{soap}Value").text = f"m:{name}"
    reason = etree.SubElement(etree.SubElement(element, f"{soap}Reason"), f"{soap}Text")
    reason.set(ns.XML_LANG, lang)
    reason.text = fault.reason
    if fault.actor:
        etree.SubElement(element, f"{soap}Node").text = fault.actor
    _add_detail(element, f"{soap}Detail", fault.detail)
    return element


def read_fault(envelope: Envelope) -> Fault | None:
    """The fault that an envelope of either version holds, or None when its payload is no fault.

    Codes of a provider's own making count as ``server`` and are kept as the subcode. The words of SOAP 1.1 are read
    in an envelope of SOAP 1.2 too, where gSOAP puts them.
    """
    payload = envelope.payload
    if payload is None or payload.tag != f"{{{envelope.version.value}}}Fault":
        return None
    in_11 = envelope.version is SoapVersion.V11 or payload.find("faultcode") is not None
    return _read11(payload) if in_11 else _read12(payload)


def reversion(envelope: Envelope, version: SoapVersion) -> Envelope:
    """Answer the same envelope in another version: payload kept, header attributes and a fault put in its words.

    An envelope that already speaks ``version`` is answered as it is.
    """
    if envelope.version is version:
        return envelope
    fault = read_fault(envelope)
    payload = envelope.payload if fault is None else fault_element(version, fault)
    # gSOAP answers in the other version as soon as it sees that version's namespace anywhere.
    turned = envelope_of(payload, version, envelope.headers, forget=envelope.version.value)
    for block in turned.headers:
        _turn_attributes(block, envelope.version, version)
    return turned


def reversion_blocks(blocks: Iterable[Element], version: SoapVersion) -> tuple[Element, ...]:
    """Copies of header blocks with the attributes of this version, whichever they have."""
    other = SoapVersion.V12 if version is SoapVersion.V11 else SoapVersion.V11
    copies = tuple(detached(block) for block in blocks)
    for copy in copies:
        _turn_attributes(copy, other, version)
    return copies


def _read11(payload: Element) -> Fault:
    parts = {local_name(child): child for child in payload}
    raw = _text(parts.get("faultcode")).rpartition(":")[2]
    word, _, rest = raw.partition(".")
    code = _MEANINGS.get(word)
    return Fault(
        code=code or "server",
        reason=_text(parts.get("faultstring")),
        subcode=rest if code else raw,
        detail=_read_detail(parts.get("detail")),
        actor=_text(parts.get("faultactor")),
    )


def _read12(payload: Element) -> Fault:
    soap = f"{{{SoapVersion.V12.value}}}"
    word = _text(payload.find(f"{soap}Code/{soap}Value")).rpartition(":")[2]
    code = _MEANINGS.get(word)
    value = payload.find(f"{soap}Code/{soap}Subcode/{soap}Value")
    subcode = word if code is None else ""
    if value is not None:
        prefix, _, name = _text(value).rpartition(":")
        namespace = value.nsmap.get(prefix or None, "")
        subcode = name if namespace in ("", ns.MERIDIAN) else ns.clark(namespace, name)
    return Fault(
        code=code or "server",
        reason=_text(payload.find(f"{soap}Reason/{soap}Text")),
        subcode=subcode,
        detail=_read_detail(payload.find(f"{soap}Detail")),
        actor=_text(payload.find(f"{soap}Node")),
    )


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _read_detail(detail: Element | None) -> Element | None:
    """One entry is answered alone; several, or bare text as old Axis servers send it, in their container."""
    if detail is None or (len(detail) == 0 and not (detail.text or "").strip()):
        return None
    return detail[0] if len(detail) == 1 else detail


def _add_detail(fault: Element, tag: str, detail: Element | None) -> None:
    if detail is None:
        return
    container = etree.SubElement(fault, tag)
    if local_name(detail).lower() == "detail":
        container.text = detail.text
        container.extend(detached(entry) for entry in detail)
        return
    container.append(detached(detail))


def _turn_attributes(block: Element, old: SoapVersion, new: SoapVersion) -> None:
    role = {SoapVersion.V11: "actor", SoapVersion.V12: "role"}
    must = _take(block, f"{{{old.value}}}mustUnderstand")
    if must is not None:
        truth = must.strip() in ("1", "true")
        words = ("0", "1") if new is SoapVersion.V11 else ("false", "true")
        block.set(f"{{{new.value}}}mustUnderstand", words[truth])
    actor = _take(block, f"{{{old.value}}}{role[old]}")
    if actor is not None and actor != ns.SOAP12_ROLE_ULTIMATE:
        swap = {ns.SOAP11_ACTOR_NEXT: ns.SOAP12_ROLE_NEXT, ns.SOAP12_ROLE_NEXT: ns.SOAP11_ACTOR_NEXT}
        block.set(f"{{{new.value}}}{role[new]}", swap.get(actor, actor))
    _take(block, f"{{{ns.SOAP12}}}relay")


def _take(block: Element, name: str) -> str | None:
    value = block.get(name)
    if value is not None:
        del block.attrib[name]
    return value
