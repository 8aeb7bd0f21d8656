"""A version's WSDL and schemas as the bus publishes them: the provider's own, with the bus's addresses."""

from __future__ import annotations

import re
from urllib.parse import quote

from lxml import etree

from registry.contracts.documents import WSDL, join, locations
from registry.contracts.single import read_published, single
from registry.model import PublishedContract, ServiceVersion
from transformers import xml
from transformers.document import Element

#: WSDL 1.1 §3.7 and the SOAP 1.2 binding: where each binding writes its address, and which face that is.
_ADDRESSES = {
    "{http://schemas.xmlsoap.org/wsdl/soap/}address": "soap11",
    "{http://schemas.xmlsoap.org/wsdl/soap12/}address": "soap12",
}
_PREFIX = re.compile(r"(?:^|\s)([^\W\d][\w.-]*):")


def publish(version: ServiceVersion, document: str, base: str, path: str = "") -> bytes | None:
    """One document of a version's contract (empty: the WSDL itself), or None where there is none of this name.

    ``base`` is the bus's public address from its settings, never what a caller's Host header says; ``path`` is
    where the contract was asked for, ``/soap/{service}/{version}`` when empty. SOAP addresses become the two
    together, imports that address with ``?xsd=<document>``. What the bus does not offer is left out: ports of other
    protocols (HTTP GET and POST), of a SOAP version that is no face, and operations that the manifest does not list.
    """
    contract = version.wsdl
    if contract is None:
        return None
    name = document or contract.main
    if name not in contract.documents:
        return None
    root = read_published(contract, name)
    return _finished(root, name, version, base + quote(path or _path(version)))


def publish_single(version: ServiceVersion, base: str, path: str = "") -> bytes | None:
    """The WSDL with its imports written into it, as WCF's ``?singleWsdl`` has it, or None where there is none.

    What cannot stand inside (a WSDL of another namespace, a schema without one) stays an import.
    """
    if version.wsdl is None:
        return None
    return _finished(single(version.wsdl), "", version, base + quote(path or _path(version)))


def _path(version: ServiceVersion) -> str:
    return f"/soap/{version.service}/{version.version}"


def _finished(root: Element, name: str, version: ServiceVersion, address: str) -> bytes:
    if version.wsdl is not None:
        _place_imports(root, name, version.wsdl, address)
    _place_ports(root, version, address)
    _drop_operations(root, version)
    _drop_unused_prefixes(root)
    return xml.serialise(root, declaration=True)


def _place_imports(root: Element, name: str, contract: PublishedContract, address: str) -> None:
    for element, attribute, location in locations(root):
        target = join(name, location)
        if target in contract.documents:
            element.set(attribute, f"{address}?xsd={quote(target)}")


def _place_ports(root: Element, version: ServiceVersion, address: str) -> None:
    for service in root.iter(f"{{{WSDL}}}service"):
        ports = list(service.iterchildren(f"{{{WSDL}}}port"))
        offered = [port for port in ports if _face(port) in version.faces]
        for port in ports:
            if port not in offered and (offered or not _face(port)):
                service.remove(port)
                continue
            for element in port.iter(*_ADDRESSES):
                element.set("location", address)


def _drop_operations(root: Element, version: ServiceVersion) -> None:
    if version.hip is not None:  # its operations stand behind the one that its WSDL has
        return
    for holder in root.iter(f"{{{WSDL}}}portType", f"{{{WSDL}}}binding"):
        for operation in list(holder.iterchildren(f"{{{WSDL}}}operation")):
            if operation.get("name") not in version.operations:
                holder.remove(operation)


def _face(port: Element) -> str:
    """The SOAP version of a port; empty for any other binding."""
    return next((_ADDRESSES[element.tag] for element in port.iter(*_ADDRESSES)), "")


def _drop_unused_prefixes(root: Element) -> None:
    """Unused declarations mislead real clients: gSOAP speaks SOAP 1.2 where the prefix of its binding is declared."""
    if _needs_bare_names(root):
        return
    used = {
        prefix
        for element in root.iter("{*}*")
        for value in element.attrib.values()
        for prefix in _PREFIX.findall(str(value))
    }
    declared = {prefix for element in root.iter("{*}*") for prefix in element.nsmap if prefix}
    etree.cleanup_namespaces(root, keep_ns_prefixes=sorted(used & declared))


def _needs_bare_names(root: Element) -> bool:
    """Whether a default namespace serves only the names inside attributes, where no cleaner would see its use."""
    used = {element.nsmap.get(None) for element in root.iter("{*}*") if element.prefix is None}
    return any(None in element.nsmap and element.nsmap[None] not in used for element in root.iter("{*}*"))
