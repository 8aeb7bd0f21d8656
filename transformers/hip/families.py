"""The families of documents that HIPMessageServer carries, each in a file of its own."""

from __future__ import annotations

from transformers.document import Element
from transformers.hip.dhc import Dhc
from transformers.hip.ewell import Ewell
from transformers.hip.hl7v3 import Hl7V3
from transformers.hip.model import Family

#: The first that owns a document; the last one owns any.
FAMILIES: tuple[Family, ...] = (Dhc(), Ewell(), Hl7V3())


def family_of(document: Element) -> Family:
    """The family of a document."""
    return next(family for family in FAMILIES if family.owns(document))
