"""JSON Schema 2020-12: a fast verdict for every document, and the full list of violations for the bad ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import fastjsonschema
import jsonschema
import referencing
import referencing.exceptions
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing.jsonschema import DRAFT202012

from transformers.document import Document, Json
from transformers.errors import TransformerInvalid, Violation
from transformers.json_schema_lint import lint, walk

#: More than this many violations of one document are not listed.
MAX_VIOLATIONS = 500

#: What both libraries read alike. A schema with any other assertion is judged by jsonschema alone.
_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$defs", "$ref", "$comment", "$anchor", "title", "description", "default", "examples"}
    | {"example", "deprecated", "readOnly", "writeOnly", "format", "definitions"}
)
_FAST = _ANNOTATIONS | frozenset(
    {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}
    | {"pattern", "items", "minItems", "maxItems", "properties", "required", "additionalProperties"}
    | {"minProperties", "maxProperties", "allOf", "anyOf", "oneOf", "not"}
)
_SAFE_NAME = re.compile(r"[A-Za-z_@$#.:\u4e00-\u9fff-][\w.:@$#-]{0,63}")
_DIGITS = re.compile(r"\d{6}")


def compile_json_schema(
    schema: Json, resources: Mapping[str, Json] | None = None, *, name: str = "schema"
) -> Callable[[Document], tuple[Violation, ...]]:
    """Compile a schema (draft 2020-12); ``resources`` holds every other document a ``$ref`` may name.

    The callable answers all violations with JSON Pointers, is thread-safe and fetches nothing; its texts never
    quote values. ``format`` is an annotation, as the standard's default is. Raises TransformerInvalid for a
    schema that is none, that refers elsewhere, or that a small document could keep busy for minutes.
    """
    known = dict(resources or {})
    if not isinstance(schema, (dict, bool)):
        raise TransformerInvalid(f"{name}: a JSON Schema is an object")
    for title, part in ((name, schema), *known.items()):
        lint(part, _names(schema, known), title)
        _check_schema(part, title)
    registry: Any = referencing.Registry()
    for key, part in known.items():
        registry = registry.with_resource(key, DRAFT202012.create_resource(part))
    validator = Draft202012Validator(schema, registry=registry)
    _resolve_all(schema, validator, name)
    verdict = _fast(schema, known) or validator.is_valid

    def check(document: Document) -> tuple[Violation, ...]:
        try:
            if verdict(document):
                return ()
            return _explain(validator, document)
        except RecursionError:
            return (Violation("", "the document is nested too deeply for its schema", "depth"),)

    return check


def _names(schema: Json, known: Mapping[str, Json]) -> list[str]:
    own = [part["$id"] for _, part in walk(schema) if isinstance(part.get("$id"), str)]
    return [*known, *(str(name).partition("#")[0] for name in own)]


def _check_schema(schema: Json, name: str) -> None:
    try:
        Draft202012Validator.check_schema(schema)  # type: ignore[arg-type]
    except jsonschema.SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise TransformerInvalid(f"{name}: not a JSON Schema at #/{where}: {error.message[:200]}") from error
    except RecursionError as error:
        raise TransformerInvalid(f"{name}: the schema is nested too deeply") from error


def _resolve_all(schema: Json, validator: Any, name: str) -> None:
    """Follow every reference once, so that a dangling one is found here and not by a message."""
    try:
        resolver = validator._resolver
        for _, part in walk(schema):
            if isinstance(part.get("$ref"), str) and "$id" not in part:
                _follow(resolver, part["$ref"])
    except referencing.exceptions.Unresolvable as error:
        raise TransformerInvalid(f"{name}: the reference {str(error.ref)[:100]!r} leads nowhere") from error


def _follow(resolver: Any, reference: Json) -> None:
    seen: set[str] = set()
    while isinstance(reference, str):
        if reference in seen:
            raise TransformerInvalid(f"the reference {reference[:100]!r} leads to itself")
        seen.add(reference)
        target = resolver.lookup(reference)
        resolver = target.resolver
        reference = target.contents.get("$ref") if isinstance(target.contents, dict) else None


def _fast(schema: Json, known: Mapping[str, Json]) -> Callable[[Any], bool] | None:
    """The compiled verdict, or None where fastjsonschema (draft 7) would read the schema differently."""
    if known or not isinstance(schema, dict) or not all(_reads_alike(part) for _, part in _subschemas(schema)):
        return None
    try:
        compiled = fastjsonschema.compile(
            {**schema, "$schema": "http://json-schema.org/draft-07/schema#"},
            handlers=dict.fromkeys(("", "http", "https", "file", "ftp", "urn"), _refuse),
            use_default=False,
            use_formats=False,
            detailed_exceptions=False,
        )
    except (fastjsonschema.JsonSchemaDefinitionException, RecursionError, KeyError, TypeError, OSError):
        return None

    def verdict(document: Any) -> bool:
        try:
            compiled(document)
        except fastjsonschema.JsonSchemaValueException:
            return False
        return True

    return verdict


def _subschemas(schema: Json, pointer: str = "#") -> Iterator[tuple[str, dict[str, Json]]]:
    """Subschemas proper: the maps under properties and $defs are not schemas themselves."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, dict):
            for inner, part in value.items():
                yield from _subschemas(part, f"{pointer}/{key}/{inner}")
        elif key in ("items", "additionalProperties", "not"):
            yield from _subschemas(value, f"{pointer}/{key}")
        elif key in ("allOf", "anyOf", "oneOf") and isinstance(value, list):
            for index, part in enumerate(value):
                yield from _subschemas(part, f"{pointer}/{key}/{index}")


