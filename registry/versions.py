"""A service and its versions: provider, contract, operations, and the ways a caller finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from registry.attachments import attachment_rules
from registry.bench import Bench
from registry.certificates import compile_security
from registry.contracts.generate import ACCEPTED, Signature, can_say, generate_wsdl
from registry.contracts.openapi import OpenApiContract
from registry.contracts.wsdl import WsdlContract
from registry.credentials import secret_of
from registry.findings import Spot
from registry.hip import compile_hip
from registry.manifest import Manifest
from registry.model import (
    Auth,
    Endpoint,
    Operation,
    Policy,
    Protocol,
    Provider,
    PublishedContract,
    Service,
    ServiceVersion,
)
from registry.operation_faults import warnings
from registry.operations import VersionScope, compile_operation, merge_policy
from registry.outcome_query import check_queries
from registry.profiles import provider_quirks
from registry.routes import compile_routes, shape
from registry.shapes import Conversions
from transformers import charset
from transformers.errors import TransformerInvalid

ALL_FACES: tuple[Protocol, ...] = ("soap11", "soap12", "rest")


def compile_service(manifest: Manifest, bench: Bench) -> Service:
    """A service with every version that it has; what does not compile becomes findings."""
    spot = Spot(manifest)
    raw = manifest.value
    versions = {
        entry["version"]: _compile_version(raw, entry, spot.at("versions", number), bench)
        for number, entry in enumerate(raw["versions"])
    }
    _doubles(raw["versions"], "version", "version", spot.at("versions"), bench)
    return Service(manifest.name, _default(raw["versions"], spot, bench), versions)


def _default(versions: Sequence[Mapping[str, Any]], spot: Spot, bench: Bench) -> str:
    chosen = [number for number, entry in enumerate(versions) if entry.get("default")]
    for number in chosen[1:]:
        bench.findings.add([spot.at("versions", number, "default").problem("a second default version", "keep one")])
    if not chosen and len(versions) > 1:
        bench.findings.add([spot.at("versions").problem("several versions and no default", "mark one default: true")])
    return str(versions[chosen[0] if chosen else 0]["version"])


def _compile_version(service: Mapping[str, Any], raw: Mapping[str, Any], spot: Spot, bench: Bench) -> ServiceVersion:
    name, version = service["name"], raw["version"]
    faces: frozenset[Protocol] = frozenset(service.get("faces", ALL_FACES))
    contract = _contract(raw, spot, bench)
    openapi = _openapi(raw, spot, bench)
    provider = None
    if "provider" in raw:
        provider = bench.findings.attempt(lambda: _provider(raw["provider"], spot.at("provider"), bench))
    security = None
    if "security" in raw:
        security = bench.findings.attempt(
            lambda: compile_security(raw["security"], bench, spot.at("security"), gives=False)
        )
    scope = VersionScope(
        bench=bench,
        service=name,
        version=version,
        faces=faces,
        provider=provider,
        has_provider="provider" in raw,
        has_contract="wsdl" in raw.get("contract", {}) or "hip" in raw,
        has_openapi="openapi" in raw.get("contract", {}),
        contract=contract,
        openapi=openapi,
        provider_contract=_contract(raw.get("provider", {}), spot.at("provider"), bench),
        namespaces=raw.get("namespaces", {}),
        policy=merge_policy(Policy(), raw.get("policy", {}), spot.at("policy"), bench.findings),
        hip="hip" in raw,
        security=security,
    )
    place = spot.at("operations")
    made: list[tuple[Operation, Conversions]] = []
    for number, entry in enumerate(raw["operations"]):
        made.append(compile_operation(entry, scope, place.at(number)))
        for warning in warnings(entry, place.at(number)):
            bench.findings.warn(warning)
    _doubles(raw["operations"], "name", "operation", place, bench)
    operations = [operation for operation, _ in made]
    bench.findings.add(check_queries(operations, [place.at(number) for number in range(len(operations))]))
    if "rest" in faces:
        _clashes(operations, lambda each: f"{each.http_method} {shape(each.http_path)}", "REST address", place, bench)
    if faces - {"rest"}:
        _clashes(operations, lambda each: each.element if not each.action else "", "SOAP element", place, bench)
        _clashes(operations, lambda each: f"{each.element} {each.action}", "SOAP element and action", place, bench)
    return ServiceVersion(
        service=name,
        version=version,
        system=service["system"],
        title=service.get("title", {}),
        faces=faces,
        provider=provider,
        operations={operation.name: operation for operation in operations},
        by_element=_index(operations, lambda operation: operation.element, first=True),
        by_action=_index(operations, lambda operation: operation.action, first=False),
        routes=compile_routes(operations),
        wsdl=_published(scope, made, spot),
        components=openapi.components if openapi else {},
        hip=compile_hip(name, raw, spot, bench),
        security=security,
        headers=frozenset(raw.get("headers", ())) | (contract.headers if contract else frozenset()),
    )


def _contract(raw: Mapping[str, Any], spot: Spot, bench: Bench) -> WsdlContract | None:
    if "wsdl" not in raw.get("contract", {}):
        return None
    place = spot.at("contract", "wsdl")
    return bench.findings.attempt(lambda: bench.library.wsdl(bench.library.file(raw["contract"]["wsdl"], place)))


def _openapi(raw: Mapping[str, Any], spot: Spot, bench: Bench) -> OpenApiContract | None:
    if "openapi" not in raw.get("contract", {}):
        return None
    place = spot.at("contract", "openapi")
    found = bench.findings.attempt(lambda: bench.library.openapi(bench.library.file(raw["contract"]["openapi"], place)))
    for where, reason in found.left_out.items() if found else ():
        bench.findings.warn(place.problem(f"{where} is left out: it {reason}"))
    return found


def _published(
    scope: VersionScope, made: Sequence[tuple[Operation, Conversions]], spot: Spot
) -> PublishedContract | None:
    """The version's own WSDL; else one generated for its SOAP callers, if every operation has its schemas.

    Of an OpenAPI description those operations are left out that WSDL has no word for.
    """
    if scope.has_contract:
        return scope.contract.published if scope.contract else None
    signatures = [_signature(operation, by) for operation, by in made]
    known = [signature for signature in signatures if signature is not None]
    if scope.openapi is not None and scope.faces - {"rest"}:
        known = [each for each in known if all(can_say(shape, scope.namespace) for shape in (each.request, each.reply))]
        unsaid = ", ".join(sorted({operation.name for operation, _ in made} - {each.name for each in known}))
        if unsaid:
            scope.bench.findings.warn(spot.problem(f"not in the published WSDL, which has no word for them: {unsaid}"))
        made = [(operation, by) for operation, by in made if operation.name not in unsaid.split(", ")]
        if not known:
            return None
    if not scope.faces - {"rest"} or len(known) < len(made) or len({each.name for each in known}) < len(known):
        return None
    try:
        return generate_wsdl(scope.service, scope.namespace, known, soap12="soap11" not in scope.faces)
    except TransformerInvalid as error:
        scope.bench.findings.warn(spot.problem(f"no WSDL can be published: {error}"))
        return None


def _signature(operation: Operation, by: Conversions) -> Signature | None:
    request = by.request.shape if by.request else None
    reply = by.reply.shape if by.reply else None
    if operation.request_inside is not None or operation.reply_inside is not None:
        return None  # the shapes are those of the documents inside
    if operation.mode == "async":
        reply = ACCEPTED
    if request is None or reply is None:
        return None
    title = operation.title.get("zh") or operation.title.get("en") or ""
    return Signature(operation.name, title, operation.action, request, reply)


def _provider(raw: Mapping[str, Any], spot: Spot, bench: Bench) -> Provider:
    endpoints = []
    for number, entry in enumerate(raw["endpoints"]):
        place = spot.at("endpoints", number)
        url = bench.findings.attempt(lambda entry=entry, place=place: _address(entry["url"], bench, place.at("url")))  # type: ignore[misc]
        if url:
            endpoints.append(Endpoint(url, entry.get("weight", 100), entry.get("health", "")))
    if endpoints and not any(endpoint.weight for endpoint in endpoints):
        raise spot.at("endpoints").refuse("every endpoint has weight 0, so none takes traffic")
    if not charset.codec_of(raw.get("charset", "utf-8")):
        raise spot.at("charset").refuse(f"unknown charset {raw['charset']!r}", "for instance utf-8, gbk or gb18030")
    auth, place = raw.get("auth", {"kind": "none"}), spot.at("auth")
    security = None
    if auth["kind"] == "wss-x509":
        security = bench.findings.attempt(lambda: compile_security(auth, bench, place, gives=True))
    if raw["protocol"] == "rest" and (auth["kind"] == "wss-x509" or raw.get("addressing")):
        raise place.refuse("WS-Security and WS-Addressing are for SOAP providers")
    secret = bench.findings.attempt(lambda: secret_of(auth, bench.environ, place))
    return Provider(
        raw["protocol"],
        tuple(endpoints),
        raw.get("charset", "utf-8"),
        Auth(auth["kind"], auth.get("username", ""), secret or "", auth.get("header", ""), security),
        provider_quirks(raw.get("quirks"), spot.at("quirks"), bench.findings),
        bench.findings.attempt(lambda: attachment_rules(raw, spot)),
        raw.get("addressing", False),
    )


def _address(text: str, bench: Bench, spot: Spot) -> str:
    url = bench.environ.resolve(text, spot)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise spot.refuse("not an http:// or https:// address")
    if parts.username or parts.password:
        raise spot.refuse("an address may not hold a password", "put it under auth")
    if parts.query or parts.fragment:
        raise spot.refuse("an endpoint's address has no query and no fragment", "put them into the operation's call")
    return url


def _doubles(entries: Sequence[Mapping[str, Any]], field: str, what: str, spot: Spot, bench: Bench) -> None:
    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        earlier = first.setdefault(entry[field], number)
        if earlier != number:
            line = spot.manifest.source.line(spot.at(earlier).place)
            hint = f"first on line {line}"
            bench.findings.add([spot.at(number, field).problem(f"a second {what} {entry[field]!r}", hint)])


def _clashes(
    operations: Sequence[Operation], of: Callable[[Operation], str], what: str, spot: Spot, bench: Bench
) -> None:
    """Two operations of different names that callers could not tell apart."""
    first: dict[str, Operation] = {}
    for number, operation in enumerate(operations):
        earlier = first.setdefault(of(operation), operation)
        if of(operation).strip() and earlier.name != operation.name:
            message = f"{operation.name} and {earlier.name} have the same {what}: {of(operation)}"
            bench.findings.add([spot.at(number).problem(message)])


def _index(operations: Iterable[Operation], of: Callable[[Operation], str], *, first: bool) -> dict[str, Operation]:
    """Operations by a name of theirs; one that several share means the first of them, or nobody."""
    known = [(of(operation), operation) for operation in operations if of(operation)]
    counts = Counter(name for name, _ in known)
    return {name: operation for name, operation in reversed(known) if first or counts[name] == 1}
