"""The request of an OpenAPI operation as one JSON document, and where its fields stand in HTTP.

Path, query and header parameters and the properties of the JSON body are the fields of one object. A body property
keeps its name; a parameter whose name is taken is called ``path_x``, ``query_x`` or ``header_x``. A body that is
no plain object (an array, alternatives, a free map, or closed by ``additionalProperties: false`` while there are
parameters beside it) becomes the field ``body``. Without parameters the document is the body itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from registry.contracts.bundle import Bundle
from registry.contracts.openapi_document import OpenApiDocument
from transformers.document import Json
from transformers.http_fields import HttpField, Place, Style, compile_reader, follow, kinds_of, properties_of
from transformers.http_form import HttpForm

#: Parameters that OpenAPI ignores (3.1.1 §4.8.12.1), and headers that belong to the bus or to HTTP.
NOT_FIELDS = frozenset({"accept", "content-type", "authorization", "proxy-authorization", "cookie", "x-api-key"}) | {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
}
_STYLES: Mapping[str, frozenset[str]] = {
    "path": frozenset({"simple"}),
    "query": frozenset({"form", "spaceDelimited", "pipeDelimited", "deepObject"}),
    "header": frozenset({"simple"}),
}
_PLAIN = frozenset({"type", "properties", "required", "title", "description", "default", "readOnly", "writeOnly"})
_ORDER = {"path": 0, "query": 1, "header": 2}


class NotTaken(Exception):
    """What the bus cannot carry of an operation, in words."""


@dataclass(frozen=True, slots=True)
class RequestForm:
    """A request's document: its schema, and where the fields are. ``template`` is the path with the fields' names."""

    schema: dict[str, Any]
    form: HttpForm
    template: str


@dataclass(frozen=True, slots=True)
class JsonContent:
    """A Media Type Object of JSON; ``name`` is empty for ``application/json`` itself."""

    name: str
    media: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Parameter:
    wire: str
    place: Place
    schema: Json
    required: bool
    style: Style
    explode: bool


def read_request(
    document: OpenApiDocument,
    bundle: Bundle,
    path: str,
    parameters: list[tuple[Any, str]],
    body: tuple[Any, str] | None,
) -> RequestForm:
    """The request of one operation: ``parameters`` and ``body`` (Request Body Object) with the files they stand in.

    Raises NotTaken, or TransformerInvalid for a reference that leads nowhere.
    """
    found = [each for raw, file in parameters for each in _parameter(document, bundle, raw, file)]
    found.sort(key=lambda each: _ORDER[each.place])
    schema, required, media = _body(document, bundle, body)
    root: dict[str, Json] = {"$defs": dict(bundle.definitions)}
    whole = _flat(schema, root) if found and schema is not None else None
    properties: dict[str, Json] = dict(whole[0]) if whole else {}
    due = list(whole[1]) if whole and required else []
    nested = bool(found) and schema is not None and whole is None
    fields: list[HttpField] = []
    for each in found:
        name = _free_name(each, {*properties, *({"body"} if nested else ())})
        wire = path_word(each.wire) if each.place == "path" else each.wire
        reader = compile_reader(each.schema, root, each.style, explode=each.explode)
        fields.append(HttpField(name, wire, each.place, reader, each.style, each.explode))
        properties[name] = each.schema
        due += [name] if each.required else []
    if nested:
        properties["body"] = schema
        due += ["body"] if required else []
    form = HttpForm(tuple(fields), "body" if nested else "", has_body=schema is not None, media=media)
    made: dict[str, Any] = {"type": "object", "properties": properties}
    if due:
        made["required"] = due
    if not found and schema is not None:
        made = dict(schema) if isinstance(schema, dict) else {}
    if bundle.definitions:
        made["$defs"] = dict(bundle.definitions)
    return RequestForm(made, form, _template(path, found))


def json_content(content: Any) -> JsonContent | None:
    """The JSON in a ``content`` map; None where there is none."""
    if not isinstance(content, dict):
        return None
    for wanted in (r"application/json\b.*", r"[^/]+/[^;*]+\+json\b.*", r"\*/\*|application/\*"):
        for name, media in content.items():
            if re.fullmatch(wanted, name.strip().lower()) and isinstance(media, dict):
                plain = "*" in name or name.strip().lower().startswith("application/json")
                return JsonContent("" if plain else name.strip(), media)
    return None


def _parameter(document: OpenApiDocument, bundle: Bundle, raw: Any, file: str) -> Iterator[_Parameter]:
    here = document.follow(raw, file)
    if not isinstance(here.value, dict):
        raise NotTaken("has a parameter that is no object")
    value: Mapping[str, Any] = here.value
    name, place, required = str(value.get("name", "")), str(value.get("in", "")), value.get("required") is True
    if place == "cookie":
        if required:
            raise NotTaken(f"needs the cookie {name!r}, and the bus carries no cookies")
        return
    if place == "header" and name.lower() in NOT_FIELDS:
        return
    if place not in _STYLES:
        raise NotTaken(f"has the parameter {name!r} in {place!r}, which is none of path, query, header, cookie")
    content = json_content(value.get("content"))
    if "content" in value and content is None:
        raise NotTaken(f"has the parameter {name!r} with content that is no JSON")
    schema = bundle.schema((content.media if content else value).get("schema", {}), here.file)
    style = "json" if content else value.get("style", "form" if place == "query" else "simple")
    explode = bool(value.get("explode", style == "form"))
    if style != "json" and style not in _STYLES[place]:
        raise NotTaken(f"has the parameter {name!r} in the style {style}, which is not carried in a {place}")
    wire = name.lower() if place == "header" else name
    made = _Parameter(wire, cast("Place", place), schema, required or place == "path", cast("Style", style), explode)
    yield from _simple(made, {"$defs": dict(bundle.definitions)})


def _simple(made: _Parameter, root: Json) -> Iterator[_Parameter]:
    """The parameter; or each property of an object that a query spells out (``form`` with ``explode``)."""
    kinds = kinds_of(made.schema, root) - {"null"}
    if made.style in ("json", "deepObject"):
        yield made
    elif kinds == {"object"}:
        properties = properties_of(made.schema, root)
        if made.place != "query" or made.style != "form" or not made.explode or not properties:
            raise NotTaken(
                f"has the object {made.wire!r} in a {made.place}, which only deepObject and exploded forms carry"
            )
        schema = follow(made.schema, root)
        due = schema.get("required", []) if isinstance(schema, dict) else []
        for name, part in properties.items():
            required = made.required and isinstance(due, list) and name in due
            yield from _simple(_Parameter(name, "query", part, required, "form", True), root)
    else:
        items = follow(made.schema, root)
        inner = kinds_of(items.get("items", {}), root) if isinstance(items, dict) and "array" in kinds else frozenset()
        if inner & {"array", "object"}:
            raise NotTaken(f"has the nested list {made.wire!r} in a {made.place}")
        yield made


def _body(document: OpenApiDocument, bundle: Bundle, raw: tuple[Any, str] | None) -> tuple[Json, bool, str]:
    """The schema of the JSON body (None: there is no body), whether it must be there, and its media type's name."""
    if raw is None:
        return None, False, ""
    here = document.follow(*raw)
    if not isinstance(here.value, dict):
        raise NotTaken("has a request body that is no object")
    content = here.value.get("content")
    found = json_content(content)
    if found is None:
        offered = ", ".join(content) if isinstance(content, dict) else "nothing"
        raise NotTaken(f"takes {offered or 'nothing'}, and the bus sends JSON")
    schema = bundle.schema(found.media.get("schema", {}), here.file)
    return {} if schema is True else schema, here.value.get("required") is True, found.name


