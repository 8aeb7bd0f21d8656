"""The JSON Schema of each document of an operation, as REST callers, samples and published contracts need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.model import Operation
from transformers.shape import Shape
from transformers.shape_schema import schema_of_shape

#: What a caller gets whose message was accepted for later.
ACCEPTED: dict[str, Any] = {
    "type": "object",
    "required": ["message_id", "flow_id", "status"],
    "properties": {
        "message_id": {"type": "string", "description": "Names this message in the console and the journal."},
        "flow_id": {"type": "string", "description": "Names everything that follows from it (W3C trace id)."},
        "status": {"const": "accepted"},
    },
}


def request_schema(operation: Operation) -> dict[str, Any]:
    """The schema (2020-12, standing alone) of the request document as JSON; ``{}`` where no contract says."""
    return _schema(operation.schema, operation.shape, reply=False)


def reply_schema(operation: Operation) -> dict[str, Any]:
    """The schema of what a REST caller is answered in success; ``{}`` where no contract says."""
    if operation.mode == "async":
        return dict(ACCEPTED)
    return _schema(operation.reply_schema, operation.reply_shape, reply=True)


def _schema(schema: Mapping[str, Any] | None, shape: Shape | None, *, reply: bool) -> dict[str, Any]:
    if schema is not None:
        return dict(schema)
    return schema_of_shape(shape, reply=reply) if shape is not None else {}
