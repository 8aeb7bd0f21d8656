"""What a recorded exchange shows of a broken rule, and whose doing it is. Paths and rules only, never values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Who has to change something.
Side = Literal["caller", "bus", "provider"]

Stage = Literal["request", "request.sent", "reply.received", "reply"]

#: Who wrote the document of each stage.
WRITERS: dict[Stage, Side] = {
    "request": "caller", "request.sent": "bus", "reply.received": "provider", "reply": "bus",
}  # fmt: skip


#: Why a stage could not be checked.
Reason = Literal["no_schema", "no_conversion", "undeclared", "in_address", "not_proven"]
REASONS: dict[Reason, str] = {
    "no_schema": "no schema is known for it",
    "no_conversion": "no schema turns it into the form that the contract speaks",
    "undeclared": "its element is declared in no schema",
    "in_address": "fields of it stand in the address, which the journal does not keep",
    "not_proven": "it was made of a document that is wrong itself",
}

#: Rules of the protocols; every other rule is a schema's own keyword.
PROTOCOL_RULES = (
    "content_type", "charset", "soap_version", "soap_action", "namespace", "fault_status", "unreadable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule in the document of one stage.

    ``rule`` is one of ``PROTOCOL_RULES`` or the schema's own keyword. ``path`` is an XPath or a JSON Pointer,
    ``line`` counts from 1 in the document as it was sent (None where no place is to blame).
    """

    side: Side
    stage: Stage
    rule: str
    text: str
    path: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """One exchange: what was found, and the stages that no contract is known for, each with the reason."""

    findings: tuple[Finding, ...]
    unchecked: tuple[tuple[Stage, Reason], ...] = ()
