"""The schemas of one OpenAPI document: many that stand alone, gathered under names that each mean one thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from registry.contracts.bundle import references
from transformers.document import Json

_HERE = "#/$defs/"
_THERE = "#/components/schemas/"


class Components:
    """Collects ``schemas``. Definitions that say the same share one name; others of that name get a number."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self.schemas: dict[str, Any] = dict(own)
        self._names: dict[tuple[str, str], str] = {}

    def named(self, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A reference to this schema, which stands alone, under a name like this one."""
        definitions = schema.get("$defs", {})
        return self._reference(name, {key: part for key, part in schema.items() if key != "$defs"}, definitions)

    def part(self, schema: Json, root: Mapping[str, Any]) -> Json:
        """A subschema of ``root`` with its references leading here."""
        return self._moved(schema, root.get("$defs", {}))

    def _reference(self, name: str, schema: Json, definitions: Mapping[str, Json]) -> dict[str, Any]:
        key = name, _meaning(schema, definitions)
        if key not in self._names:
            chosen, number = name, 1
            while chosen in self.schemas:
                number += 1
                chosen = f"{name}_{number}"
            self._names[key] = chosen
            self.schemas[chosen] = {}  # stands in while a recursive schema is being moved
            self.schemas[chosen] = self._moved(schema, definitions)
        return {"$ref": _THERE + self._names[key]}

    def _moved(self, value: Json, definitions: Mapping[str, Json]) -> Json:
        if isinstance(value, list):
            return [self._moved(item, definitions) for item in value]
        if not isinstance(value, dict):
            return value
        made = {key: self._moved(item, definitions) for key, item in value.items() if key != "$ref"}
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_HERE):
            name = reference.removeprefix(_HERE)
            return {**self._reference(name, definitions.get(name, {}), definitions), **made}
        return {**made, "$ref": reference} if reference is not None else made


def _meaning(schema: Json, definitions: Mapping[str, Json]) -> str:
    """A text that is the same for schemas which, with all they refer to, say the same."""
    reached = {name: definitions.get(name) for name in sorted(_reached(schema, definitions))}
    return json.dumps([schema, reached], sort_keys=True, ensure_ascii=False)


def _reached(schema: Json, definitions: Mapping[str, Json]) -> set[str]:
    found: set[str] = set()
    waiting = list(_named(schema))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named(definitions.get(name))
    return found


def _named(schema: Json) -> Iterator[str]:
    return (each.removeprefix(_HERE) for each in references(schema) if each.startswith(_HERE))
