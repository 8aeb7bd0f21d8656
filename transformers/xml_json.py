"""XML to JSON and back by a shape, so that nothing depends on how many items happen to be there.

Arrays are arrays for none, one or many. Integers and booleans become JSON's; decimals become strings with every
digit, unless a JSON Schema calls them numbers. Attributes are ``@name``, text beside attributes ``#text``.
``xsi:nil`` is null, an absent element is an absent name. What the shape does not know is carried over by the
convention of ``simple_json`` rather than dropped. Interleaved text of mixed content is gathered in ``#text``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Element, Json
from transformers.errors import ContractViolation, Violation
from transformers.json_schema_shape import shape_from_json_schema
from transformers.shape import Attribute, Field, Kind, Shape, Type
from transformers.simple_json import fill, simple_to_json, simple_to_xml
from transformers.xml import local_name
from transformers.xml_names import to_xml_name
from transformers.xsd_shape import shape_from_xsd

__all__ = ["Shape", "shape_from_json_schema", "shape_from_xsd", "simple_to_json", "simple_to_xml", "to_json", "to_xml"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class _Lost(Exception):
    """A text or value that is not of its kind; never leaves this module."""


def to_json(element: Element, shape: Shape) -> Json:
    """Convert an element to JSON by its shape; the root's own name is not part of the value.

    Raises ContractViolation with every text that is not of its kind; texts are not quoted.
    """
    violations: list[Violation] = []
    value = _Reader(shape, violations).element(element, shape.types[shape.type], "/" + local_name(element))
    _raise(violations)
    return value


def to_xml(value: Json, shape: Shape) -> Element:
    """Convert a JSON value to an element by its shape, children in the schema's order.

    Null for an element that cannot be nil is left out. Raises ContractViolation with every value that is not of
    its kind.
    """
    violations: list[Violation] = []
    namespace = ns.split(shape.tag)[0]
    nsmap: Any = {(None if shape.qualified else "m"): namespace} if namespace else None
    root = etree.Element(shape.tag, nsmap=nsmap)
    _Writer(shape, violations).element(root, value, shape.types[shape.type], "")
    _raise(violations)
    return root


def _raise(violations: list[Violation]) -> None:
    if violations:
        raise ContractViolation(f"{len(violations)} values cannot be converted by schema", tuple(violations))


class _Reader:
    """One walk from XML to JSON."""

    def __init__(self, shape: Shape, violations: list[Violation]) -> None:
        self._types = shape.types
        self._violations = violations

    def element(self, element: Element, type_: Type, path: str) -> Json:
        if element.get(ns.XSI_NIL, "").strip() in ("true", "1"):
            return None
        if type_.plain and type_.kind is not None:
            return self._text(_content(element), type_.kind, path, "")
        if type_.items:
            inner = self._types[type_.fields[0].type]
            return [self.element(child, inner, f"{path}/item[{number}]") for number, child in enumerate(element, 1)]
        value: dict[str, Json] = {}
        if element.attrib:
            self._attributes(element, type_, value, path)
        if type_.kind is not None:
            value["#text"] = self._text(_content(element), type_.kind, path, "")
            return value
        self._children(element, type_, value, path)
        if type_.mixed or not type_.fields:
            text = (element.text or "") + "".join(child.tail or "" for child in element)
            if text.strip():
                value["#text"] = text
        return value

    def _attributes(self, element: Element, type_: Type, value: dict[str, Json], path: str) -> None:
        known = {attribute.tag: attribute for attribute in type_.attributes}
        for raw_tag, raw in element.attrib.items():
            tag, text = str(raw_tag), str(raw)
            if tag.startswith(f"{{{ns.XSI}}}"):
                continue
            attribute = known.get(tag) or Attribute(local(tag), tag)
            value[f"@{attribute.name}"] = self._text(text, attribute.kind, path, f"/@{attribute.name}")

    def _children(self, element: Element, type_: Type, value: dict[str, Json], path: str) -> None:
        for child in element:
            field = type_.field_of(child.tag)
            if field is None:
                fill(value, local_name(child), simple_to_json(child))
                continue
            inner = self._types[field.type]
            if field.least == 0 and inner.plain and inner.kind != "string" and _blank(child):
                continue  # legacy systems send an empty element where a number is absent
            if field.many:
                items = value.setdefault(field.name, [])
                if isinstance(items, list):
                    items.append(self._child(child, field, inner, f"{path}/{field.name}[{len(items) + 1}]"))
            else:
                fill(value, field.name, self._child(child, field, inner, path))
        for absent in type_.fields:
            if absent.many and absent.least == 0:
                value.setdefault(absent.name, [])

    def _child(self, child: Element, field: Field, inner: Type, path: str) -> Json:
        """Most elements are plain text, and most of the time goes into them: no path is made before it is needed."""
        step = "" if field.many else f"/{field.name}"
        if inner.plain and inner.kind is not None and not child.attrib:
            return self._text(_content(child), inner.kind, path, step)
        return self.element(child, inner, path + step)

    def _text(self, text: str, kind: Kind, path: str, step: str) -> Json:
        if kind == "string":
            return text
        try:
            return _READERS[kind](text)
        except _Lost:
            self._violations.append(Violation(path + step, f"must be {_ARTICLE[kind]}", kind))
            return None


class _Writer:
    """One walk from JSON to XML."""

    def __init__(self, shape: Shape, violations: list[Violation]) -> None:
        self._types = shape.types
        self._violations = violations

    def element(self, element: Element, value: Json, type_: Type, path: str) -> None:
        if value is None:
            element.set(ns.XSI_NIL, "true")
        elif type_.plain and type_.kind is not None:
            element.text = self._text(value, type_.kind, path)
        elif type_.items:
            self._many(element, type_.fields[0], value, path)
        elif not isinstance(value, dict):
            if type_.kind is not None:
                element.text = self._text(value, type_.kind, path)
            else:
                self._violations.append(Violation(path, "must be an object", "type"))
        else:
            self._object(element, value, type_, path)

    def _object(self, element: Element, value: dict[str, Json], type_: Type, path: str) -> None:
        known = {f"@{attribute.name}": attribute for attribute in type_.attributes}
        done = {"#text"}
        for name, item in value.items():
            if name.startswith("@") and item is not None:
                attribute = known.get(name) or Attribute(name[1:], to_xml_name(name[1:]))
                element.set(attribute.tag, self._text(item, attribute.kind, f"{path}/{name}"))
                done.add(name)
        if value.get("#text") is not None:
            element.text = self._text(value["#text"], type_.kind or "string", f"{path}/#text")
        for group in _groups(type_.fields):
            self._group(element, group, value, path)
            done.update(field.name for field in group)
        namespace = ns.split(str(element.tag))[0]
        for name, item in value.items():
            if name not in done and not name.startswith("@"):
                for child in simple_to_xml({name: item}, ns.clark(namespace, "rest")):
                    element.append(child)

    def _group(self, element: Element, group: list[Field], value: dict[str, Json], path: str) -> None:
        if not group[0].round:
            field = group[0]
            if field.name in value:
                self._many(element, field, value[field.name], f"{path}/{field.name}")
            return
        columns = [(field, _as_list(value.get(field.name, []))) for field in group]
        for number in range(max(len(items) for _, items in columns)):
            for field, items in columns:
                if number < len(items):
                    self._one(element, field, items[number], f"{path}/{field.name}/{number}")

    def _many(self, element: Element, field: Field, value: Json, path: str) -> None:
        if field.many:
            for number, item in enumerate(_as_list(value)):
                self._one(element, field, item, f"{path}/{number}")
        else:
            self._one(element, field, value, path)

    def _one(self, element: Element, field: Field, value: Json, path: str) -> None:
        if value is None and not field.nillable:
            return
        self.element(etree.SubElement(element, field.tag), value, self._types[field.type], path)

    def _text(self, value: Json, kind: Kind, path: str) -> str:
        try:
            return _write(value, kind)
        except _Lost:
            self._violations.append(Violation(path, f"must be {_ARTICLE[kind]}", kind))
            return ""


def local(tag: str) -> str:
    """The local part of a Clark name."""
    return tag.rpartition("}")[2]


def _content(element: Element) -> str:
    if len(element):
        return "".join(str(part) for part in element.itertext())
    return element.text or ""


def _blank(element: Element) -> bool:
    return not len(element) and not (element.text or "").strip() and not element.get(ns.XSI_NIL)


def _as_list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _groups(fields: tuple[Field, ...]) -> list[list[Field]]:
    groups: list[list[Field]] = []
    for field in fields:
        if field.round and groups and groups[-1][0].round == field.round:
            groups[-1].append(field)
        else:
            groups.append([field])
    return groups


_ARTICLE: dict[Kind, str] = {
    "string": "text without control characters",
    "integer": "an integer",
    "decimal": "a decimal number",
    "number": "a number",
    "boolean": "true or false",
}


def _integer(text: str) -> Json:
    stripped = text.strip()
    if not _INTEGER.fullmatch(stripped):
        raise _Lost
    # JSON readers hold 64 bits at most; a longer number stays text rather than lose digits.
    if len(stripped) > 19 and not -(1 << 63) <= int(stripped[:40]) < (1 << 63):
        return stripped
    return int(stripped)


def _decimal(text: str) -> Json:
    stripped = text.strip()
    if not _DECIMAL.fullmatch(stripped):
        raise _Lost
    return stripped


def _number(text: str) -> Json:
    stripped = text.strip()
    if stripped in ("INF", "-INF", "+INF", "NaN"):
        return stripped
    if not _NUMBER.fullmatch(stripped):
        raise _Lost
    if _INTEGER.fullmatch(stripped) and len(stripped) < 19:
        return int(stripped)
    number = float(stripped)
    # A double that is not this very number would change it: then its text is kept.
    return number if Decimal(repr(number)) == Decimal(stripped) else stripped


def _boolean(text: str) -> Json:
    truth = _TRUTH.get(text.strip())
    if truth is None:
        raise _Lost
    return truth


_READERS: dict[Kind, Callable[[str], Json]] = {
    "string": str,
    "integer": _integer,
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
}


def _write(value: Json, kind: Kind) -> str:
    if isinstance(value, bool):
        if kind not in ("boolean", "string"):
            raise _Lost
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _write_number(value, kind)
    if not isinstance(value, str) or _CONTROL.search(value):
        raise _Lost
    if kind != "string":
        _READERS[kind](value)
    return value


def _write_number(value: float, kind: Kind) -> str:
    if kind == "boolean":
        raise _Lost
    if isinstance(value, int):
        return str(value)
    if kind == "integer":
        if not value.is_integer():
            raise _Lost
        return str(int(value))
    try:
        return format(Decimal(repr(value)), "f")  # XSD decimals have no exponent
    except InvalidOperation:
        raise _Lost from None
