"""What a WSDL offers, as a draft of a manifest and the lines of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bus.commands.import_files import Gathered
from bus.commands.import_manifest import Draft, Found, guess_effect, provider_url, service_name
from registry.catalogue import Catalogue
from registry.contracts.documents import WSDL, closure
from registry.contracts.wsdl import NOT_SOAP, WsdlContract, WsdlOperation, read_wsdl
from registry.errors import ManifestInvalid
from transformers.document import Element
from transformers.xml import local_name

_BINDINGS = {
    "http://schemas.xmlsoap.org/wsdl/soap/": "soap11",
    "http://schemas.xmlsoap.org/wsdl/soap12/": "soap12",
    "http://schemas.xmlsoap.org/wsdl/http/": "HTTP form or query",
}
_HTTP = "http://schemas.xmlsoap.org/soap/http"
_HTTP_12 = "http://www.w3.org/2003/05/soap/bindings/HTTP/"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the WSDL: ``protocol`` is empty where the bus cannot call it, and ``why`` then says why."""

    name: str
    protocol: str
    address: str
    why: str = ""


def draft_wsdl(gathered: Gathered, source: str, name: str, system: str) -> tuple[Draft, list[tuple[str, list[str]]]]:
    """The draft, and the report's paragraphs: a heading with its lines each. Raises ManifestInvalid."""
    catalogue = Catalogue(gathered.files)
    documents = closure(catalogue, gathered.main)
    ports = list(_ports(documents))
    contract = _read(catalogue, gathered.main, ports)
    chosen = next((port for port in ports if port.protocol), None)
    protocol = chosen.protocol if chosen else min(next(iter(contract.operations.values())).protocols)
    title = _title(documents, gathered.main)
    url, remark = provider_url(chosen.address if chosen else "")
    operations = tuple(_found(each, contract) for each in contract.operations.values())
    draft = Draft(
        kind="wsdl",
        source=source,
        name=name or service_name(title),
        title=title,
        file=gathered.main,
        protocol=protocol,
        protocol_note=f"of the port {chosen.name}" if chosen else "no port says so; the bindings do",
        charset=gathered.charset,
        url=url,
        url_note=remark,
        gate="warn",
        operations=operations,
        system=system,
    )
    return draft, _report(contract, ports, chosen, draft)


def _read(catalogue: Catalogue, main: str, ports: list[Port]) -> WsdlContract:
    """The contract. Raises ManifestInvalid, with what its ports are where none of them is SOAP."""
    try:
        return read_wsdl(catalogue, main)
    except ManifestInvalid as error:
        told = "; ".join(f"the port {port.name} is {port.why}" for port in ports if port.why)
        if not told:
            raise
        raise ManifestInvalid(
            tuple(replace(each, hint=told) if each.message == NOT_SOAP else each for each in error.problems)
        ) from error


def _found(each: WsdlOperation, contract: WsdlContract) -> Found:
    effect, why = guess_effect(each.name)
    notes = []
    if each.encoded:
        notes.append("rpc/encoded (SOAP 1.1 section 5)")
    if each.headers:
        notes.append(f"SOAP headers: {', '.join(_local(header) for header in each.headers)}")
    if each.faults:
        notes.append(f"faults: {', '.join(each.faults)}")
    checked = contract.schemas is not None and bool(each.element) and not each.encoded
    return Found(each.name, "", effect, why, tuple(notes), checked)


def _report(
    contract: WsdlContract, ports: list[Port], chosen: Port | None, draft: Draft
) -> list[tuple[str, list[str]]]:
    told = []
    for port in ports:
        if port is chosen:
            told.append(f"taken  {port.name}: {port.protocol} at {port.address or 'no address'}")
        elif port.protocol:
            told.append(f"left   {port.name}: {port.protocol}; one is enough, the bus speaks every version to callers")
        else:
            told.append(f"left   {port.name}: {port.why}")
    operations = [
        f"{each.name}  {guess_effect(each.name)[0]} (guess)  {_style(each)}{_details(each)}"
        for each in contract.operations.values()
    ]
    return [
        ("ports", told or ["none: the address is for you to write"]),
        ("charset", [f"{draft.charset}, as the WSDL itself is written (guess)"]),
        (f"operations ({len(operations)})", operations),
    ]


def _style(each: WsdlOperation) -> str:
    return f"{each.style}/{'encoded' if each.encoded else 'literal'} {'+'.join(sorted(each.protocols))}"


def _details(each: WsdlOperation) -> str:
    parts = []
    if each.headers or each.reply_headers:
        parts.append("headers " + ", ".join(_local(header) for header in (*each.headers, *each.reply_headers)))
    if each.faults:
        parts.append("faults " + ", ".join(each.faults))
    return f"  ({'; '.join(parts)})" if parts else ""


def _ports(documents: Mapping[str, Element]) -> Iterator[Port]:
    bindings = {
        str(binding.get("name")): binding for root in documents.values() for binding in root.iter(f"{{{WSDL}}}binding")
    }
    for root in documents.values():
        for port in root.iter(f"{{{WSDL}}}port"):
            binding = bindings.get(str(port.get("binding", "")).rpartition(":")[2])
            address = next((str(each.get("location", "")) for each in port if local_name(each) == "address"), "")
            yield _port(str(port.get("name")), binding, address)


def _port(name: str, binding: Element | None, address: str) -> Port:
    inner = next((each for each in binding if local_name(each) == "binding"), None) if binding is not None else None
    if inner is None:
        return Port(name, "", address, "without a binding that says how to call it")
    protocol = _BINDINGS.get(str(inner.tag)[1:].partition("}")[0], "")
    if not protocol.startswith("soap"):
        return Port(name, "", address, f"bound to {protocol or 'an unknown protocol'}, which is no SOAP")
    transport = str(inner.get("transport", _HTTP))
    if transport not in (_HTTP, _HTTP_12):
        return Port(name, "", address, f"bound to the transport {transport}, and the bus calls over HTTP")
    return Port(name, protocol, address)


def _title(documents: Mapping[str, Element], main: str) -> str:
    services = (service.get("name") for root in documents.values() for service in root.iter(f"{{{WSDL}}}service"))
    return str(next(services, None) or documents[main].get("name") or main.rpartition(".")[0])


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
