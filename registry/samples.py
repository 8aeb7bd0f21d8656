"""A document that a JSON Schema allows, made up for somebody who wants to see one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from rstr import Rstr

from registry.contracts.bundle import point
from transformers.document import Json
from transformers.errors import TransformerInvalid

#: Optional properties are shown this deep, and not again within themselves; beyond, only what a schema requires.
_SHOWN = 32
_DEEPEST = 64

#: How often a text of a pattern is made up until one has the length that is wanted, too.
_TRIES = 100

#: What texts of a format look like (JSON Schema 2020-12, Validation §7.3).
_FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T08:30:00+08:00",
    "time": "08:30:00+08:00",
    "duration": "P1D",
    "email": "someone@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uri-reference": "/example",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "byte": "5Lit5paH",
}


def sample(schema: Json) -> Json:
    """Answer one document of a schema that stands alone: its own examples and defaults first, else plain values.

    The same schema always gives the same document.
    A schema that allows nothing, or whose rules contradict in ways that only a solver would see, gives a document
    that is near to it.
    """
    return _Maker(schema).value(schema, 0)


class _Maker:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._open: list[str] = []
        # Always from the same start, so that a sample does not change under the reader's hands.
        self._texts = Rstr(random.Random(0))  # noqa: S311

    def value(self, schema: Json, depth: int) -> Json:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        self._open.append(str(schema.get("$ref", "")))
        try:
            return self._made(self._resolved(schema), depth)
        finally:
            self._open.pop()

    def _made(self, schema: dict[str, Any], depth: int) -> Json:
        given: list[Json] = [schema[key] for key in ("const", "default", "example") if key in schema]
        for key in ("examples", "enum"):
            given += schema.get(key) or []
        if given:
            return given[0]
        make = _MAKERS.get(_kind(schema))
        return make(self, schema, depth) if make is not None else {}

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with its reference followed, its parts put together, and the first of its alternatives taken."""
        merged: dict[str, Any] = dict(schema)
        for _ in range(_DEEPEST):
            reference = merged.pop("$ref", None)
            parts = [self._referred(reference)] if isinstance(reference, str) else []
            parts += merged.pop("allOf", [])
            for alternatives in (merged.pop("oneOf", None), merged.pop("anyOf", None)):
                parts += [next((one for one in alternatives if _says_something(one)), {})] if alternatives else []
            if not parts:
                break
            for part in parts:
                merged = _together(merged, part if isinstance(part, dict) else {})
        return merged

    def _referred(self, reference: str) -> Json:
        try:
            return point(self._root, reference.removeprefix("#"))
        except TransformerInvalid:
            return {}

    def object(self, schema: dict[str, Any], depth: int) -> Json:
        required = schema.get("required", [])
        properties: dict[str, Json] = schema.get("properties", {})
        again = bool(self._open[-1]) and self._open[-1] in self._open[:-1]
        shown = [name for name in properties if name in required or (depth < _SHOWN and not again)]
        made = {name: self.value(properties[name], depth + 1) for name in shown}
        others = schema.get("additionalProperties", {})
        made |= {name: self.value(others, depth + 1) for name in required if name not in made}
        return made

    def array(self, schema: dict[str, Any], depth: int) -> Json:
        first = schema.get("prefixItems", [])
        least = schema.get("minItems", 1 if depth < _SHOWN and schema.get("maxItems", 1) else 0)
        items = [self.value(one, depth + 1) for one in first]
        return items + [self.value(schema.get("items", {}), depth + 1) for _ in range(least - len(items))]

    def string(self, schema: dict[str, Any], depth: int) -> Json:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if "pattern" in schema:
            return next((text for text in self._fitting(schema) if least <= len(text) <= (most or len(text))), "")
        return "string"[:most].ljust(least, "x")

    def _fitting(self, schema: dict[str, Any]) -> Iterator[str]:
        """Texts of the schema's pattern."""
        return (self._texts.xeger(schema["pattern"]) for _ in range(_TRIES))

    def number(self, schema: dict[str, Any], depth: int) -> Json:
        if "pattern" in schema:  # an integer of an XML Schema, such as a time written as 20260131083000
            return next((int(text) for text in self._fitting(schema) if text.isdigit() and str(int(text)) == text), 0)
        step = schema.get("multipleOf", 1)
        below, above = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        lows = [schema[name] for name in ("minimum", "exclusiveMinimum") if name in schema]
        low = max(lows) if lows else min(1, schema.get("maximum", 1), 1 if above is None else above)
        value = -(-low // step) * step
        if below is not None and value <= below:
            value += step
        if above is not None and value >= above:
            value -= step
        return int(value) if float(value).is_integer() else value

    def boolean(self, schema: dict[str, Any], depth: int) -> Json:
        return True


_MAKERS = {
    "object": _Maker.object,
    "array": _Maker.array,
    "string": _Maker.string,
    "integer": _Maker.number,
    "number": _Maker.number,
    "boolean": _Maker.boolean,
}


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a schema, or what its other keywords say of it."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind:
        return str(kind)
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string" if "pattern" in schema else ""


def _says_something(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("type") != "null"


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both schemas as one: properties and required names of both, of everything else the first one's."""
    merged = {**other, **one}
    for key in ("properties", "$defs"):
        if key in one and key in other:
            merged[key] = {**other[key], **one[key]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    if "allOf" in one and "allOf" in other:
        merged["allOf"] = [*one["allOf"], *other["allOf"]]
    return merged
