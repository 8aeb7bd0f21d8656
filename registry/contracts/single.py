"""A WSDL and everything it imports as one document, for clients that follow no imports (WCF's ``?singleWsdl``)."""

from __future__ import annotations

from lxml import etree

from registry.contracts.documents import LIMITS, WSDL, join, locations
from registry.model import PublishedContract
from transformers import charset, ns, xml
from transformers.document import Element

_SCHEMA = f"{{{ns.XSD}}}schema"
_TYPES = f"{{{WSDL}}}types"

#: WSDL 1.1 §2.1: the order in which a definitions element holds its parts.
_ORDER = tuple(f"{{{WSDL}}}{name}" for name in ("types", "message", "portType", "binding", "service"))


def read_published(contract: PublishedContract, name: str) -> Element:
    """One document of a published contract, parsed anew."""
    return xml.parse(charset.read(contract.documents[name]).text_utf8, LIMITS)


def single(contract: PublishedContract) -> Element:
    """The main WSDL with what it imports written into it; locations that stay are names of the contract's documents.

    A WSDL of another namespace, and a schema that takes its includer's namespace, cannot stand inside: they stay
    imports.
    """
    root = _opened(contract, contract.main)
    _merge_definitions(root, contract)
    _embed_schemas(root, contract)
    return root


def _opened(contract: PublishedContract, name: str) -> Element:
    root = read_published(contract, name)
    for element, attribute, location in locations(root):
        element.set(attribute, join(name, location))
    return root


def _merge_definitions(root: Element, contract: PublishedContract) -> None:
    merged = {contract.main}
    while True:
        imports = [
            element
            for element in root.iterchildren(f"{{{WSDL}}}import")
            if element.get("location", "") in contract.documents
            and element.get("namespace") == root.get("targetNamespace")
        ]
        if not imports:
            break
        for element in imports:
            root.remove(element)
            name = element.get("location", "")
            if name not in merged:
                merged.add(name)
                root.extend(xml.detached(child) for child in _opened(contract, name).iterchildren("{*}*"))
    root[:] = sorted(root, key=lambda child: _ORDER.index(child.tag) if child.tag in _ORDER else -1)


def _embed_schemas(root: Element, contract: PublishedContract) -> None:
    types = root.find(_TYPES)
    if types is None:
        return
    embedded: set[str] = set()
    waiting = list(root.iter(_SCHEMA))
    while waiting:
        schema = waiting.pop(0)
        for element, attribute, name in list(locations(schema)):
            if name not in contract.documents or etree.QName(element).localname == "redefine":
                continue
            if name not in embedded:
                target = _opened(contract, name)
                if not target.get("targetNamespace") and schema.get("targetNamespace"):
                    continue
                embedded.add(name)
                types.append(target)
                waiting.append(target)
            if etree.QName(element).localname == "include":
                schema.remove(element)
            else:
                del element.attrib[attribute]
