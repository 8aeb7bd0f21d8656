"""SOAP 1.1 and 1.2 envelopes: opened, sealed, and faults in both dialects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from transformers.document import Element


class SoapVersion(Enum):
    """SOAP 1.1 (W3C Note, 2000) and 1.2 (W3C Recommendation, 2007): value is the envelope's namespace."""

    V11 = "http://schemas.xmlsoap.org/soap/envelope/"
    V12 = "http://www.w3.org/2003/05/soap-envelope"

    @property
    def media_type(self) -> str:
        """The HTTP content type of this version."""
        return "text/xml" if self is SoapVersion.V11 else "application/soap+xml"


@dataclass(frozen=True, slots=True)
class Envelope:
    """An opened envelope: its header blocks and the Body's only child (None for an empty Body)."""

    version: SoapVersion
    headers: tuple[Element, ...]
    payload: Element | None
    root: Element
