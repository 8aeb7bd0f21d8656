"""Checks a manifest against the JSON Schema of its kind and says what is wrong in an integrator's words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache, reduce
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from registry.errors import Problem
from registry.located import Place, Source

#: Every kind of manifest and the file in ``registry/schemas`` that describes it.
KINDS: Mapping[str, str] = {
    "System": "system.json",
    "Service": "service.json",
    "Consumer": "consumer.json",
    "CodeTable": "code-table.json",
    "Journey": "journey.json",
    "Workflow": "workflow.json",
}

#: What is written beside manifests and checked like them, but is no part of a revision.
BESIDE: Mapping[str, str] = {"Cases": "case.json"}

_ARTICLES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping (key: value)",
    "array": "a list",
}


def check_shape(kind: str, source: Source) -> tuple[Problem, ...]:
    """Everything in which ``source`` is not what ``kind`` (of ``KINDS`` or ``BESIDE``) says; empty when it is."""
    errors = _validators()[kind].iter_errors(source.value)
    return tuple(problem for error in errors for problem in _explain(error, source))


def past_unknown_keys(kind: str, source: Source) -> Source | None:
    """``source`` with each unknown key as the one that was probably meant, or without it; None when more is wrong.

    It has the shape of its kind and its lines: enough to go on looking for what else is wrong, never to be run.
    """
    errors = tuple(_validators()[kind].iter_errors(source.value))
    if any(error.validator != "additionalProperties" for error in errors):
        return None
    value, lines = deepcopy(source.value), dict(source.lines)
    for error in errors:
        place, known = tuple(error.absolute_path), cast("Mapping[str, Any]", error.schema).get("properties", {})
        holder = reduce(lambda inner, part: inner[part], place, value)
        for key in holder.keys() - known.keys():
            meant = next(iter(difflib.get_close_matches(key, known.keys() - holder.keys(), n=1)), None)
            held = holder.pop(key)
            if meant is not None:
                holder[meant] = held
                lines |= _moved(lines, (*place, key), (*place, meant))
    mended = replace(source, value=value, lines=lines)
    return None if check_shape(kind, mended) else mended


def _moved(lines: Mapping[Place, int], old: Place, new: Place) -> dict[Place, int]:
    return {(*new, *place[len(old) :]): line for place, line in lines.items() if place[: len(old)] == old}


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint "did you mean …?" for a word that is nearly a known one; otherwise the known ones, if few."""
    names = sorted(known)
    if close := difflib.get_close_matches(word, names, n=1):
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 8 else ""


def spell(place: Place) -> str:
    """A place as people write it: ``versions[0].operations[2].effect``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


@cache
def _validators() -> dict[str, Draft202012Validator]:
    folder = files("registry").joinpath("schemas")
    kinds = {**KINDS, **BESIDE}
    schemas = {name: json.loads(folder.joinpath(name).read_text("utf-8")) for name in {*kinds.values(), "common.json"}}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return {kind: Draft202012Validator(schemas[name], registry=registry) for kind, name in kinds.items()}


def _explain(error: ValidationError, source: Source) -> Iterator[Problem]:
    place: Place = tuple(error.absolute_path)
    instance: Any = error.instance
    required: Any = error.validator_value
    where = f"{spell(place)}: " if place else ""
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        known = error.schema.get("properties", {})
        for key in sorted(set(instance) - set(known)):
            yield source.problem((*place, key), f"{where}unknown key {key!r}", nearest(key, known))
    elif error.validator == "required":
        missing = next(key for key in required if f"{key!r} is" in error.message)
        yield source.problem(place, f"{where}{missing!r} is missing")
    else:
        yield source.problem(place, f"{where}{_expectation(error)}", _hint(error))


def _expectation(error: ValidationError) -> str:
    rule, value = error.validator, cast("Any", error.validator_value)
    title = error.schema.get("title", "") if isinstance(error.schema, Mapping) else ""
    if rule == "type":
        return f"must be {title or _ARTICLES.get(str(value), value)}"
    if rule == "enum":
        return f"must be one of {', '.join(map(str, value))}"
    if rule == "const":
        return f"must be {title or json.dumps(value)}"
    if rule == "oneOf":
        return f"needs exactly one of {', '.join(_choices(value))}"
    if rule in ("minProperties", "maxProperties") and isinstance(error.schema, Mapping):
        return f"needs one of {', '.join(error.schema.get('properties', ()))}"
    if rule in ("minimum", "exclusiveMinimum"):
        return f"must be {'at least' if rule == 'minimum' else 'more than'} {value}"
    if rule == "minItems":
        return f"needs at least {value}"
    if rule == "minLength":
        return "must not be empty"
    if rule == "uniqueItems":
        return "holds the same thing twice"
    if rule is None:
        return "is not allowed here"
    return f"must be {title}" if title else "does not fit"


def _choices(alternatives: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for alternative in alternatives:
        yield from alternative.get("required", ())


def _hint(error: ValidationError) -> str:
    wants_text = error.validator == "type" and error.validator_value == "string"
    if wants_text and isinstance(error.instance, bool | int | float):
        return "put it in quotes"
    if error.validator == "enum" and isinstance(error.instance, str):
        close = difflib.get_close_matches(error.instance, map(str, cast("list[object]", error.validator_value)), n=1)
        return f"did you mean {close[0]}?" if close else ""
    return ""
