"""The XML Schemas of a WSDL as stand-alone files that import each other, as a validator needs them."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

from lxml import etree

from registry.contracts.documents import join, locations
from transformers import ns, xml
from transformers.document import Element

_SCHEMA = f"{{{ns.XSD}}}schema"
_IMPORT = f"{{{ns.XSD}}}import"


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """Schema files by their names relative to the main one.

    ``documents[main]`` imports every namespace, so one validator knows all elements."""

    main: str
    documents: Mapping[str, bytes]

    def includes(self) -> dict[str, bytes]:
        """Every file but the main one."""
        return {name: content for name, content in self.documents.items() if name != self.main}


def schemas_of(documents: Mapping[str, Element]) -> SchemaSet | None:
    """The schemas inside and beside the WSDLs among ``documents``; None when there are none.

    A WSDL may hold several schemas that import each other by namespace alone, or even share one namespace.
    Each becomes a file; one file per namespace gathers its parts; and imports are given that file's name.
    """
    files = {name: root for name, root in documents.items() if root.tag == _SCHEMA}
    origins = {name: name for name in files}
    inline: dict[str, list[str]] = defaultdict(list)
    for name, root in documents.items():
        for number, schema in enumerate(root.iter(_SCHEMA) if root.tag != _SCHEMA else (), 1):
            file = f"{name}.{number}.xsd"
            files[file] = _stand_alone(schema)
            origins[file] = name
            inline[schema.get("targetNamespace", "")].append(file)
    if not files:
        return None
    homes: dict[str, str] = {}
    gathered: dict[str, Element] = {}
    for number, (namespace, parts) in enumerate(sorted(inline.items()), 1):
        homes[namespace] = parts[0]
        if len(parts) > 1:
            homes[namespace] = posixpath.join(posixpath.dirname(parts[0]), f"namespace-{number}.xsd")
            gathered[homes[namespace]] = _gather(namespace, parts, homes[namespace])
    for name, schema in files.items():
        _place_imports(schema, name, origins[name], homes)
    top = homes or {root.get("targetNamespace", ""): name for name, root in files.items()}
    folder = posixpath.dirname(next(iter(documents)))
    main = posixpath.join(folder, "all-schemas.xsd")
    everything = {main: _import_all(top, main), **files, **gathered}
    return SchemaSet(
        _relative(main, main), {_relative(name, main): xml.serialise(root) for name, root in everything.items()}
    )


def _stand_alone(schema: Element) -> Element:
    """A copy that carries the prefixes which the WSDL around it had declared."""
    copied = etree.Element(_SCHEMA, nsmap=cast("dict[str, str]", schema.nsmap))
    for name, value in schema.attrib.items():
        copied.set(name, value)
    copied.extend(deepcopy(child) for child in schema)
    return copied


def _gather(namespace: str, parts: list[str], file: str) -> Element:
    root = etree.Element(_SCHEMA, nsmap={"xs": ns.XSD})
    if namespace:
        root.set("targetNamespace", namespace)
    for part in parts:
        etree.SubElement(root, f"{{{ns.XSD}}}include", schemaLocation=_relative(part, file))
    return root


def _place_imports(schema: Element, file: str, origin: str, homes: Mapping[str, str]) -> None:
    """Point every import at its file: by name where it has one, by namespace where the WSDL holds it itself."""
    for element, attribute, location in locations(schema):
        element.set(attribute, _relative(join(origin, location), file))
    for element in schema.iter(_IMPORT):
        home = homes.get(element.get("namespace", ""))
        if home and not element.get("schemaLocation"):
            element.set("schemaLocation", _relative(home, file))


def _import_all(homes: Mapping[str, str], main: str) -> Element:
    root = etree.Element(_SCHEMA, nsmap={"xs": ns.XSD}, targetNamespace="urn:meridian:all-schemas")
    for namespace, file in sorted(homes.items()):
        element = etree.SubElement(root, _IMPORT, schemaLocation=_relative(file, main))
        if namespace:
            element.set("namespace", namespace)
    return root


def _relative(name: str, base: str) -> str:
    return posixpath.relpath(name, posixpath.dirname(base) or ".")
