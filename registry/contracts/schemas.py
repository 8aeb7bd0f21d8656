"""The XML Schemas of a WSDL as stand-alone files that import each other, as a validator needs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

from registry.contracts.documents import LIMITS, join, locations
from registry.contracts.rpc import Wrapper, declared_elements, referred, without_encoding, wrapper_schemas
from transformers import ns, xml
from transformers.document import Element
from transformers.xsd_documents import SchemaIndex
from transformers.xsd_shape import Shapes

_SCHEMA = f"{{{ns.XSD}}}schema"
_IMPORT = f"{{{ns.XSD}}}import"
_ALL = "all-schemas.xsd"

#: Between the name of a WSDL and the number of a schema inside it.
_INLINE = ".schema-"


@dataclass(frozen=True)  # without slots, for the cached property
class SchemaSet:
    """Schema files that name each other exactly as they are keyed here, so nothing about them is ambiguous.

    ``documents[main]`` reaches all the others.
    """

    main: str
    documents: Mapping[str, bytes]

    @staticmethod
    def source(name: str) -> str:
        """The file in which a document stands: for a schema inside a WSDL, that WSDL."""
        return name.partition(_INLINE)[0]

    def includes(self) -> dict[str, bytes]:
        """Every file but the main one."""
        return {name: content for name, content in self.documents.items() if name != self.main}

    @cached_property
    def shapes(self) -> Shapes:
        """The shapes of all elements, with the documents read once for all of them. Raises TransformerInvalid."""
        return Shapes(SchemaIndex(self.documents[self.main], self.includes()))


def schemas_of_xsd(documents: Mapping[str, Element]) -> SchemaSet:
    """A schema file and everything it imports; the first of ``documents`` is the main one."""
    for name, root in documents.items():
        _place_imports(root, name, {})
    return SchemaSet(next(iter(documents)), {name: xml.serialise(root) for name, root in documents.items()})


def schemas_of_wsdl(documents: Mapping[str, Element], wrappers: Iterable[Wrapper] = ()) -> SchemaSet | None:
    """The schemas inside and beside the WSDLs among ``documents``, and those that rpc ``wrappers`` imply.

    A WSDL may hold several schemas that import each other by namespace alone, or not at all, or even share one
    namespace. Each becomes a file; one file per namespace gathers its parts; and imports are given that file's
    name. SOAP's own encoding is spelt out in XML Schema. None when there are no schemas.
    """
    files: dict[str, Element] = {}
    inline: dict[str, list[str]] = defaultdict(list)
    for name, root in documents.items():
        if root.tag == _SCHEMA:
            files[name] = deepcopy(root)
            _place_imports(files[name], name, {})
            continue
        for number, schema in enumerate(root.iter(_SCHEMA), 1):
            file = f"{name}{_INLINE}{number}.xsd"
            files[file] = _stand_alone(schema)
            _place_imports(files[file], name, {})
            inline[schema.get("targetNamespace", "")].append(file)
    for number, schema in enumerate(wrapper_schemas(wrappers, declared_elements(files.values())), 1):
        file = f"rpc-{number}.xsd"
        files[file] = schema
        inline[schema.get("targetNamespace", "")].append(file)
    if not files:
        return None
    homes = {namespace: parts[0] for namespace, parts in inline.items()}
    for number, (namespace, parts) in enumerate(sorted(inline.items()), 1):
        if len(parts) > 1:
            homes[namespace] = f"namespace-{number}.xsd"
            files[homes[namespace]] = _gather(namespace, parts)
    for name, schema in files.items():
        without_encoding(schema)
        _spell_out(schema, homes)
        _place_imports(schema, name, homes)
    top = homes or {root.get("targetNamespace", ""): name for name, root in files.items()}
    written = {name: xml.in_place(root) for name, root in files.items()}
    return SchemaSet(_ALL, {_ALL: xml.serialise(_import_all(top)), **written})


def _stand_alone(schema: Element) -> Element:
    """A copy that carries the prefixes which the WSDL around it had declared.

    It is read anew: lxml drops a prefix from a node that it moves to where another one stands for its namespace, and
    names in attributes may use the one that is gone.
    """
    return xml.parse(xml.in_place(schema), LIMITS)


def _spell_out(schema: Element, homes: Mapping[str, str]) -> None:
    """Import what .NET and Axis refer to without saying so, and let a DataSet's ``xs:schema`` be any schema."""
    own = schema.get("targetNamespace", "")
    known = {link.get("namespace", "") for link in schema.iterchildren(_IMPORT)}
    for namespace in sorted({*referred(schema)} - known - {own, ns.XSD, ns.XML}):
        if namespace in homes:
            link = etree.Element(_IMPORT, schemaLocation=homes[namespace])
            if namespace:
                link.set("namespace", namespace)
            schema.insert(0, link)
    for link in list(schema.iterchildren(_IMPORT)):
        if link.get("namespace") in (ns.XSD, ns.SOAPENC):
            schema.remove(link)
    for element in list(schema.iter(f"{{{ns.XSD}}}element")):
        prefix, _, name = (element.get("ref") or "").rpartition(":")
        if name == "schema" and element.nsmap.get(prefix or None) == ns.XSD:
            element.tag = f"{{{ns.XSD}}}any"
            element.set("namespace", ns.XSD)
            element.set("processContents", "skip")
            del element.attrib["ref"]
            for wildcard in element.itersiblings(f"{{{ns.XSD}}}any"):  # the rows, which nothing declares
                wildcard.set("processContents", "lax")


def _gather(namespace: str, parts: list[str]) -> Element:
    root = etree.Element(_SCHEMA, nsmap={"xs": ns.XSD})
    if namespace:
        root.set("targetNamespace", namespace)
    for part in parts:
        etree.SubElement(root, f"{{{ns.XSD}}}include", schemaLocation=part)
    return root


def _place_imports(schema: Element, origin: str, homes: Mapping[str, str]) -> None:
    """Point every import at its file: first by the location written in ``origin``, then by namespace in ``homes``."""
    if homes:
        for element in schema.iter(_IMPORT):
            home = homes.get(element.get("namespace", ""))
            if home and not element.get("schemaLocation"):
                element.set("schemaLocation", home)
        return
    for element, attribute, location in locations(schema):
        element.set(attribute, join(origin, location))


def _import_all(homes: Mapping[str, str]) -> Element:
    root = etree.Element(_SCHEMA, nsmap={"xs": ns.XSD}, targetNamespace="urn:meridian:all-schemas")
    for namespace, file in sorted(homes.items()):
        element = etree.SubElement(root, _IMPORT, schemaLocation=file)
        if namespace:
            element.set("namespace", namespace)
    return root
