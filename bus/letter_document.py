"""The document inside a letter: what a person reads of it, and what may be put in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bus import parcel
from bus.backbone.topology import CALLS, DELIVER, ENGINE
from bus.errors import BadRequest
from bus.hops.stage import content_of, operation_of
from bus.ports import Letter
from registry.model import Snapshot
from transformers import json_text
from transformers.errors import ContractViolation, MalformedDocument

#: Where an editable letter of orchestration keeps its document, by its kind.
_FIELDS = {"start": "input", "event": "data"}

_CALL = "document"


@dataclass(frozen=True, slots=True)
class Inside:
    """What a letter carries. ``about`` is ``service.operation``, a workflow or an event; ``message`` the accepted one.

    ``editable`` says whether ``replaced`` takes another document for it.
    """

    about: str
    message: str
    flow: str
    data: bytes
    content_type: str
    editable: bool


def inside(letter: Letter) -> Inside:
    """Open a letter. Raises MalformedDocument or BusError when it is not one of this version's."""
    if letter.queue == DELIVER:
        found = parcel.read(letter.body)
        about = f"{found['service']}.{found['operation']}"
        return Inside(about, found["id"], found["flow"], found["body"], found["content_type"], True)
    body = _read(letter)
    kind = body.get("kind", "")
    field = _CALL if letter.queue == CALLS else _FIELDS.get(kind, "")
    about = str(body.get("operation") or body.get("workflow") or body.get("name") or kind or letter.queue)
    data = orjson.dumps(body.get(field)) if field else b""
    message, flow = str(body.get("message_id", "")), str(body.get("flow", ""))
    return Inside(about, message, flow, data, "application/json", bool(field))


def replaced(letter: Letter, text: str, snapshot: Snapshot) -> bytes:
    """The letter's body with ``text`` for its document.

    Raises BadRequest for a letter that holds no document of a caller, DocumentError for a text that cannot be read
    or breaks the contract of its operation.
    """
    if letter.queue == DELIVER:
        body = parcel.with_text(letter.body, text)
        _check(body, snapshot)
        return body
    fields = _read(letter)
    field = _CALL if letter.queue == CALLS else _FIELDS.get(str(fields.get("kind", "")), "")
    if not field:
        raise BadRequest("this letter holds no document to edit; release it or skip it")
    return orjson.dumps(fields | {field: json_text.loads(text.encode())})


def _check(body: bytes, snapshot: Snapshot) -> None:
    message = parcel.unpack(body, snapshot)
    operation = operation_of(message)
    check = operation.request_check
    if check is None or check.gate != "reject":
        return
    if violations := check.validator(content_of(message).document):
        places = ", ".join(f"{one.path or '/'} ({one.message})" for one in violations[:3])
        summary = f"the document breaks the contract of {operation.service}.{operation.name} in {places}"
        raise ContractViolation(summary, violations)


def _read(letter: Letter) -> dict[str, Any]:
    try:
        body: dict[str, Any] = orjson.loads(letter.body)
        return body if letter.queue in (ENGINE, CALLS) else {}
    except ValueError as error:
        raise MalformedDocument(f"letter {letter.id} on {letter.queue} is not one that this version wrote") from error
