"""Schemas of OpenAPI 3.0 and 3.1 as JSON Schema 2020-12: to check documents by, or to publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from registry.contracts.bundle import Upgrade
from transformers.document import Json
from transformers.errors import TransformerInvalid
from transformers.json_schema_lint import lint

#: ``publish`` keeps every word; the others keep what a check of that document can use.
Purpose = Literal["request", "reply", "publish"]

#: OpenAPI's own words and annotations, which say nothing about whether a document is right.
_WORDS = frozenset({"discriminator", "xml", "externalDocs", "example", "examples", "deprecated", "$comment"})

#: What a request may leave out although it is required (3.0.4 §4.7.24.2), and a reply.
_NOT_DUE = {"request": "readOnly", "reply": "writeOnly"}


def upgrader(dialect: str, purpose: Purpose, note: Callable[[str], None]) -> Upgrade:
    """What turns one schema object of this dialect (``3.0``, ``3.1``) into 2020-12 for a purpose.

    ``note`` is told of every rule that a check has to do without.
    """

    def upgrade(schema: dict[str, Json]) -> dict[str, Json]:
        made = _from_30(schema) if dialect == "3.0" else dict(schema)
        return made if purpose == "publish" else _checkable(made, purpose, note)

    return upgrade


def _from_30(schema: dict[str, Json]) -> dict[str, Json]:
    """OpenAPI 3.0.4 §4.7.24 → 2020-12: ``nullable``, exclusive bounds, ``example``; words beside a ``$ref`` go."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    made = dict(schema)
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if made.get(exclusive) is True and bound in made:
            made[exclusive] = made.pop(bound)
        elif isinstance(made.get(exclusive), bool):
            del made[exclusive]
    if "example" in made:
        made.setdefault("examples", [made.pop("example")])
    return _with_null(made) if made.pop("nullable", None) is True else made


def _with_null(schema: dict[str, Json]) -> dict[str, Json]:
    kind = schema.get("type")
    if not isinstance(kind, str):
        return {"anyOf": [schema, {"type": "null"}]} if schema else {}
    schema["type"] = [kind, "null"]
    listed = schema.get("enum")
    if isinstance(listed, list) and None not in listed:
        schema["enum"] = [*listed, None]
    return schema


def _checkable(schema: dict[str, Json], purpose: Purpose, note: Callable[[str], None]) -> dict[str, Json]:
    made = {key: value for key, value in schema.items() if key not in _WORDS and not key.startswith("x-")}
    required: Any = made.get("required")
    if not isinstance(required, list):
        made.pop("required", None)  # some descriptions mark a property itself as required: true
    elif isinstance(made.get("properties"), dict):
        made["required"] = [name for name in required if not _spared(made["properties"], name, _NOT_DUE[purpose])]
    pattern = made.get("pattern")
    if pattern is not None:
        try:
            lint({"pattern": pattern}, (), "")
        except TransformerInvalid:
            del made["pattern"]
            note(f"the pattern {str(pattern)[:60]!r} is not checked: no safe regular expression here")
    if made.get("uniqueItems") is True and not isinstance(made.get("maxItems"), int):
        del made["uniqueItems"]
        note("uniqueItems without maxItems is not checked: it could take for ever")
    return made


def _spared(properties: Any, name: Any, word: str) -> bool:
    part = properties.get(name)
    return isinstance(part, dict) and part.get(word) is True
