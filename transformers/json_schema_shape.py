"""The shape that a JSON Schema describes: how its documents look as XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import ns
from transformers.document import Json
from transformers.errors import TransformerInvalid
from transformers.shape import Attribute, Field, Kind, Shape, Type
from transformers.xml_names import to_attribute_name, to_xml_name

_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array"}
_KINDS: dict[str, Kind] = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


def shape_from_json_schema(
    schema: Json, root: str, namespace: str = "", resources: Mapping[str, Json] | None = None
) -> Shape:
    """Read the shape of a JSON Schema; ``root`` is the local name of the element that holds such a document.

    Every element is in ``namespace``, properties in the order of the schema (names that XML lacks are written
    ``_xHHHH_``), ``@name`` properties are attributes, ``#text`` is the text. ``allOf``, ``anyOf`` and ``oneOf`` are
    merged. ``resources`` holds documents that a ``$ref`` may name. Raises TransformerInvalid for a dangling
    reference or a schema that describes no structure.
    """
    builder = _Builder(schema, namespace, dict(resources or {}))
    type_ = builder.type_of(schema, "", "#")
    name = root if root.startswith("{") else ns.clark(namespace, root)
    return Shape(name, type_, builder.types, nillable="null" in builder.kinds_of(schema, ""))


class _Builder:
    """Collects types by the place where a schema stands, so that recursion ends."""

    def __init__(self, schema: Json, namespace: str, resources: dict[str, Json]) -> None:
        self._documents = {"": schema, **resources}
        self._namespace = namespace
        self.types: dict[str, Type] = {}

    def type_of(self, schema: Json, document: str, place: str) -> str:
        """The name of the type that this subschema describes, made on first sight."""
        schema, document, place = self._follow(schema, document, place)
        key = f"{document}{place}"
        if key in self.types:
            return key
        self.types[key] = Type(kind="string")  # stands in while a recursive schema is being read
        merged = self._merge(schema, document, place)
        kinds = merged["kinds"] - {"null"}
        if merged["properties"] or kinds == {"object"}:
            self.types[key] = self._object(merged)
        elif "array" in kinds or merged["items"] is not None:
            inner, home, where = merged["items"] or ({}, document, f"{place}/items")
            self.types[key] = Type(fields=(self._field("item", inner, home, where, 0, None),), items=True)
        elif len(kinds) == 1 and next(iter(kinds)) in _KINDS:
            self.types[key] = Type(kind=_KINDS[next(iter(kinds))])
        elif kinds == {"integer", "number"}:
            self.types[key] = Type(kind="number")
        elif not kinds and not merged["listed"]:
            self.types[key] = Type(open=True)
        else:
            self.types[key] = Type(kind="string")
        return key

    def kinds_of(self, schema: Json, document: str) -> set[str]:
        """All JSON types that a subschema names."""
        schema, document, place = self._follow(schema, document, "#")
        kinds: set[str] = self._merge(schema, document, place)["kinds"]
        return kinds

    def _object(self, merged: dict[str, Any]) -> Type:
        fields, attributes = [], []
        kind: Kind | None = None
        for name, (schema, document, place) in merged["properties"].items():
            least = 1 if name in merged["required"] else 0
            if name == "#text":
                kind = self.types[self.type_of(schema, document, place)].kind or "string"
            elif name.startswith("@") and len(name) > 1:
                attribute_kind = self.types[self.type_of(schema, document, place)].kind or "string"
                attributes.append(Attribute(name[1:], to_attribute_name(name[1:]), attribute_kind))
            else:
                fields.append(self._property(name, schema, document, place, least))
        if kind is not None and not fields:
            return Type(kind=kind, attributes=tuple(attributes) or (Attribute("id", "id"),))
        return Type(fields=tuple(fields), attributes=tuple(attributes), mixed=kind is not None)

    def _property(self, name: str, schema: Json, document: str, place: str, least: int) -> Field:
        found, home, where = self._follow(schema, document, place)
        merged = self._merge(found, home, where)
        if "array" in merged["kinds"] or (merged["items"] is not None and not merged["kinds"]):
            inner, inner_home, inner_place = merged["items"] or ({}, home, f"{where}/items")
            fewest = found.get("minItems", 0) if isinstance(found, dict) else 0
            return self._field(name, inner, inner_home, inner_place, fewest if isinstance(fewest, int) else 0, None)
        return self._field(name, schema, document, place, least, 1)

    def _field(self, name: str, schema: Json, document: str, place: str, least: int, most: int | None) -> Field:
        return Field(
            name=name,
            tag=ns.clark(self._namespace, to_xml_name(name)),
            type=self.type_of(schema, document, place),
            least=least,
            most=most,
            nillable="null" in self.kinds_of(schema, document),
        )

    def _follow(self, schema: Json, document: str, place: str) -> tuple[Json, str, str]:
        for _ in range(64):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                return schema, document, place
            name, _, fragment = str(schema["$ref"]).partition("#")
            document = name or document
            place = f"#{fragment}"
            schema = self._at(document, fragment)
        raise TransformerInvalid("a $ref of the JSON Schema leads to itself")

    def _at(self, document: str, fragment: str) -> Json:
        if document not in self._documents:
            raise TransformerInvalid(f"the JSON Schema refers to {document!r}, which is not among its own files")
        found: Json = self._documents[document]
        for step in fragment.split("/")[1:] if fragment else []:
            key = step.replace("~1", "/").replace("~0", "~").replace("%25", "%").replace("%20", " ")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise TransformerInvalid(f"the JSON Schema refers to #{fragment}, which is not there")
        return found

    def _merge(self, schema: Json, document: str, place: str, depth: int = 0) -> dict[str, Any]:
        """What a subschema and the alternatives within it say together."""
        merged: dict[str, Any] = {"kinds": set(), "properties": {}, "required": set(), "items": None, "listed": False}
        if not isinstance(schema, dict) or depth > 32:
            return merged
        kinds = schema.get("type", [])
        merged["kinds"] |= set(kinds) if isinstance(kinds, list) else {kinds}
        listed = schema.get("enum", [schema["const"]] if "const" in schema else [])
        merged["listed"] = "enum" in schema or "const" in schema
        if not merged["kinds"] and isinstance(listed, list):
            merged["kinds"] |= {_NAMES.get(type(value), "object") for value in listed}
        properties = schema.get("properties")
        if isinstance(properties, dict):
            for name, part in properties.items():
                merged["properties"][name] = (part, document, f"{place}/properties/{_escaped(name)}")
        required = schema.get("required")
        merged["required"] |= set(required) if isinstance(required, list) else set()
        if isinstance(schema.get("items"), dict):
            merged["items"] = (schema["items"], document, f"{place}/items")
        for word in ("allOf", "anyOf", "oneOf"):
            parts = schema.get(word)
            for index, part in enumerate(parts if isinstance(parts, list) else []):
                inner = self._merge(*self._follow(part, document, f"{place}/{word}/{index}"), depth + 1)
                merged["kinds"] |= inner["kinds"]
                merged["properties"] = {**inner["properties"], **merged["properties"]}
                merged["required"] |= inner["required"] if word == "allOf" else set()
                merged["items"] = merged["items"] or inner["items"]
                merged["listed"] = merged["listed"] or inner["listed"]
        return merged


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
