"""JSON to XML by a shape: one writer for each type, linked once, children in the schema's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

from lxml import etree

from transformers import ns
from transformers.any_json import (
    NIL,
    ORDER,
    TEXT,
    TYPE,
    absolute,
    add_text,
    any_to_xml,
    set_attribute,
    type_prefix,
    type_text,
)
from transformers.document import Element, Json
from transformers.errors import ContractViolation, Violation
from transformers.lexical import ARTICLE, NoName, NotOfItsKind, text_of
from transformers.shape import Field, Kind, Shape, Type, order
from transformers.xml_to_json import LISTED

#: A place in the JSON as a chain from the inside out; it becomes a JSON Pointer only where something is wrong.
Place: TypeAlias = "tuple[Place, str | int] | None"

#: Every value that is not what it must be: its place, what it must be, the rule.
Wrong = list[tuple[Place, str, str]]


class Writer:
    """Writes documents of one shape. Thread-safe."""

    def __init__(self, shape: Shape) -> None:
        self._types: dict[str, TypeWriter] = {key: _writer(type_) for key, type_ in shape.types.items()}
        self._derived = shape.derived
        for each in self._types.values():
            each.link(self)
        self._root = self._types[shape.type]
        self._tag = shape.tag
        namespace = ns.split(shape.tag)[0]
        # Where a child has no namespace, the root's may not be the default one.
        self._nsmap: Any = {(None if shape.qualified else "m"): namespace} if namespace else {}

    def write(self, value: Json) -> Element:
        """Convert a JSON value to an element, children in the schema's order.

        Null for an element that cannot be nil is left out. Raises ContractViolation with the values that are not of
        their kind, the first ``LISTED`` by their place.
        """
        wrong: Wrong = []
        if self._free(value, self._root):
            holder = etree.Element("holder")
            self.child(holder, self._tag, value, self._root, None, wrong)
            root = holder[0] if len(holder) else etree.Element(self._tag)
        else:
            nsmap = self._nsmap
            if value.__class__ is dict and TYPE in value:
                nsmap = nsmap | self._prefix(etree.Element("holder"), value, None, wrong)
            root = etree.Element(self._tag, nsmap=nsmap or None)
            self.fill(root, value, self._root, None, wrong)
        if wrong:
            raise ContractViolation(
                f"{len(wrong)} values cannot be converted by schema",
                tuple(Violation(_pointer(place), message, rule) for place, message, rule in wrong[:LISTED]),
            )
        return root

    def of(self, key: str) -> TypeWriter:
        """The writer of a type."""
        return self._types[key]

    def qualified(self, value: dict[str, Json]) -> dict[str, Json]:
        """The object with its ``@xsi:type`` as a qualified name."""
        name = value.get(TYPE)
        return {TYPE: self._derived.get(name, name)} if isinstance(name, str) else {}

    def child(self, parent: Element, tag: str, value: Json, declared: TypeWriter, place: Place, wrong: Wrong) -> None:
        """Append an element with this value."""
        if declared is _ANY and self._free(value, declared):
            try:
                any_to_xml(parent, tag, value)
            except NotOfItsKind as error:
                wrong.append((place, *unheld(error)))
        elif value.__class__ is dict and TYPE in value:
            nsmap = self._prefix(parent, value, place, wrong) or None
            self.fill(etree.SubElement(parent, tag, nsmap=nsmap), value, declared, place, wrong)
        else:
            self.fill(etree.SubElement(parent, tag), value, declared, place, wrong)

    def _prefix(self, parent: Element, value: Json, place: Place, wrong: Wrong) -> dict[str, str]:
        """The declaration that the ``@xsi:type`` of a value needs."""
        try:
            return (isinstance(value, dict) and type_prefix(parent, self.qualified(value))) or {}
        except NoName as error:
            wrong.append(((place, TYPE), *unheld(error)))
            return {}

    def _free(self, value: Json, declared: TypeWriter) -> bool:
        """Whether no type says how to write this value: neither the declared one nor one that it names."""
        return declared is _ANY and not (isinstance(value, dict) and self.qualified(value).get(TYPE) in self._types)

    def fill(self, element: Element, value: Json, declared: TypeWriter, place: Place, wrong: Wrong) -> None:
        """Write a value into an element, by the type it names itself or by the declared one."""
        if value is None:
            element.set(ns.XSI_NIL, "true")
            return
        if value.__class__ is dict and (TYPE in value or NIL in value):
            try:
                declared, value = self._dress(element, value, declared)
            except NotOfItsKind as error:
                wrong.append((place, *unheld(error)))
                return
            if value is None:
                return
        declared.write(element, value, place, wrong)

    def _dress(self, element: Element, value: dict[str, Json], declared: TypeWriter) -> tuple[TypeWriter, Json]:
        name = self.qualified(value).get(TYPE)
        if isinstance(name, str):
            element.set(ns.XSI_TYPE, type_text(element, text_of(name, "string")))
            declared = self._types.get(name, declared)
        rest = {key: item for key, item in value.items() if key not in (TYPE, NIL)}
        if value.get(NIL) is True:
            element.set(ns.XSI_NIL, "true")
            for key, item in rest.items():
                if key.startswith("@"):
                    set_attribute(element, key, item)
            return declared, None
        if isinstance(declared, _Scalar) and set(rest) <= {TEXT}:
            return declared, rest.get(TEXT, "")
        return declared, rest


class TypeWriter(Protocol):
    """Writes the values of one type."""

    def link(self, writer: Writer) -> None:
        """Find the writers of the children."""

    def write(self, element: Element, value: Json, place: Place, wrong: Wrong) -> None:
        """Write a value that is not null into an element."""


class _Slot(NamedTuple):
    """How one field is written."""

    name: str
    tag: str
    many: bool
    scalar: Kind | None
    nillable: bool
    writer: TypeWriter


class _Scalar:
    """Plain text."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def link(self, writer: Writer) -> None:
        """Text has no children."""

    def write(self, element: Element, value: Json, place: Place, wrong: Wrong) -> None:
        element.text = _text(value, self.kind, place, wrong)


