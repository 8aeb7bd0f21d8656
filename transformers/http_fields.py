"""Values in the path, the query or the headers of a request ↔ JSON, by schema and by OpenAPI's styles.

The styles are those of OpenAPI 3.1.1 §4.8.12.2 (RFC 6570): ``simple`` in paths and headers; ``form``,
``spaceDelimited``, ``pipeDelimited`` and ``deepObject`` in queries; and ``json`` for a parameter whose content is
JSON. What stands there is text; the schema says what it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal
from urllib.parse import quote

from transformers import json_text
from transformers.document import Json
from transformers.errors import DocumentError, MappingFailed

Place = Literal["path", "query", "header"]
Style = Literal["simple", "form", "spaceDelimited", "pipeDelimited", "deepObject", "json"]

#: The texts of one field in the order of the request, each with its key (``deepObject``; else empty); JSON out.
#: Raises FieldUnreadable.
Read = Callable[[Sequence[tuple[str, str]]], Json]

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_DELIMITERS: Mapping[Style, str] = {"simple": ",", "form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_DEEPEST = 16


class FieldUnreadable(Exception):
    """A text that is not what its schema says; ``str`` tells what it must be, and never what it was."""


@dataclass(frozen=True, slots=True)
class HttpField:
    """One field of a document that stands outside of the body: ``name`` in the document, ``wire`` in HTTP."""

    name: str
    wire: str
    place: Place
    read: Read
    style: Style = "form"
    explode: bool = True

    def pieces(self, value: Json) -> Iterator[str]:
        """``name=value`` pieces of a query, percent-encoded; none for null. Raises MappingFailed for a nested value."""
        if value is None:
            return
        key = quote(self.wire, safe="")
        if self.style == "json":
            yield f"{key}={quote(json_text.dumps(value).decode(), safe='')}"
        elif isinstance(value, dict):
            if self.style != "deepObject":
                raise MappingFailed(f"the field {self.name[:64]!r} is nested and cannot stand in a query; map it flat")
            for name, inner in value.items():
                for item in inner if isinstance(inner, list) else [inner]:
                    if item is not None:
                        yield f"{key}%5B{quote(name, safe='')}%5D={quote(self._text(item), safe='')}"
        elif not isinstance(value, list):
            yield f"{key}={quote(self._text(value), safe='')}"
        elif self.explode:
            yield from (f"{key}={quote(self._text(item), safe='')}" for item in value if item is not None)
        elif value:
            joint = "," if self.style == "form" else quote(_DELIMITERS[self.style])
            yield f"{key}={joint.join(quote(self._text(item), safe='') for item in value if item is not None)}"

    def segment(self, value: Json) -> str:
        """The value as one part of a path, percent-encoded (``simple``). Raises MappingFailed for a nested value."""
        items = value if isinstance(value, list) else [value]
        return ",".join(quote(self._text(item), safe="") for item in items)

    def header(self, value: Json) -> str:
        """The value of a header (``simple``: items joined by commas). Raises MappingFailed for a nested value."""
        if self.style == "json":
            return json_text.dumps(value).decode()
        return ",".join(self._text(item) for item in (value if isinstance(value, list) else [value]))

    def _text(self, value: Json) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or isinstance(value, dict | list):
            raise MappingFailed(f"the field {self.name[:64]!r} holds what cannot stand in a {self.place}")
        return value if isinstance(value, str) else json_text.dumps(value).decode()


def compile_reader(schema: Json, root: Json, style: Style = "form", *, explode: bool = True) -> Read:
    """What reads the texts of a field of this schema; ``root`` is where its ``#/…`` references lead.

    A schema that allows a string keeps the text, an unknown one too. Of an array, texts that are repeated are its
    items; one text is split where ``explode`` is false, or where no item could hold a comma.
    """
    kinds = kinds_of(schema, root)
    if style == "json":
        return _single(_json)
    if style == "deepObject":
        return _parts({name: compile_reader(part, root) for name, part in properties_of(schema, root).items()})
    if kinds and kinds <= {"array", "null"}:
        return _list(schema, root, style, explode)
    one = _scalar(kinds)
    return _any if not kinds else _single(one)


def kinds_of(schema: Json, root: Json, depth: int = 0) -> frozenset[str]:
    """The JSON types that a schema names, with those of its ``enum`` and its parts; empty when it names none."""
    schema = follow(schema, root)
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return frozenset()
    named = schema.get("type", [])
    kinds = frozenset(str(kind) for kind in (named if isinstance(named, list) else [named]))
    listed = [*_list_of(schema.get("enum")), *([schema["const"]] if "const" in schema else [])]
    if not kinds:
        kinds = frozenset(_kind_of(value) for value in listed)
    for part in _list_of(schema.get("allOf")):
        inner = kinds_of(part, root, depth + 1)
        kinds = (kinds & inner or kinds) if kinds and inner else kinds | inner
    for word in ("anyOf", "oneOf"):
        inner = frozenset[str]().union(*(kinds_of(part, root, depth + 1) for part in _list_of(schema.get(word))))
        kinds = kinds or inner
    return kinds


def properties_of(schema: Json, root: Json, depth: int = 0) -> dict[str, Json]:
    """The properties that a schema and its parts name."""
    schema = follow(schema, root)
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}
    found: dict[str, Json] = {}
    for word in ("allOf", "anyOf", "oneOf"):
        for part in _list_of(schema.get(word)):
            found = {**properties_of(part, root, depth + 1), **found}
    own = schema.get("properties")
    return {**found, **own} if isinstance(own, dict) else found


def follow(schema: Json, root: Json) -> Json:
    """What a schema's ``$ref`` into ``root`` leads to; the schema itself when it has none that can be followed."""
    for _ in range(_DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        target: Any = root
        for step in reference[1:].split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, dict) else None
        schema = target
    return schema


