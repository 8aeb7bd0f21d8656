"""XML contract files of a catalogue, and everything they import from it: never from a network or a disk."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import cast
from urllib.parse import unquote, urlsplit

from registry.catalogue import Catalogue
from registry.conformity import nearest
from registry.errors import ManifestInvalid, Problem
from transformers import charset, ns, xml
from transformers.document import Element
from transformers.errors import DocumentError

WSDL = "http://schemas.xmlsoap.org/wsdl/"

#: Contracts are larger than messages: a national interface's schemas run to several MiB.
LIMITS = xml.Limits(bytes=16 * 1024 * 1024, nodes=1_000_000)

#: Schemas that contracts import by namespace alone, or from the internet: the bus brings its own copy of them.
KNOWN: Mapping[str, str] = {ns.SOAPENC: "soap-encoding.xsd", ns.XML: "xml.xsd"}

#: The attribute in which each element names another document.
_LOCATIONS = {
    f"{{{WSDL}}}import": "location",
    f"{{{ns.XSD}}}import": "schemaLocation",
    f"{{{ns.XSD}}}include": "schemaLocation",
    f"{{{ns.XSD}}}redefine": "schemaLocation",
}


def read_document(catalogue: Catalogue, name: str) -> Element:
    """The root of an XML file, whatever it is encoded in. Raises ManifestInvalid pointing into that file."""
    try:
        return xml.parse(charset.read(catalogue.files[name]).text_utf8, LIMITS)
    except DocumentError as error:
        raise ManifestInvalid((Problem(name, getattr(error, "line", None) or 1, str(error)),)) from error


def locations(root: Element) -> Iterator[tuple[Element, str, str]]:
    """Every import of a WSDL or XSD: the element, its attribute, and the location written there."""
    for element in root.iter(*_LOCATIONS):
        attribute = _LOCATIONS[element.tag]
        location = element.get(attribute)
        if location:
            yield element, attribute, location


def join(base: str, location: str) -> str:
    """The name that ``location`` means inside the document ``base``; an absolute address stays as it is."""
    if urlsplit(location).scheme or location.startswith("/"):
        return location
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(location.partition("#")[0])))


def closure(catalogue: Catalogue, main: str) -> dict[str, Element]:
    """The document ``main`` and everything it imports, by name, ``main`` first.

    An import from the internet means the file beside it that declares the same namespace, and is rewritten to
    its name. Raises ManifestInvalid with every import that the catalogue does not hold.
    """
    found: dict[str, Element] = {}
    problems: list[Problem] = []
    waiting = [main]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = read_document(catalogue, name)
        except ManifestInvalid as error:
            problems += error.problems
            continue
        _bring_known(catalogue, name, found)
        for element, attribute, location in locations(found[name]):
            target = join(name, location)
            if urlsplit(target).scheme and (beside := _beside(catalogue, name, element.get("namespace"))):
                target = beside
                element.set(attribute, posixpath.relpath(beside, posixpath.dirname(name) or "."))
            if target in found:
                continue
            if target in catalogue.files:
                waiting.append(target)
            else:
                problems.append(_missing(catalogue, name, element, location))
    if problems:
        raise ManifestInvalid(tuple(sorted(problems)))
    return found


def known_schema(namespace: str) -> bytes:
    """The bus's own copy of a schema that everybody knows. Raises KeyError."""
    return files("registry").joinpath("contracts", "known", KNOWN[namespace]).read_bytes()


def _bring_known(catalogue: Catalogue, name: str, found: dict[str, Element]) -> None:
    """Let imports of well-known namespaces mean our copies, unless the catalogue has its own."""
    for element in found[name].iter(f"{{{ns.XSD}}}import"):
        namespace, location = element.get("namespace", ""), element.get("schemaLocation")
        if namespace not in KNOWN or (location and join(name, location) in catalogue.files):
            continue
        if beside := _beside(catalogue, name, namespace):
            element.set("schemaLocation", posixpath.relpath(beside, posixpath.dirname(name) or "."))
            continue
        element.set("schemaLocation", KNOWN[namespace])
        found[join(name, KNOWN[namespace])] = xml.parse(known_schema(namespace), LIMITS)


def _beside(catalogue: Catalogue, name: str, namespace: str | None) -> str:
    """The schema in the same folder that declares this namespace; empty when there is none."""
    folder = posixpath.dirname(name)
    for other in catalogue.files:
        near = other.endswith(".xsd") and posixpath.dirname(other) == folder
        if namespace and near and _declares(catalogue, other, namespace):
            return other
    return ""


def _declares(catalogue: Catalogue, name: str, namespace: str) -> bool:
    try:
        return read_document(catalogue, name).get("targetNamespace") == namespace
    except ManifestInvalid:
        return False  # a broken file is reported where it is used


def _missing(catalogue: Catalogue, name: str, element: Element, location: str) -> Problem:
    line = cast("int | None", element.sourceline) or 1
    if urlsplit(location).scheme:
        return Problem(name, line, f"imports {location} from outside", "put that schema into the same folder")
    beside = {posixpath.relpath(other, posixpath.dirname(name) or ".") for other in catalogue.files}
    return Problem(name, line, f"imports {location}, which is not there", nearest(location, beside))