class _Any:
    """Whatever the JSON says, which ``Writer.child`` sees to."""

    def link(self, writer: Writer) -> None:
        """Nothing is known of the children."""

    def write(self, element: Element, value: Json, place: Place, wrong: Wrong) -> None:
        """Nothing is left to write."""


_ANY = _Any()


class _Object:
    """Children, attributes, and text where the type holds any."""

    def __init__(self, type_: Type) -> None:
        self._type = type_
        self._attributes = [(f"@{each.name}", each.tag, each.kind) for each in type_.attributes]
        self._special = {TEXT, ORDER, *(name for name, _, _ in self._attributes)}
        self._known = frozenset(field.name for field in type_.fields) | {TEXT}
        self._slots: list[_Slot] = []
        self._by_name: dict[str, _Slot] = {}

    def link(self, writer: Writer) -> None:
        self._writer = writer
        self._slots = [_slot(field, writer) for field in self._type.fields]
        self._by_name = {slot.name: slot for slot in self._slots}

    def write(self, element: Element, value: Json, place: Place, wrong: Wrong) -> None:
        type_ = self._type
        if not isinstance(value, dict):
            if type_.kind is None:
                wrong.append((place, "must be an object", "type"))
            else:
                element.text = _text(value, type_.kind, place, wrong)
            return
        for name, tag, kind in self._attributes:
            item = value.get(name)
            if item is not None:
                element.set(tag, _text(item, kind, (place, name), wrong))
        if type_.content is not None:
            self._ordered(element, value, place, wrong)
            return
        text = value.get(TEXT)
        if text is not None:
            element.text = _text(text, type_.kind or "string", (place, TEXT), wrong)
        met = 0
        for slot in self._slots:
            item = value.get(slot.name, _ABSENT)
            if item is not _ABSENT:
                met += 1
                self._field(element, slot, item, place, wrong)
        if met < len(value):
            self._rest(element, value, place, wrong)

    def _field(self, element: Element, slot: _Slot, value: Json, place: Place, wrong: Wrong) -> None:
        if slot.many:
            items = value if isinstance(value, list) else [] if value is None else [value]
            within: Place = (place, slot.name)
            for number, item in enumerate(items):
                self._one(element, slot, item, (within, number), wrong)
        else:
            self._one(element, slot, value, (place, slot.name), wrong)

    def _one(self, element: Element, slot: _Slot, value: Json, place: Place, wrong: Wrong) -> None:
        _, tag, _, scalar, nillable, writer = slot
        if value is None:
            if nillable:
                etree.SubElement(element, tag).set(ns.XSI_NIL, "true")
        elif scalar is not None and value.__class__ is not dict:
            etree.SubElement(element, tag).text = _text(value, scalar, place, wrong)
        else:
            self._writer.child(element, tag, value, writer, place, wrong)

    def _rest(self, element: Element, value: dict[str, Json], place: Place, wrong: Wrong) -> None:
        """What the shape does not know, at the end."""
        for name, item in value.items():
            if name in self._by_name or name in self._special:
                continue
            for one in item if isinstance(item, list) else [item]:
                self._stranger(element, name, one, place, wrong)

    def _stranger(self, element: Element, name: str, value: Json, place: Place, wrong: Wrong) -> None:
        try:
            if name.startswith("@") and len(name) > 1:
                set_attribute(element, name, value)
            else:
                any_to_xml(element, absolute(name, ns.split(element.tag)[0]), value)
        except NotOfItsKind as error:
            wrong.append(((place, name), *unheld(error)))

    def _ordered(self, element: Element, value: dict[str, Json], place: Place, wrong: Wrong) -> None:
        """Write children in the order that the object says, else in the one of the content model."""
        items: dict[str, Iterator[tuple[int, Json]]] = {}
        counts: dict[str, int] = {}
        for name, item in value.items():
            if name.startswith("@") and len(name) > 1:
                if name not in self._special:
                    self._stranger(element, name, item, place, wrong)
            elif name != ORDER:
                several = item if isinstance(item, list) else [item]
                items[name], counts[name] = iter(enumerate(several)), len(several)
        said = value.get(ORDER)
        model = order(self._type.content, self._known, counts) if self._type.content is not None else []
        for name in (*(said if isinstance(said, list) else ()), *model):
            for number, item in items.get(str(name), ()):
                slot = self._by_name.get(str(name))
                at: Place = (place, str(name)) if slot is None or not slot.many else ((place, str(name)), number)
                if name == TEXT:
                    add_text(element, _text(item, "string", at, wrong))
                elif slot is None:
                    self._stranger(element, str(name), item, place, wrong)
                else:
                    self._one(element, slot, item, at, wrong)
                break


