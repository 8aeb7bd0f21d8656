"""XML to JSON by a shape: one reader for each type, linked once, so that a document is read in a single walk."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from transformers import ns
from transformers.any_json import (
    NIL,
    ORDER,
    TEXT,
    TYPE,
    any_to_json,
    attribute_name,
    fill,
    foreign,
    relative,
    text_runs,
    type_name,
)
from transformers.document import Element, Json
from transformers.errors import ContractViolation, Violation
from transformers.lexical import ARTICLE, READERS, NotOfItsKind
from transformers.shape import Field, Kind, Shape, Type, order
from transformers.xml import local_name

#: Every text that is not of its kind: the element, the attribute (or nothing), the kind.
Wrong = list[tuple[Element, str, Kind]]

#: Attributes of these namespaces are about the message, not of the document.
_NOT_OURS = (f"{{{ns.XSI}}}", f"{{{ns.SOAP11}}}", f"{{{ns.SOAP12}}}")
_TRUE = ("true", "1")

#: So many wrong values are told one by one; nobody reads more, and a hostile document may hold any number.
LISTED = 20


class Reader:
    """Reads documents of one shape. Thread-safe."""

    def __init__(self, shape: Shape) -> None:
        self._types: dict[str, TypeReader] = {key: _reader(key, type_) for key, type_ in shape.types.items()}
        self._names = {key: name for name, key in shape.derived.items()}
        for each in self._types.values():
            each.link(self)
        self._root = self._types[shape.type]

    def read(self, element: Element) -> Json:
        """Convert an element to JSON; the root's own name is not part of the value.

        Raises ContractViolation with the texts that are not of their kind, the first ``LISTED`` by their place; texts
        are not quoted.
        """
        wrong: Wrong = []
        value = self.dressed(element, self._root, wrong) if element.items() else self._root.read(element, wrong)
        if wrong:
            raise ContractViolation(
                f"{len(wrong)} values cannot be converted by schema",
                tuple(
                    Violation(_path(at, element) + name, f"must be {ARTICLE[kind]}", kind)
                    for at, name, kind in wrong[:LISTED]
                ),
            )
        return value

    def of(self, key: str) -> TypeReader:
        """The reader of a type."""
        return self._types[key]

    def dressed(self, element: Element, declared: TypeReader, wrong: Wrong) -> Json:
        """Read an element that has attributes: ``xsi:nil`` and ``xsi:type`` among them."""
        reader, name = declared, ""
        raw = element.get(ns.XSI_TYPE)
        if raw is not None:
            reader, name = self._substitute(element, str(raw), declared)
        if isinstance(reader, _Any):
            return any_to_json(element)
        if element.get(ns.XSI_NIL, "").strip() in _TRUE:
            value: dict[str, Json] = {NIL: True, **reader.attributes(element, wrong)}
            if name:
                value[TYPE] = name
            return value if len(value) > 1 else None
        read = reader.read(element, wrong)
        if not name:
            return read
        if isinstance(read, dict):
            return {TYPE: name, **read}
        return read if isinstance(read, list) else {TYPE: name, TEXT: read}

    def _substitute(self, element: Element, text: str, declared: TypeReader) -> tuple[TypeReader, str]:
        """The reader for an ``xsi:type`` and its JSON name; no name where it says nothing that is not known."""
        key = type_name(element, text)
        if key == declared.key or (key.startswith("xs:") and declared.scalar is not None):
            return declared, ""
        if key in self._names:
            return self._types[key], self._names[key]
        # rpc/encoded senders name the types of SOAP's own encoding everywhere: they say nothing new.
        return declared, "" if key.startswith(f"{{{ns.SOAPENC}}}") or declared.scalar is not None else key


class TypeReader(Protocol):
    """Reads the elements of one type. ``scalar`` is set where they are plain text."""

    key: str
    scalar: Kind | None

    def link(self, reader: Reader) -> None:
        """Find the readers of the children."""

    def read(self, element: Element, wrong: Wrong) -> Json:
        """The value of an element, whatever its ``xsi`` attributes say."""

    def attributes(self, element: Element, wrong: Wrong) -> dict[str, Json]:
        """The attributes of an element."""


class _Slot(NamedTuple):
    """How one field is read."""

    name: str
    many: bool
    scalar: Kind | None
    optional: bool
    reader: TypeReader


class _Scalar:
    """Plain text."""

    def __init__(self, key: str, kind: Kind) -> None:
        self.key = key
        self.scalar: Kind | None = kind

    def link(self, reader: Reader) -> None:
        """Text has no children."""

    def read(self, element: Element, wrong: Wrong) -> Json:
        return read_text(element, self.scalar or "string", wrong)

    def attributes(self, element: Element, wrong: Wrong) -> dict[str, Json]:
        return {}


class _Any:
    """Whatever stands there."""

    scalar: Kind | None = None

    def __init__(self, key: str) -> None:
        self.key = key

    def link(self, reader: Reader) -> None:
        """Nothing is known of the children."""

    def read(self, element: Element, wrong: Wrong) -> Json:
        return any_to_json(element)

    def attributes(self, element: Element, wrong: Wrong) -> dict[str, Json]:
        return {}


class _Object:
    """Children, attributes, and text where the type holds any."""

    scalar: Kind | None = None

    def __init__(self, key: str, type_: Type) -> None:
        self.key = key
        self._type = type_
        self._attributes = {attribute.tag: (f"@{attribute.name}", attribute.kind) for attribute in type_.attributes}
        self._names = frozenset(field.name for field in type_.fields) | {TEXT}
        self._by_tag: dict[str, _Slot] = {}
        self._arrays = [field.name for field in type_.fields if field.many and field.least == 0]

    def link(self, reader: Reader) -> None:
        self._reader = reader
        self._by_tag = {field.tag: _slot(field, reader) for field in self._type.fields}

    def read(self, element: Element, wrong: Wrong) -> Json:
        type_ = self._type
        value = self.attributes(element, wrong) if self._attributes or element.items() else {}
        if type_.kind is not None:
            value[TEXT] = read_text(element, type_.kind, wrong)
            return value
        if type_.content is not None:
            self._ordered(element, value, wrong)
        else:
            for child in element:
                self._child(child, element, value, wrong)
            if type_.mixed or not type_.fields or (element.text and not element.text.isspace()):
                text = "".join(run for _, run in text_runs(element))
                if text.strip():
                    value[TEXT] = text
        for name in self._arrays:
            if name not in value:
                value[name] = []
        return value

    def attributes(self, element: Element, wrong: Wrong) -> dict[str, Json]:
        value: dict[str, Json] = {}
        for raw, text in element.items():
            tag = str(raw)
            known = self._attributes.get(tag)
            if known is not None:
                value[known[0]] = _scalar(str(text), known[1], element, f"/{known[0]}", wrong)
            elif not tag.startswith(_NOT_OURS):
                value[attribute_name(tag)] = str(text)
        return value

    def _child(self, child: Element, parent: Element, value: dict[str, Json], wrong: Wrong) -> str:
        """Read one child into ``value``; most are plain text, and most of the time goes into them."""
        tag = child.tag
        slot = self._by_tag.get(tag) or self._misnamed(tag)
        if slot is None:
            return self._stranger(child, parent, value)
        name, many, scalar, optional, reader = slot
        item: Json
        if child.items():
            item = self._reader.dressed(child, reader, wrong)
        elif scalar is None:
            item = reader.read(child, wrong)
        else:
            text = child.text or ""
            if len(child):
                text = "".join(str(part) for part in child.itertext())
            if scalar == "string":
                item = text
            elif optional and not text.strip():
                return ""  # legacy systems send an empty element where a number is absent
            else:
                item = _scalar(text, scalar, child, "", wrong)
        if many:
            items = value.get(name)
            if items is None:
                value[name] = [item]
            else:
                items.append(item)  # type: ignore[union-attr]
        elif name in value:
            fill(value, name, item)
        else:
            value[name] = item
        return name

    def _misnamed(self, tag: str) -> _Slot | None:
        field = self._type.field_of(tag)
        return None if field is None else self._by_tag[field.tag]

    def _stranger(self, child: Element, parent: Element, value: dict[str, Json]) -> str:
        tag = child.tag
        name = relative(tag, ns.split(parent.tag)[0])
        if name in self._names:
            name = foreign(*ns.split(tag))
        fill(value, name, any_to_json(child))
        return name

    def _ordered(self, element: Element, value: dict[str, Json], wrong: Wrong) -> None:
        """Read children that may come in several orders, and tell theirs where it is not the one that is written."""
        type_, names = self._type, []
        runs = dict(text_runs(element)) if type_.mixed else {}
        for position, child in enumerate(element):
            if position in runs:
                names.append(TEXT)
            names.append(self._child(child, element, value, wrong))
        if len(element) in runs:
            names.append(TEXT)
        if runs:
            texts: list[Json] = list(runs.values())
            value[TEXT] = texts[0] if len(texts) == 1 else texts
        elif element.text and not element.text.isspace():
            value[TEXT] = element.text
        names = [name for name in names if name]
        counts: dict[str, int] = {}
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        if type_.content is not None and names != order(type_.content, self._names, counts):
            value[ORDER] = list(names)


class _Items:
    """An array within an array: every child is an item, whatever its name."""

    scalar: Kind | None = None

    def __init__(self, key: str, item: Field) -> None:
        self.key = key
        self._item = item

    def link(self, reader: Reader) -> None:
        self._reader = reader
        self._inner = reader.of(self._item.type)

    def read(self, element: Element, wrong: Wrong) -> Json:
        inner, dressed = self._inner, self._reader.dressed
        return [dressed(child, inner, wrong) if child.items() else inner.read(child, wrong) for child in element]

    def attributes(self, element: Element, wrong: Wrong) -> dict[str, Json]:
        return {}


def _reader(key: str, type_: Type) -> Any:
    if type_.plain and type_.kind is not None:
        return _Scalar(key, type_.kind)
    if type_.items:
        return _Items(key, type_.fields[0])
    if type_.open and not type_.fields and not type_.attributes and type_.kind is None:
        return _Any(key)
    return _Object(key, type_)


def _slot(field: Field, reader: Reader) -> _Slot:
    inner = reader.of(field.type)
    return _Slot(field.name, field.many, inner.scalar, field.least == 0, inner)


def read_text(element: Element, kind: Kind, wrong: Wrong) -> Json:
    """The text of an element, in its kind."""
    text = "".join(str(part) for part in element.itertext()) if len(element) else element.text or ""
    return _scalar(text, kind, element, "", wrong)


def _scalar(text: str, kind: Kind, element: Element, name: str, wrong: Wrong) -> Json:
    try:
        return READERS[kind](text)
    except NotOfItsKind:
        wrong.append((element, name, kind))
        return None


def _path(element: Element, root: Element) -> str:
    """Where an element stands below ``root``, in local names."""
    steps: list[str] = []
    while element is not root:
        parent = element.getparent()
        if parent is None:
            break
        twins = [child for child in parent if child.tag == element.tag]
        steps.append(f"{local_name(element)}[{twins.index(element) + 1}]" if len(twins) > 1 else local_name(element))
        element = parent
    return "/" + "/".join([local_name(root), *reversed(steps)])
