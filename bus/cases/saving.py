"""A call that was made becomes a saved case: its request, and what the journal knows became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bus.payload import document_in
from bus.ports import Record
from transformers import xml
from transformers.document import Document, is_xml
from transformers.errors import DocumentError


def saved(path: Path, operation: str, request: Document, record: Record | None) -> str:
    """Add a case to a file (made where it is not there) and answer the case's name.

    Without a record, which is where this machine does not hold the journal, only the request is saved.
    """
    raw = path.read_text(encoding="utf-8") if path.exists() else "cases:\n"
    name = f"call {record.id if record is not None else raw.count('- name:') + 1}"
    case: dict[str, Any] = {"name": name, "operation": operation, "request": _written(request)}
    if record is not None:
        bodies = {body.stage: body.data for body in record.bodies}
        if record.status == "error":
            case["error"] = record.error
        else:
            case |= _found("sent", bodies.get("request.sent"))
            answered = bodies.get("reply.received") or bodies.get("reply")
            case |= _found("answer", answered)
            case |= {"error": record.error} if record.error else _found("reply", bodies.get("reply"))
    text = yaml.dump([case], allow_unicode=True, sort_keys=False, width=1000)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(raw.rstrip("\n") + "\n" + "".join(f"  {line}\n" for line in text.splitlines()), encoding="utf-8")
    return name


def _found(stage: str, body: bytes | None) -> dict[str, Any]:
    if not body:
        return {}
    try:
        return {stage: _written(document_in(body))}
    except DocumentError:
        return {}


def _written(document: Document) -> dict[str, Any]:
    if is_xml(document):
        return {"xml": xml.serialise(document).decode()}  # type: ignore[arg-type]
    return {"json": document}
