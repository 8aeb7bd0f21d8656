"""rpc style as schemas: the wrapper elements that its messages imply, and SOAP's encoding in terms of XML Schema.

With both, a message of an rpc binding is an element like any other: checked, converted and mapped by its schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from lxml import etree

from registry.contracts.messages import Carried
from transformers import ns
from transformers.document import Element

_XS = f"{{{ns.XSD}}}"
_ARRAY_TYPE = f"{{{ns.WSDL}}}arrayType"
_NAMES = ("type", "base", "ref")


@dataclass(frozen=True, slots=True)
class Wrapper:
    """The element ``tag`` that holds the parts of an rpc message (WS-I Basic Profile 1.1, §4.7)."""

    tag: str
    carried: Carried


def wrapper_schemas(wrappers: Iterable[Wrapper], declared: frozenset[str]) -> list[Element]:
    """One schema for each namespace of these wrappers; what is ``declared`` already (Clark names) is left out."""
    homes: dict[str, dict[str, Carried]] = {}
    for wrapper in wrappers:
        if wrapper.tag not in declared:
            namespace, name = ns.split(wrapper.tag)
            homes.setdefault(namespace, {}).setdefault(name, wrapper.carried)
    return [_schema(namespace, elements) for namespace, elements in homes.items()]


def declared_elements(schemas: Iterable[Element]) -> frozenset[str]:
    """The Clark names of the global elements of these schemas."""
    return frozenset(
        ns.clark(schema.get("targetNamespace", ""), element.get("name", ""))
        for schema in schemas
        for element in schema.iterchildren(f"{_XS}element")
    )


def without_encoding(schema: Element) -> None:
    """Say in XML Schema what a schema says with SOAP's encoding (SOAP 1.1 §5): its arrays and its simple types.

    An array becomes a sequence of ``item``, marked with its ``wsdl:arrayType`` so that it is an array in JSON.
    """
    for derivation in list(schema.iter(f"{_XS}restriction", f"{_XS}extension")):
        holder = derivation.getparent()
        type_ = holder.getparent() if holder is not None else None
        if type_ is not None and _meaning(derivation, "base") == f"{{{ns.SOAPENC}}}Array":
            _spell_array(type_, derivation)
    for node in schema.iter(f"{_XS}*"):
        for attribute in _NAMES:
            namespace, name = ns.split(_meaning(node, attribute))
            if namespace == ns.SOAPENC:
                node.set(attribute, f"{_xs_prefix(node)}{'anyType' if name in ('Array', 'Struct') else _builtin(name)}")


def _builtin(name: str) -> str:
    return "base64Binary" if name == "base64" else name


def _spell_array(type_: Element, derivation: Element) -> None:
    written, place = _array_type(derivation)
    for child in list(type_):
        type_.remove(child)
    if written:
        _fill_array(type_, written, place)
        return
    element = next(derivation.iter(f"{_XS}element"), None)
    type_.set(_ARRAY_TYPE, "")
    sequence = etree.SubElement(type_, f"{_XS}sequence")
    if element is None:
        element = etree.Element(f"{_XS}element", type=f"{_xs_prefix(type_)}anyType", nillable="true")
    element.attrib.update({"name": "item", "minOccurs": "0", "maxOccurs": "unbounded", "form": "unqualified"})
    sequence.append(element)


def _fill_array(type_: Element, written: str, place: Mapping[str | None, str]) -> None:
    """Make ``type_`` an array of what stands before the last brackets of a ``wsdl:arrayType``."""
    item = written[: written.rindex("[")] if "[" in written else written
    type_.set(_ARRAY_TYPE, written)
    missing = {prefix: namespace for prefix, namespace in place.items() if prefix and prefix not in type_.nsmap}
    sequence = etree.SubElement(type_, f"{_XS}sequence", nsmap=missing)
    item_attributes = {"minOccurs": "0", "maxOccurs": "unbounded", "nillable": "true", "form": "unqualified"}
    element = etree.SubElement(sequence, f"{_XS}element", {"name": "item", **item_attributes})
    if item.endswith("]"):
        _fill_array(etree.SubElement(element, f"{_XS}complexType"), item, place)
    else:
        element.set("type", item)


def _array_type(derivation: Element) -> tuple[str, Mapping[str | None, str]]:
    for attribute in derivation.iter(f"{_XS}attribute"):
        written = attribute.get(_ARRAY_TYPE)
        if written:
            return written.strip(), cast("Mapping[str | None, str]", attribute.nsmap)
    return "", {}


def _meaning(node: Element, attribute: str) -> str:
    prefix, _, name = (node.get(attribute) or "").strip().rpartition(":")
    return ns.clark(node.nsmap.get(prefix or None, "") or "", name) if name else ""


def _xs_prefix(node: Element) -> str:
    prefix = next((prefix for prefix, namespace in node.nsmap.items() if namespace == ns.XSD), None)
    return f"{prefix}:" if prefix else ""


def _schema(namespace: str, elements: Mapping[str, Carried]) -> Element:
    """The schema of one namespace's wrappers, with a prefix and an import for every namespace that it refers to."""
    used = {ns.split(part.type or part.element)[0] for carried in elements.values() for part in carried.parts}
    others = sorted(used - {"", ns.XSD})
    prefixes = {"xs": ns.XSD, **{f"n{number}": other for number, other in enumerate(others, 1)}}
    root = etree.Element(f"{_XS}schema", nsmap=prefixes)
    if namespace:
        root.set("targetNamespace", namespace)
    for other in {*others, *({""} & used)} - {namespace}:
        etree.SubElement(root, f"{_XS}import", {"namespace": other} if other else {})
    for name, carried in elements.items():
        _write(root, name, carried)
    return root


def _write(schema: Element, name: str, carried: Carried) -> None:
    """The wrapper: its parts in order, without a namespace. Encoded parts may be nil, or missing."""
    element = etree.SubElement(schema, f"{_XS}element", name=name)
    sequence = etree.SubElement(etree.SubElement(element, f"{_XS}complexType"), f"{_XS}sequence")
    for part in carried.parts:
        namespace, local = ns.split(part.element or part.type)
        prefix = next((prefix for prefix, known in schema.nsmap.items() if known == namespace), None)
        written = f"{prefix}:{local}" if prefix else local
        place = {"minOccurs": "0"} if carried.encoded else {}
        if part.element:
            etree.SubElement(sequence, f"{_XS}element", {"ref": written, **place})
        else:
            nil = {"nillable": "true"} if carried.encoded else {}
            own = {"name": part.name, "type": written, "form": "unqualified"}
            etree.SubElement(sequence, f"{_XS}element", {**own, **place, **nil})


def referred(schema: Element) -> Iterator[str]:
    """The namespaces that a schema's components are taken from."""
    for node in schema.iter(f"{_XS}*"):
        for attribute in (*_NAMES, "itemType", "substitutionGroup"):
            if node.get(attribute):
                yield ns.split(_meaning(node, attribute))[0]
