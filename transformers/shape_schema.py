"""The JSON Schema (2020-12) of a shape's documents: exactly the JSON that the conversion makes and takes."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from transformers import ns
from transformers.shape import Field, Kind, Shape, Type

#: ``decimal`` keeps every digit, so it is text in JSON (XML Schema Part 2 §3.2.3 without white space).
_TEXTS: dict[Kind, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "decimal": {"type": "string", "format": "decimal", "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
}


def schema_of_shape(shape: Shape, *, reply: bool = False) -> dict[str, Any]:
    """A schema that stands alone. Named types, and anonymous ones of several uses, are its ``$defs``.

    In a ``reply`` arrays are always there, even when empty; in a request they may be left out. What the shape does
    not know (``xs:any``, foreign attributes) is carried over, so objects stay open. ``@xsi:type`` may be there, and
    is left unsaid, since only some types may stand in each place.
    """
    writer = _Writer(shape, reply)
    made = writer.content(shape.type)
    if shape.nillable:
        made = _or_null(made)
    return {**made, "$defs": writer.definitions} if writer.definitions else made


class _Writer:
    def __init__(self, shape: Shape, reply: bool) -> None:
        self._types = shape.types
        self._root = shape.type
        self._reply = reply
        self._names: dict[str, str] = {}
        self._uses = Counter(field.type for type_ in shape.types.values() for field in type_.fields)
        self.definitions: dict[str, Any] = {}

    def content(self, key: str) -> dict[str, Any]:
        """The schema of one type, written out."""
        type_ = self._types[key]
        if type_.plain and type_.kind is not None:
            return {**_TEXTS[type_.kind], **type_.facets}
        if type_.items:
            return {"type": "array", "items": self._item(type_.fields[0])}
        if type_.open and not type_.fields and not type_.attributes:
            return {}
        return self._object(type_)

    def _object(self, type_: Type) -> dict[str, Any]:
        properties: dict[str, Any] = {
            f"@{each.name}": {**_TEXTS[each.kind], **each.facets} for each in type_.attributes
        }
        if type_.kind is not None:
            properties["#text"] = {**_TEXTS[type_.kind], **type_.facets}
        elif type_.mixed:  # one run of text, or several
            properties["#text"] = {"type": ["string", "array"], "items": {"type": "string"}}
        for each in type_.fields:
            properties[each.name] = self._field(each)
        if type_.content is not None:
            properties["#order"] = {"type": "array", "items": {"type": "string"}}
        made: dict[str, Any] = {"type": "object", "properties": properties}
        due = [each.name for each in type_.fields if each.least > 0 or (self._reply and each.many)]
        return {**made, "required": due} if due else made

    def _field(self, field: Field) -> dict[str, Any]:
        if not field.many:
            return self._item(field)
        made: dict[str, Any] = {"type": "array", "items": self._item(field)}
        if field.least > 0:
            made["minItems"] = field.least
        if field.most is not None:
            made["maxItems"] = field.most
        return made

    def _item(self, field: Field) -> dict[str, Any]:
        made = self._type(field.type, field.name)
        return _or_null(made) if field.nillable else made

    def _type(self, key: str, element: str) -> dict[str, Any]:
        """The schema of the type of an element of this name."""
        type_ = self._types[key]
        if (type_.plain and not key.startswith("{")) or key.startswith(f"{{{ns.XSD}}}"):
            return self.content(key)
        if key.startswith("#") and self._uses[key] == 1 and key != self._root:
            return self.content(key)
        if key not in self._names:
            self._names[key] = self._name(element if key.startswith("#") else key)
            self.definitions[self._names[key]] = {}  # stands in while a recursive type is being written
            self.definitions[self._names[key]] = self.content(key)
        return {"$ref": f"#/$defs/{self._names[key]}"}

    def _name(self, key: str) -> str:
        base = re.sub(r"[^A-Za-z0-9._-]+", "_", ns.split(key)[1]).strip("_") or "type"
        name, number = base, 1
        while name in self._names.values():
            number += 1
            name = f"{base}_{number}"
        return name


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str) and not {"enum", "const"} & schema.keys():
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}