def _list_of(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _kind_of(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list | dict):
        return "array" if isinstance(value, list) else "object"
    return "string" if isinstance(value, str) else "null"


def _any(texts: Sequence[tuple[str, str]]) -> Json:
    return texts[0][1] if len(texts) == 1 else [text for _, text in texts]


def _single(read: Callable[[str], Json]) -> Read:
    def read_one(texts: Sequence[tuple[str, str]]) -> Json:
        if len(texts) != 1:
            raise FieldUnreadable(f"is given {len(texts)} times and takes one value")
        return read(texts[0][1])

    return read_one


def _parts(known: Mapping[str, Read]) -> Read:
    def read(texts: Sequence[tuple[str, str]]) -> Json:
        parts: dict[str, list[tuple[str, str]]] = {}
        for key, text in texts:
            parts.setdefault(key, []).append(("", text))
        return {key: known.get(key, _any)(found) for key, found in parts.items()}

    return read


def _list(schema: Json, root: Json, style: Style, explode: bool) -> Read:
    found = follow(schema, root)
    items: Json = found.get("items", {}) if isinstance(found, dict) else {}
    kinds = kinds_of(items, root)
    item = _scalar(kinds)
    # Texts may hold commas of their own; numbers and truths cannot.
    splits = not explode or style == "simple" or bool(kinds and "string" not in kinds)
    delimiter = _DELIMITERS.get(style, ",")

    def read(texts: Sequence[tuple[str, str]]) -> Json:
        given = [text for _, text in texts]
        if splits and len(given) == 1:
            given = given[0].split(delimiter) if given[0] else []
        return [item(text) for text in given]

    return read


def _scalar(kinds: frozenset[str]) -> Callable[[str], Json]:
    if not kinds or "string" in kinds:
        return str
    readers = [_READERS[kind] for kind in ("integer", "number", "boolean") if kind in kinds]
    words = " or ".join(_ARTICLE.get(kind, "given in the body") for kind in sorted(kinds - {"null"}))

    def read(text: str) -> Json:
        if not text and "null" in kinds:
            return None
        for reader in readers:
            value = reader(text)
            if value is not None:
                return value
        raise FieldUnreadable(f"must be {words}")

    return read


def _integer(text: str) -> Json:
    if not _INTEGER.fullmatch(text):
        return None
    value = int(text)
    # JSON readers hold 64 bits at most.
    return value if -(1 << 63) <= value < (1 << 63) else None


def _number(text: str) -> Json:
    if not _NUMBER.fullmatch(text):
        return None
    whole = _integer(text)
    if whole is not None:
        return whole
    value = float(text)
    return value if isfinite(value) else None


def _boolean(text: str) -> Json:
    return _TRUTH.get(text.lower())


def _json(text: str) -> Json:
    try:
        return json_text.loads(text.encode())
    except DocumentError:
        raise FieldUnreadable("must be JSON") from None


_READERS: Mapping[str, Callable[[str], Json]] = {"integer": _integer, "number": _number, "boolean": _boolean}
_ARTICLE = {"integer": "an integer", "number": "a number", "boolean": "true or false"}