def _reads_alike(part: Mapping[str, Json]) -> bool:
    if not _FAST.issuperset(part) or isinstance(part.get("items"), list):
        return False
    reference = part.get("$ref")
    if reference is not None and (not str(reference).startswith("#") or len(part) > 1):
        return False
    return "$id" not in part or part.get("$schema") is not None


def _refuse(uri: str) -> Json:
    raise OSError(f"a schema refers to {uri}, which did not come with it")


def _explain(validator: Any, document: Document) -> tuple[Violation, ...]:
    found: list[Violation] = []
    for error in _flat(validator.iter_errors(document)):
        if len(found) == MAX_VIOLATIONS:
            found.append(Violation("", f"there are more than {MAX_VIOLATIONS} violations; the rest is not listed", ""))
            break
        found.append(Violation(_pointer(error.absolute_path), _words(error), str(error.validator)))
    return tuple(found)


def _flat(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Errors one by one; of alternatives the one that came closest is told along."""
    for error in errors:
        yield error
        if error.context:
            branches: dict[Any, list[ValidationError]] = {}
            for inner in error.context:
                branches.setdefault(inner.schema_path[0], []).append(inner)
            closest = min(branches.values(), key=lambda branch: (branch[0].validator == "type", len(branch)))
            yield from _flat(closest)


def _pointer(path: Iterable[str | int]) -> str:
    return "".join("/" + _shown(str(part)).replace("~", "~0").replace("/", "~1") for part in path)


def _shown(name: str) -> str:
    """A property's name, unless it looks like data that was used as a name."""
    if name.isdigit() and len(name) < 6:
        return name
    return name if _SAFE_NAME.fullmatch(name) and not _DIGITS.search(name) else "…"


def _words(error: ValidationError) -> str:
    rule, value = str(error.validator), error.validator_value
    if rule == "required":
        match = re.match(r"'(.*)' is a required property", error.message, re.DOTALL)
        return f"{match[1] if match else 'a property'} is missing"
    if rule == "type":
        return f"must be {' or '.join(value) if isinstance(value, list) else value}"
    if rule in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        named = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        extra = [_shown(name) for name in error.instance if name not in named][:5]
        return f"has properties that the schema does not name: {', '.join(extra)}"
    template = _WORDS.get(rule)
    if template is None:
        return f"breaks the rule {rule}"
    return template.format(len(value) if isinstance(value, list) else value)


_WORDS = {
    "enum": "is none of the {} values allowed",
    "const": "is not the one value allowed",
    "pattern": "does not match the pattern {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "uniqueItems": "holds the same item twice",
    "minProperties": "must have at least {} properties",
    "maxProperties": "must have at most {} properties",
    "anyOf": "fits none of the {} alternatives",
    "oneOf": "must fit exactly one of the {} alternatives",
    "not": "is what the schema excludes",
    "contains": "holds no item of the kind required",
    "dependentRequired": "lacks a property that another one requires",
}
