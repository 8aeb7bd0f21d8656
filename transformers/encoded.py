"""SOAP's own encoding (SOAP 1.1 §5) of rpc messages: read into plain XML as a schema describes it, and written.

PHP, Axis 1, SOAP::Lite and .NET 1.x send it: values behind ``href``, arrays of items of any name with their
``soapenc:arrayType``, ``xsi:type`` on everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from lxml import etree

from transformers import ns
from transformers.any_json import type_name, type_text
from transformers.document import Element
from transformers.errors import EnvelopeInvalid
from transformers.shape import Shape, Type
from transformers.xml import local_name

#: Shared values are copied to every place that refers to them: a small message must not become a large document.
MOST_ELEMENTS = 200_000

_ENC = f"{{{ns.SOAPENC}}}"
_ENC12 = f"{{{ns.SOAPENC12}}}"
_ENCODING = (_ENC, _ENC12, f"{{{ns.SOAP11}}}", f"{{{ns.SOAP12}}}")


_PREFIXES = {"xsi": ns.XSI, "xs": ns.XSD, "soapenc": ns.SOAPENC}


class SoapEncoding:
    """The encoding of the documents of one shape. Thread-safe."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._derived = frozenset(shape.derived.values())

    def decode(self, payload: Element) -> Element:
        """The payload as plain XML: references resolved, names and types as the schema has them.

        Values that it refers to are found anywhere in its document (SOAP 1.1 §5.4.1). Raises EnvelopeInvalid for a
        reference that leads nowhere, outside or to itself, and for more than ``MOST_ELEMENTS``.
        """
        return _Decoding(self._shape, self._derived, payload).root()

    def encode(self, document: Element, envelope: str) -> Element:
        """A plain document of the shape in SOAP's encoding, for an envelope of this namespace.

        Every value says its type, and an array its length.
        """
        root = etree.Element(self._shape.tag, nsmap={**_PREFIXES, **_prefixes(self._shape)})
        root.set(f"{{{envelope}}}encodingStyle", ns.SOAPENC)
        self._encode(document, root, self._shape.type)
        return root

    def _encode(self, source: Element, target: Element, key: str) -> None:
        type_ = self._shape.types[key]
        for name, text in source.items():
            if name != ns.XSI_TYPE:
                target.set(name, text)
        target.text = source.text
        for child in source:
            field = type_.fields[0] if type_.items else type_.field_of(child.tag)
            if field is None:
                other = deepcopy(child)
                other.tail = None
                target.append(other)
                continue
            inner = self._own_type(child) or field.type
            copy = etree.SubElement(target, field.tag)
            self._encode(child, copy, inner)
            self._name_type(copy, inner)

    def _own_type(self, element: Element) -> str:
        written = element.get(ns.XSI_TYPE)
        name = type_name(element, written) if written else ""
        return name if name in self._derived else ""

    def _name_type(self, element: Element, key: str) -> None:
        type_ = self._shape.types[key]
        if type_.items:
            item = type_.fields[0].type
            inner = "xs:anyType" if self._shape.types[item].items else _name(item) or "xs:anyType"
            element.set(ns.XSI_TYPE, "soapenc:Array")
            element.set(f"{_ENC}arrayType", f"{type_text(element, inner)}[{len(element)}]")
        elif name := _name(key):
            element.set(ns.XSI_TYPE, type_text(element, name))


def _name(key: str) -> str:
    """The name of a type by its key; empty for one that has none."""
    if key.startswith("#"):
        return ""
    namespace, name = ns.split(key)
    return f"xs:{name}" if namespace == ns.XSD else key


def _prefixes(shape: Shape) -> dict[str, str]:
    names = (*shape.types, shape.tag)
    spaces = sorted({ns.split(key)[0] for key in names if key.startswith("{")} - {ns.XSD})
    return {f"n{number}": namespace for number, namespace in enumerate(spaces, 1)}


#: What stands where the schema has no place for it.
_UNKNOWN = Type(open=True)


class _Decoding:
    """One payload being decoded."""

    def __init__(self, shape: Shape, derived: frozenset[str], payload: Element) -> None:
        self._shape = shape
        self._derived = derived
        self._payload = payload
        self._count = 0
        self._ids: Mapping[str, Element] | None = None
        self._open: set[Element] = set()

    def root(self) -> Element:
        prefixes: Any = self._payload.nsmap
        root = etree.Element(self._shape.tag, nsmap=prefixes)
        source, entered = self._followed(self._payload)
        self._fill(root, source, self._shape.type)
        self._open -= entered
        return root

    def _fill(self, target: Element, source: Element, key: str) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise EnvelopeInvalid(f"its references make more than {MOST_ELEMENTS} elements")
        type_ = self._attributes(target, source, key)
        target.text = source.text
        for child in source:
            field = type_.fields[0] if type_.items else type_.field_of(child.tag)
            value, entered = self._followed(child)
            # The prefix of its type may be declared where the value stands.
            prefixes: Any = value.nsmap if value.get(ns.XSI_TYPE) else None
            copy = etree.SubElement(target, field.tag if field is not None else child.tag, nsmap=prefixes)
            self._fill(copy, value, field.type if field is not None else "")
            self._open -= entered

    def _attributes(self, target: Element, source: Element, key: str) -> Type:
        """Copy the attributes that belong to the document; the type that the element has, declared or of its own."""
        type_ = self._shape.types[key] if key else _UNKNOWN
        for raw, value in source.items():
            name, text = str(raw), str(value)
            if name == ns.XSI_TYPE:
                meant = type_name(source, text)
                if meant in self._derived and meant != key:
                    type_ = self._shape.types[meant]
                elif not (type_.open and meant.startswith("xs:")):
                    continue
                target.set(name, text)
            elif name not in ("id", "href") and not name.startswith(_ENCODING):
                target.set(name, text)
        return type_

    def _followed(self, source: Element) -> tuple[Element, set[Element]]:
        """The element that holds the value, and those that are being read until it is."""
        entered: set[Element] = set()
        while True:
            if source in self._open:
                raise EnvelopeInvalid(f"the reference {local_name(source)} leads to itself")
            reference = source.get("href") or source.get(f"{_ENC12}ref")
            if reference is None:
                if source.get("id") is not None:
                    self._open.add(source)
                    entered.add(source)
                return source, entered
            self._open.add(source)
            entered.add(source)
            found = self._known().get(reference.removeprefix("#"))
            if found is None:
                raise EnvelopeInvalid(f"{local_name(source)} refers to a value that is not in this message")
            source = found

    def _known(self) -> Mapping[str, Element]:
        if self._ids is None:
            top = self._payload.getroottree().getroot()
            named = [(each.get("id") or each.get(f"{_ENC12}id"), each) for each in top.iter("*")]
            self._ids = {name: each for name, each in reversed(named) if name}
        return self._ids
