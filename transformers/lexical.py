"""Texts of XML as JSON values and back, by their kind: no digit is lost, and what is not of its kind is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from transformers.document import Json
from transformers.shape import Kind

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class NotOfItsKind(Exception):
    """A text or value that its kind does not allow; the conversion turns it into a violation."""


class NoName(NotOfItsKind):
    """A member whose name no element or attribute can have: the conversion turns it into a violation too."""


#: What a value of each kind must be, in the words of a violation.
ARTICLE: Mapping[Kind, str] = {
    "string": "text without control characters",
    "integer": "an integer",
    "decimal": "a decimal number",
    "number": "a number",
    "boolean": "true or false",
}


def _integer(text: str) -> Json:
    stripped = text.strip()
    if not _INTEGER.fullmatch(stripped):
        raise NotOfItsKind
    # JSON readers hold 64 bits at most; a longer number stays text rather than lose digits.
    if len(stripped) > 19 and not -(1 << 63) <= int(stripped[:40]) < (1 << 63):
        return stripped
    return int(stripped)


def _decimal(text: str) -> Json:
    stripped = text.strip()
    if not _DECIMAL.fullmatch(stripped):
        raise NotOfItsKind
    return stripped


def _number(text: str) -> Json:
    stripped = text.strip()
    if stripped in ("INF", "-INF", "+INF", "NaN"):
        return stripped
    if not _NUMBER.fullmatch(stripped):
        raise NotOfItsKind
    if _INTEGER.fullmatch(stripped) and len(stripped) < 19:
        return int(stripped)
    number = float(stripped)
    # A double that is not this very number would change it: then its text is kept.
    return number if Decimal(repr(number)) == Decimal(stripped) else stripped


def _boolean(text: str) -> Json:
    truth = _TRUTH.get(text.strip())
    if truth is None:
        raise NotOfItsKind
    return truth


#: Reads a text of each kind as JSON. Raises NotOfItsKind.
READERS: Mapping[Kind, Callable[[str], Json]] = {
    "string": str,
    "integer": _integer,
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
}


def text_of(value: Json, kind: Kind) -> str:
    """A JSON value as the text of an element or attribute of this kind. Raises NotOfItsKind."""
    if isinstance(value, str):
        # Printable text, which is nearly all text, holds no control character and needs no search.
        if not value.isprintable() and _CONTROL.search(value):
            raise NotOfItsKind
        if kind != "string":
            READERS[kind](value)
        return value
    if isinstance(value, bool):
        if kind not in ("boolean", "string"):
            raise NotOfItsKind
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number_text(value, kind)
    raise NotOfItsKind


def _number_text(value: float, kind: Kind) -> str:
    if kind == "boolean":
        raise NotOfItsKind
    if isinstance(value, int):
        return str(value)
    if kind == "integer":
        if not value.is_integer():
            raise NotOfItsKind
        return str(int(value))
    try:
        return format(Decimal(repr(value)), "f")  # XSD decimals have no exponent
    except InvalidOperation:
        raise NotOfItsKind from None