class _Items:
    """An array within an array: its items under one name."""

    def __init__(self, item: Field) -> None:
        self._item = item

    def link(self, writer: Writer) -> None:
        self._writer = writer
        self._inner = writer.of(self._item.type)

    def write(self, element: Element, value: Json, place: Place, wrong: Wrong) -> None:
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items):
            if item is not None or self._item.nillable:
                self._writer.child(element, self._item.tag, item, self._inner, (place, number), wrong)


_ABSENT: Any = object()


def _writer(type_: Type) -> Any:
    if type_.plain and type_.kind is not None:
        return _Scalar(type_.kind)
    if type_.items:
        return _Items(type_.fields[0])
    if type_.open and not type_.fields and not type_.attributes and type_.kind is None:
        return _ANY
    return _Object(type_)


def _slot(field: Field, writer: Writer) -> _Slot:
    inner = writer.of(field.type)
    scalar = inner.kind if isinstance(inner, _Scalar) else None
    return _Slot(field.name, field.tag, field.many, scalar, field.nillable, inner)


def _text(value: Json, kind: Kind, place: Place, wrong: Wrong) -> str:
    if kind == "string" and value.__class__ is str and value.isprintable():
        return value
    try:
        return text_of(value, kind)
    except NotOfItsKind:
        wrong.append((place, f"must be {ARTICLE[kind]}", kind))
        return ""


def unheld(error: NotOfItsKind) -> tuple[str, str]:
    """What is wrong with a value that no schema describes, and the rule that it breaks."""
    if isinstance(error, NoName):
        return "must have a name that XML can hold", "name"
    return "must hold no control characters", "string"


def _pointer(place: Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(str(step))
    return "".join(f"/{step}" for step in reversed(steps))
