"""The JSON Schema of each document of an operation, as REST callers, samples and published contracts need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.model import Operation
from transformers.blocks import HEADER, Blocks
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
    return _with_header(_schema(operation.schema, operation.shape, reply=False), operation.header, reply=False)


def reply_schema(operation: Operation) -> dict[str, Any]:
    """The schema of what a REST caller is answered in success; ``{}`` where no contract says."""
    if operation.mode == "async":
        return dict(ACCEPTED)
    schema = _schema(operation.reply_schema, operation.reply_shape, reply=True)
    return _with_header(schema, operation.reply_header, reply=True)


def _schema(schema: Mapping[str, Any] | None, shape: Shape | None, *, reply: bool) -> dict[str, Any]:
    if schema is not None:
        return dict(schema)
    return schema_of_shape(shape, reply=reply) if shape is not None else {}


def _with_header(schema: dict[str, Any], blocks: Blocks | None, *, reply: bool) -> dict[str, Any]:
    """The schema with the declared SOAP header blocks as its member ``#header``."""
    if blocks is None or schema.get("type") != "object":
        return schema
    definitions: dict[str, Any] = dict(schema.get("$defs", {}))
    parts: dict[str, Any] = {}
    for name, shape in blocks.shapes.items():
        part = schema_of_shape(shape, reply=reply)
        own = part.pop("$defs", {})
        clash = any(definitions.get(key, value) != value for key, value in own.items())
        definitions |= {} if clash else own
        parts[name] = {} if clash else part  # two types of one name: what stands there is taken unchecked
    header = {"type": "object", "properties": parts}
    made = {**schema, "properties": {**schema.get("properties", {}), HEADER: header}}
    return {**made, "$defs": definitions} if definitions else made
