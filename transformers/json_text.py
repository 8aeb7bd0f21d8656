"""JSON text in and out, strictly: what one reader takes and another does not is refused here."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from transformers.document import Json
from transformers.errors import DocumentTooLarge, MalformedDocument, MappingFailed

MAX_DEPTH = 200
MAX_BYTES = 32 * 1024 * 1024

_BLANK = b" \t\r\n"
_LONG_NUMBER = re.compile(rb"\d{19}")


def loads(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Json:
    """Read UTF-8 JSON (RFC 8259). Refused: NaN and infinities, duplicate names, lone surrogates, deep nesting.

    Numbers with a fraction become IEEE doubles, as in jq and in every browser: exact by value up to 15
    significant digits, so money of the insurance interface survives; longer decimals must come as strings.
    Integers that 64 bits cannot hold are refused rather than rounded. Bytes that pass through the bus unmapped
    are never written anew and keep every digit.
    Raises MalformedDocument with line and column, or DocumentTooLarge; their texts do not quote the document.
    """
    if len(data) > max_bytes:
        raise DocumentTooLarge(f"the document has {len(data)} bytes; at most {max_bytes} are accepted")
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _translate(error) from None  # the original carries the whole document
    deep = len(data) > 2 * max_depth and data.count(b"[") + data.count(b"{") > max_depth
    if deep and _deeper(value, max_depth):
        raise DocumentTooLarge(f"arrays and objects are nested deeper than {max_depth}")
    if orjson.dumps(value) == data:
        return value  # who writes the same text again has lost nothing of it: no name twice, no long number
    if _may_repeat_names(data, value):
        _refuse_duplicates(data)
    if _LONG_NUMBER.search(data):
        _refuse_long_integers(data)
    return value


def dumps(value: Json) -> bytes:
    """Write JSON as compact UTF-8. Raises MappingFailed for what JSON cannot hold."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        raise MappingFailed("the result holds something that JSON cannot: check the mapping", step="json") from None


def pretty(value: Json) -> str:
    """Write JSON as people read it: indented, Chinese as Chinese. Raises MappingFailed as ``dumps`` does."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except (TypeError, ValueError, RecursionError):
        raise MappingFailed("the result holds something that JSON cannot: check the mapping", step="json") from None


def _may_repeat_names(data: bytes, value: Json) -> bool:
    """Whether there may be more names in the text than in the value: then one was given twice.

    Blanks aside, every name ends in '":'. Texts that hold these characters hold them in the written value too,
    unless they were spelt with \\u.
    """
    found = data.translate(None, _BLANK).count(b'":')
    if data.find(b"\\u") < 0:
        return found != orjson.dumps(value).translate(None, _BLANK).count(b'":')
    return found != _names(value)


def _names(value: Json) -> int:
    total = 0
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            total += len(item)
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
    return total


def _deeper(value: Json, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return any(isinstance(item, (dict, list)) for item in level)


def _refuse_duplicates(data: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise MalformedDocument("an object of the JSON document has the same name twice")

    json.loads(data, object_pairs_hook=unique)


def _refuse_long_integers(data: bytes) -> None:
    def fits(text: str) -> int:
        number = int(text) if len(text) < 40 else 1 << 70
        if not -(1 << 63) <= number < (1 << 64):
            raise MalformedDocument("the JSON document holds an integer beyond 64 bits; send it as a string")
        return number

    json.loads(data, parse_int=fits)


def _translate(error: orjson.JSONDecodeError) -> MalformedDocument | DocumentTooLarge:
    if "depth" in error.msg or "recursion" in error.msg:  # orjson's words differ between releases
        return DocumentTooLarge("arrays and objects are nested too deeply")
    line, column = error.lineno, error.colno
    return MalformedDocument(f"the document is not JSON (line {line}, column {column})", line=line, column=column)
