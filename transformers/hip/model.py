"""What all shapes of HIPMessageServer have in common: who sent which message, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from transformers.document import Element

#: Application accept, application error, application reject (HL7 table AcknowledgementType).
AckCode = Literal["AA", "AE", "AR"]


@dataclass(frozen=True, slots=True)
class Heading:
    """What a message says of itself. ``interaction`` is its interactionId, or else the name of its root.

    ``wanted`` is its acceptAckCode: AL always, NE never, ER on errors only, SU on success only. ``closing`` marks
    a message that is an acknowledgement itself, which is never acknowledged.
    """

    root: str
    interaction: str = ""
    id: str = ""
    sender: str = ""
    receiver: str = ""
    wanted: str = "AL"
    closing: bool = False

    def wants(self, code: AckCode) -> bool:
        """Whether the sender wants to hear this (WS/T 846, acceptAckCode)."""
        if self.closing or self.wanted == "NE":
            return False
        return self.wanted not in ("ER", "SU") or (self.wanted == "SU") is (code == "AA")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message, with a text for people."""

    code: AckCode
    text: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """The identity of a message that is about to be written: id (32 hex digits), yyyyMMddHHmmss, sending device."""

    id: str
    time: str
    device: str


class Family(Protocol):
    """One way to write the documents that HIPMessageServer carries."""

    def owns(self, document: Element) -> bool:
        """Whether this document is of the family."""

    def heading(self, document: Element) -> Heading:
        """What the document says of itself."""

    def action(self, document: Element) -> str:
        """The action that the document itself names; empty where the call names it."""

    def body(self, document: Element) -> Element:
        """The document that the operation is about."""

    def acknowledge(self, received: Element, verdict: Verdict, stamp: Stamp) -> Element:
        """The acknowledgement of a received document."""

    def reply(self, received: Element, document: Element, stamp: Stamp) -> Element:
        """An operation's own answer to a received document, as its sender reads it."""

    def verdict(self, document: Element) -> Verdict | None:
        """What an answer says became of the request; None where it says nothing of the kind."""
