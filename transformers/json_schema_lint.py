"""JSON Schemas that would fetch, or that a short document could keep busy for minutes, are found before use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from transformers.document import Json
from transformers.errors import TransformerInvalid

#: Keywords whose value is data, not schemas.
_DATA = frozenset({"const", "enum", "default", "examples", "example"})
_SAMPLES = [chr(code) for code in range(256)] + list("中文１Ａ　—")


def walk(schema: Json, pointer: str = "#") -> Iterator[tuple[str, dict[str, Json]]]:
    """Every object of a schema that may be a subschema, with its JSON Pointer."""
    if isinstance(schema, dict):
        yield pointer, schema
        for key, value in schema.items():
            if key not in _DATA:
                yield from walk(value, f"{pointer}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from walk(value, f"{pointer}/{index}")


def lint(schema: Json, known: Iterable[str], name: str) -> None:
    """Raise TransformerInvalid for a ``$ref`` to something unknown, ``uniqueItems`` without ``maxItems``, or a
    pattern that backtracks without bound. ``known`` holds the names that references may have before their ``#``.
    """
    resources = frozenset(known)
    for pointer, part in walk(schema):
        reference = part.get("$ref", part.get("$dynamicRef"))
        if isinstance(reference, str):
            target = reference.partition("#")[0]
            if target and target not in resources:
                raise TransformerInvalid(f"{name}: {pointer}/$ref: {target!r} is not among the schema's own files")
        if part.get("uniqueItems") is True and not isinstance(part.get("maxItems"), int):
            raise TransformerInvalid(f"{name}: {pointer}: uniqueItems needs maxItems beside it, or it takes for ever")
        patterns: list[Any] = [part.get("pattern")]
        named = part.get("patternProperties")
        patterns += list(named) if isinstance(named, dict) else []
        for pattern in patterns:
            if isinstance(pattern, str):
                _check_pattern(pattern, f"{name}: {pointer}")


def _check_pattern(pattern: str, where: str) -> None:
    try:
        parsed = re._parser.parse(pattern)
    except re.error as error:
        raise TransformerInvalid(f"{where}: the pattern is no regular expression: {error}") from error
    if _explodes(parsed, inside=False, repeated=False):
        raise TransformerInvalid(
            f"{where}: the pattern repeats a repetition, which may take for ever; write it without nesting"
        )


def _explodes(parsed: Any, *, inside: bool, repeated: bool) -> bool:
    """Whether a repetition without bound can split the same text in many ways.

    ``inside``: within one whose rounds nothing certain keeps apart, so another one here multiplies the ways.
    ``repeated``: within any, so alternatives that take the same text do.
    """
    for item in parsed:
        operator, argument = str(item[0]), item[1]
        if operator in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            unbounded = most > 64
            if unbounded and inside:
                return True
            blurred = (unbounded or inside) and not _separated(body)
            if _explodes(body, inside=blurred, repeated=repeated or unbounded):
                return True
            continue
        if any(_explodes(part, inside=inside, repeated=repeated) for part in _parts(operator, argument)):
            return True
        if repeated and operator == "BRANCH" and _overlapping(argument[1]):
            return True
    return False


def _parts(operator: str, argument: Any) -> list[Any]:
    if operator == "SUBPATTERN":
        return [argument[-1]]
    if operator == "BRANCH":
        return list(argument[1])
    if operator in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    if operator == "ATOMIC_GROUP":
        return [argument]
    return []


def _separated(body: Any) -> bool:
    """Whether a repeated body starts or ends with one character that the rest of it can never be."""
    items = list(body)
    if len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
        items = list(items[0][1][-1])
    if len(items) < 2:
        return False
    for edge, rest in ((items[0], items[1:]), (items[-1], items[:-1])):
        single = _characters([edge])
        others = _characters(rest)
        if str(edge[0]) in ("LITERAL", "IN", "NOT_LITERAL") and single and not single & others:
            return True
    return False


def _overlapping(branches: list[Any]) -> bool:
    """Whether two branches may begin with the same character, or both be empty."""
    seen: set[str] = set()
    empty = False
    for branch in branches:
        items = list(branch)
        first = _characters(items[:1])
        if (not items and empty) or first & seen:
            return True
        empty = empty or not items
        seen |= first
    return False


def _characters(items: Any) -> set[str]:
    """The sample characters that any of these pattern items may take."""
    found: set[str] = set()
    for item in items:
        operator, argument = str(item[0]), item[1]
        if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            found |= _characters(argument[2])
        elif operator in ("LITERAL", "NOT_LITERAL"):
            matches = {sample for sample in _SAMPLES if ord(sample) == argument} | (
                {chr(argument)} if operator == "LITERAL" else set()
            )
            found |= matches if operator == "LITERAL" else set(_SAMPLES) - matches
        elif operator == "ANY":
            found |= set(_SAMPLES)
        elif operator == "IN":
            found |= _set_of(argument)
        else:
            for part in _parts(operator, argument):
                found |= _characters(part)
    return found


def _set_of(members: Any) -> set[str]:
    found: set[str] = set()
    negated = False
    for operator, argument in members:
        kind = str(operator)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            found.add(chr(argument))
        elif kind == "RANGE":
            found |= {sample for sample in _SAMPLES if argument[0] <= ord(sample) <= argument[1]}
            found |= {chr(argument[0]), chr(argument[1])}
        elif kind == "CATEGORY":
            found |= {sample for sample in _SAMPLES if _CATEGORIES[str(argument)](sample)}
    return set(_SAMPLES) - found if negated else found


_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_NOT_DIGIT": lambda character: not character.isdigit(),
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_NOT_SPACE": lambda character: not character.isspace(),
    "CATEGORY_WORD": lambda character: character.isalnum() or character == "_",
    "CATEGORY_NOT_WORD": lambda character: not (character.isalnum() or character == "_"),
}