def _flat(schema: Json, root: Json, depth: int = 0) -> tuple[dict[str, Json], list[str]] | None:
    """The properties and the required ones of a plain object, ``allOf`` merged; None for anything else."""
    found = follow(schema, root)
    if not isinstance(found, dict) or depth > 8 or found.keys() - _PLAIN - {"allOf"}:
        return None
    if found.get("type", "object") != "object" or not (found.get("properties") or found.get("allOf")):
        return None
    properties: dict[str, Json] = {}
    required: list[str] = []
    parts = found.get("allOf", [])
    for part in parts if isinstance(parts, list) else []:
        inner = _flat(part, root, depth + 1)
        if inner is None:
            return None
        for name, value in inner[0].items():
            properties[name] = {"allOf": [properties[name], value]} if name in properties else value
        required += inner[1]
    own: Any = found.get("properties", {})
    for name, value in own.items():
        properties[name] = {"allOf": [properties[name], value]} if name in properties else value
    due: Any = found.get("required", [])
    return properties, list(dict.fromkeys([*required, *due]))


def _free_name(parameter: _Parameter, taken: set[str]) -> str:
    if parameter.wire not in taken:
        return parameter.wire
    name = f"{parameter.place}_{parameter.wire}"
    while name in taken:
        name += "_"
    return name


def _template(path: str, parameters: list[_Parameter]) -> str:
    for each in parameters:
        if each.place == "path":
            path = path.replace("{" + each.wire + "}", "{" + path_word(each.wire) + "}")
    return path


def path_word(name: str) -> str:
    """A parameter's name as templates of the bus spell it."""
    return re.sub(r"\W", "_", name)
