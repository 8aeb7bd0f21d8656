"""``<ESBEntry>`` of 医惠 (ewell): the header names the function, each Msg holds one document."""

from __future__ import annotations

import copy

from lxml import etree

from transformers.document import Element
from transformers.errors import ContractViolation
from transformers.held import Holder, Manner, put
from transformers.hip.hl7v3 import Hl7V3
from transformers.hip.model import Heading, Stamp, Verdict
from transformers.xml import local_name

#: RetCode of a request that was done; every other number says no.
_DONE = "1"

_MESSAGE = Holder(("MsgInfo", "Msg"))
_INNER = Hl7V3()


class Ewell:
    """Documents whose root is ``ESBEntry``."""

    def owns(self, document: Element) -> bool:
        """By the name of the root."""
        return local_name(document) == "ESBEntry"

    def heading(self, document: Element) -> Heading:
        """Of the document inside where there is one, with the codes of the entry's own header."""
        inner = self.body(document)
        header = document.find("{*}MessageHeader")
        found = _INNER.heading(inner) if inner is not document else Heading("ESBEntry", "ESBEntry")
        return Heading(
            found.root,
            found.interaction,
            found.id or _text(header, "MessageId"),
            _text(header, "SourceSysCode") or found.sender,
            _text(header, "TargetSysCode") or found.receiver,
            found.wanted,
            found.closing,
        )

    def action(self, document: Element) -> str:
        """The function id of the entry's header."""
        return _text(document.find("{*}MessageHeader"), "Fid")

    def body(self, document: Element) -> Element:
        """The document of the only Msg; the whole entry where there is none, or several."""
        try:
            inner, _ = _MESSAGE.open(document)
        except ContractViolation:
            return document
        return inner  # type: ignore[return-value]

    def acknowledge(self, received: Element, verdict: Verdict, stamp: Stamp) -> Element:
        """The entry's header with a RetInfo."""
        return _answer(received, verdict, None)

    def reply(self, received: Element, document: Element, stamp: Stamp) -> Element:
        """The operation's own answer as the Msg of an entry; an entry as it is."""
        return document if self.owns(document) else _answer(received, Verdict("AA", "成功"), document)

    def verdict(self, document: Element) -> Verdict | None:
        """What RetInfo says."""
        code = _text(document.find("{*}RetInfo"), "RetCode")
        if not code:
            return None
        return Verdict("AA" if code == _DONE else "AE", _text(document.find("{*}RetInfo"), "RetCon"))


def dressed(document: Element, action: str, receiver: str, stamp: Stamp) -> Element:
    """A document as the Msg of a new entry."""
    entry: Element = etree.Element("ESBEntry")
    header = etree.SubElement(entry, "MessageHeader")
    date = (
        f"{stamp.time[:4]}-{stamp.time[4:6]}-{stamp.time[6:8]} {stamp.time[8:10]}:{stamp.time[10:12]}:{stamp.time[12:]}"
    )
    for name, text in (
        ("Fid", action),
        ("SourceSysCode", stamp.device),
        ("TargetSysCode", receiver),
        ("MsgDate", date),
    ):
        etree.SubElement(header, name).text = text
    put(etree.SubElement(etree.SubElement(entry, "MsgInfo"), "Msg"), document, Manner("cdata"))
    return entry


def _answer(received: Element, verdict: Verdict, document: Element | None) -> Element:
    entry: Element = etree.Element("ESBEntry")
    header = received.find("{*}MessageHeader")
    if header is not None:
        entry.append(copy.deepcopy(header))
    if document is not None:
        put(etree.SubElement(etree.SubElement(entry, "MsgInfo"), "Msg"), document, Manner("cdata"))
    info = etree.SubElement(entry, "RetInfo")
    etree.SubElement(info, "RetCode").text = _DONE if verdict.code == "AA" else "-1"
    etree.SubElement(info, "RetCon").text = verdict.text
    return entry


def _text(element: Element | None, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip() if element is not None else ""
