"""A message that came through HIPMessageServer, whichever way it was carried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from transformers.document import Document, Element
from transformers.hip.families import family_of
from transformers.hip.model import Heading, Stamp, Verdict


@dataclass(frozen=True, slots=True)
class Received(ABC):
    """A received message: the action it was sent with (empty for none) and its document."""

    action: str
    document: Element

    @property
    def heading(self) -> Heading:
        """What the document says of itself."""
        return family_of(self.document).heading(self.document)

    @property
    def body(self) -> Element:
        """The document that the operation is about."""
        return family_of(self.document).body(self.document)

    def acknowledged(self, verdict: Verdict, stamp: Stamp) -> Element | None:
        """The acknowledgement as a document of its own; None where its sender wants none."""
        if not self.heading.wants(verdict.code):
            return None
        return family_of(self.document).acknowledge(self.document, verdict, stamp)

    def replied(self, document: Element, stamp: Stamp) -> Element:
        """An operation's own answer as the caller reads it."""
        return family_of(self.document).reply(self.document, document, stamp)

    @abstractmethod
    def answer(self, document: Element | None, stamp: Stamp) -> Document:
        """What goes back to the caller, with this document, or none, in it."""
