"""JSON Schemas that refer to each other, across files, gathered into one that stands alone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from transformers.document import Json
from transformers.errors import TransformerInvalid

#: Where schemas stand inside a schema (JSON Schema 2020-12 core §10, and the older spellings).
_ONE = frozenset(
    {"items", "additionalItems", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_HOMES = frozenset({"$defs", "definitions"})
_STRANGE = frozenset({"$dynamicRef", "$recursiveRef"})


@dataclass(frozen=True, slots=True)
class Place:
    """A value inside a document: the file, the JSON Pointer (RFC 6901) and the value itself."""

    file: str
    pointer: str
    value: Json


#: Finds what a ``$ref`` written in a file means. Raises TransformerInvalid when it is not there.
Resolve = Callable[[str, str], Place]

#: Turns the keywords of one schema object into those of JSON Schema 2020-12.
Upgrade = Callable[[dict[str, Json]], dict[str, Json]]


@dataclass(slots=True)
class Bundle:
    """Gathers schemas. Each that is referred to becomes one of ``definitions``, and ``prefix`` leads there."""

    resolve: Resolve
    prefix: str = "#/$defs/"
    upgrade: Upgrade = dict
    definitions: dict[str, Json] = field(default_factory=dict)
    _names: dict[tuple[str, str], str] = field(default_factory=dict)

    def schema(self, schema: Json, file: str) -> Json:
        """A schema of this file with every reference leading into the bundle. Raises TransformerInvalid."""
        if not isinstance(schema, dict):
            return schema
        if strange := _STRANGE & schema.keys():
            raise TransformerInvalid(f"{file}: {sorted(strange)[0]} is not supported; write $ref")
        made: dict[str, Json] = {}
        for key, value in self.upgrade(schema).items():
            if key in _HOMES:
                continue  # what of them is used comes by its references
            if key == "$ref" and isinstance(value, str):
                made[key] = self.prefix + self._definition(value, file)
            elif key in _LISTS and isinstance(value, list):
                made[key] = [self.schema(part, file) for part in value]
            elif key in _ONE:
                made[key] = self.schema(value, file)
            elif key in _MAPS and isinstance(value, dict):
                made[key] = {name: self.schema(part, file) for name, part in value.items()}
            else:
                made[key] = value
        return made

    def whole(self, schema: Json, file: str) -> dict[str, Any]:
        """A schema that stands alone, with its definitions inside. Raises TransformerInvalid."""
        made = self.schema(schema, file)
        alone: dict[str, Any] = dict(made) if isinstance(made, dict) else ({} if made is not False else {"not": {}})
        if self.definitions:
            alone["$defs"] = dict(self.definitions)
        return alone

    def _definition(self, reference: str, file: str) -> str:
        found = self.resolve(reference, file)
        key = found.file, found.pointer
        if key not in self._names:
            self._names[key] = self._name(found)
            self.definitions[self._names[key]] = {}  # stands in while a recursive schema is being read
            self.definitions[self._names[key]] = self.schema(found.value, found.file)
        return self._names[key]

    def _name(self, place: Place) -> str:
        """The last word of where it stands, in the characters that OpenAPI allows for components (3.1.1 §4.8.7.1)."""
        last = place.pointer.rpartition("/")[2] or place.file.rpartition("/")[2].partition(".")[0]
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("_") or "schema"
        name, number = base, 1
        while name in self.definitions:
            number += 1
            name = f"{base}_{number}"
        return name


def point(document: Json, pointer: str) -> Json:
    """What stands at a JSON Pointer (RFC 6901), written as a URI fragment. Raises TransformerInvalid."""
    found = document
    for step in pointer.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            raise TransformerInvalid(f"#{pointer} is not there")
    return found


def references(value: Json) -> Iterator[str]:
    """Every ``$ref`` in a document, in order."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolver(documents: Mapping[str, Json], locate: Callable[[str, str], str]) -> Resolve:
    """Resolve references among ``documents``; ``locate`` says which of them a file name means, seen from another.

    A reference to a place that is only another reference leads on. Raises TransformerInvalid.
    """

    def resolve(reference: str, file: str) -> Place:
        seen: set[tuple[str, str]] = set()
        while True:
            name, _, pointer = reference.partition("#")
            if pointer and not pointer.startswith("/"):
                raise TransformerInvalid(f"{file}: the anchor {reference[:100]!r} is not supported; write a path")
            file = locate(name, file) if name else file
            if file not in documents:
                raise TransformerInvalid(f"{reference[:200]!r} is not among the contract's own files")
            if (file, pointer) in seen:
                raise TransformerInvalid(f"{file}: the reference {reference[:100]!r} leads to itself")
            seen.add((file, pointer))
            try:
                value = point(documents[file], pointer)
            except TransformerInvalid:
                raise TransformerInvalid(f"{file}: the reference {reference[:100]!r} leads nowhere") from None
            if not isinstance(value, dict) or set(value) != {"$ref"} or not isinstance(value["$ref"], str):
                return Place(file, pointer, value)
            reference = value["$ref"]

    return resolve


def stand_alone(schema: Json, resources: Mapping[str, Json]) -> dict[str, Any] | None:
    """A JSON Schema with everything that it refers to among ``resources`` inside; None where that cannot be said.

    Schemas that go by ``$id`` or by anchors have no place to point at.
    """

    def locate(name: str, base: str) -> str:
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(base), name))
        return beside if beside in resources else name

    bundle = Bundle(resolver({"": schema, **resources}, locate), upgrade=_without_identity)
    try:
        return bundle.whole(schema, "")
    except TransformerInvalid:
        return None


def _without_identity(schema: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
