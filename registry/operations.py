"""One operation of a service version: everything that the hot path needs of it, compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from registry.attachments import binaries
from registry.bench import Bench
from registry.bridges import checked, names_of, own_operation
from registry.certificates import require_extra
from registry.conformity import nearest
from registry.contracts.held import contracts
from registry.contracts.openapi import OpenApiContract, OpenApiOperation
from registry.contracts.wsdl import WsdlContract, WsdlOperation
from registry.failure_policy import compile_failure_policy
from registry.findings import Findings, Spot
from registry.hip_step import hip_action
from registry.inside import compile_inside
from registry.keys import checked_xpath, compile_keys
from registry.library import Library
from registry.mapping import OperationMapping
from registry.model import Call, Check, Effect, Form, Key, Operation, Policy, Protocol, Provider, Security, Validator
from registry.operation_faults import find_faults
from registry.outcome_query import compile_query
from registry.paths import parse_path
from registry.rest_faces import RestFace, http_form, rest_face
from registry.shapes import Conversions, by_xsd, conversions, described_side
from transformers.blocks import Blocks
from transformers.encoded import SoapEncoding
from transformers.masking import DEFAULT_RULES, Rules


@dataclass(frozen=True, slots=True)
class VersionScope:
    """What all operations of a version share. ``contract`` and ``openapi`` are None where there is none that reads.

    ``has_contract`` says that there is a WSDL, ``has_openapi`` that there is a description; either may be broken.
    """

    bench: Bench
    service: str
    version: str
    faces: frozenset[Protocol]
    provider: Provider | None
    has_provider: bool
    has_contract: bool
    has_openapi: bool
    contract: WsdlContract | None
    openapi: OpenApiContract | None
    provider_contract: WsdlContract | None
    namespaces: Mapping[str, str]
    policy: Policy
    hip: bool = False
    security: Security | None = None

    @property
    def namespace(self) -> str:
        """The namespace of elements that neither a manifest nor a WSDL names."""
        return f"urn:meridian:{self.service}:{self.version}"


def merge_policy(base: Policy, raw: Mapping[str, Any], spot: Spot, findings: Findings) -> Policy:
    """``base`` with the fields that a manifest sets."""
    values = {field.name: getattr(base, field.name) for field in fields(Policy)} | dict(raw)
    if "on_failure" in raw:
        values["on_failure"], problems = compile_failure_policy(raw["on_failure"], spot.at("on_failure"))
        findings.add(problems)
    return Policy(**values)


def compile_operation(raw: Mapping[str, Any], scope: VersionScope, spot: Spot) -> tuple[Operation, Conversions]:
    """An operation and its conversions; whatever of it does not compile becomes a finding and is left out."""
    bound = _bound(raw, scope, spot)
    described = _described(raw, scope, spot)
    form: Form = raw.get("form") or ("xml" if scope.has_contract else "json")
    scope.bench.findings.add(find_faults(raw, form, scope.has_provider, scope.has_contract, spot))
    soap = raw.get("soap", {})
    element = soap.get("element") or (bound.element if bound else f"{{{scope.namespace}}}{raw['name']}")
    reply = soap.get("reply_element") or (
        bound.reply_element if bound else f"{{{scope.namespace}}}{raw['name']}Response"
    )
    contract = described or (scope.contract if bound else None)
    # Behind a HIPMessageServer the operation's own element is on nobody's wire; its schema names the document.
    elements = (soap.get("element", ""), soap.get("reply_element", "")) if scope.hip else (element, reply)
    by = conversions(raw, scope.bench, contract, elements, spot)
    face = rest_face(raw, described)
    call = raw.get("call", {})
    sides = ("request", "reply", "sent", "received")
    checks = {side: _check(side, raw, form, scope, spot, described) for side in sides}
    theirs = scope.bench.findings.attempt(lambda: own_operation(raw, scope.provider_contract, spot))
    own = _own_conversions(raw, theirs, scope, spot)
    names = names_of(call)
    shape = by.reply.shape if by.reply else None
    mapping = OperationMapping(
        raw, form, scope.bench, scope.namespaces, scope.provider, by, spot, own, names,
        restore=names.back(reply, shape) if names is not None else None,
    )  # fmt: skip
    encodings = _encodings(bound, by)
    effect = raw.get("effect") or (described.effect if described else "read" if face.method == "GET" else "write")
    action = soap.get("action") or (bound.action if bound else "")
    keys = _keys("keys", raw, form, scope, spot)
    operation = Operation(
        service=scope.service,
        version=scope.version,
        name=raw["name"],
        title=raw.get("title") or ({"en": described.summary} if described and described.summary else {}),
        effect=effect,
        mode="async" if "starts" in raw or "raises" in raw else raw.get("mode", "sync"),
        form=form,
        policy=_policy(raw, scope, spot, effect),
        call=_call(
            call,
            face,
            hip_action(raw.get("request")) or (theirs.action if theirs else action),
            scope,
            described,
            _encodings(theirs, own) if own else (None, None) if names else encodings,
        ),
        element=element,
        reply_element=reply,
        action=action,
        http_method=face.method,
        http_path=face.path,
        http_form=http_form(face, described, by.request.schema if by.request else None),
        request=mapping.request(),
        reply=mapping.reply(),
        request_check=checks["request"],
        reply_check=checks["reply"],
        contracts=contracts(checks, scope.contract, _schemas_of(described, scope.bench.library), scope.bench.library),
        keys=keys,
        reply_keys=_keys("reply_keys", raw, form, scope, spot),
        order_by=_order_by(raw, keys, scope, spot),
        query=compile_query(raw.get("query"), spot.at("query"), scope.bench.findings),
        to_json=by.request.to_json if by.request else None,
        to_xml=by.request.to_xml if by.request else None,
        reply_to_json=by.reply.to_json if by.reply else None,
        reply_to_xml=by.reply.to_xml if by.reply else None,
        shape=by.request.shape if by.request else None,
        reply_shape=by.reply.shape if by.reply else None,
        encoding=encodings[0],
        reply_encoding=encodings[1],
        header=_blocks(bound.headers if bound else (), scope),
        reply_header=_blocks(bound.reply_headers if bound else (), scope),
        faults=_blocks(bound.faults.values() if bound else (), scope),
        attachments=scope.provider.attachments if scope.provider else None,
        **_binaries(scope, by),
        request_inside=compile_inside(raw, "request", form, element),
        reply_inside=compile_inside(raw, "reply", form, reply),
        encloses=mapping.encloses(),
        discloses=mapping.discloses(),
        masks=_masks(raw, scope, spot),
        starts=raw.get("starts", ""),
        raises=raw.get("raises", ""),
        supersedes=raw.get("supersedes", ""),
        own=described.own if described and face.is_described else None,
        schema=by.request.schema if by.request else None,
        reply_schema=by.reply.schema if by.reply else None,
        require=_require(raw, scope, spot),
    )
    return operation, by


def _policy(raw: Mapping[str, Any], scope: VersionScope, spot: Spot, effect: Effect) -> Policy:
    """The version's policy with the operation's own fields. Only a workflow can compensate, and only a synchronous
    read be answered from a cache: a version's ``downtime: cached`` is meant for those of its operations."""
    policy = merge_policy(scope.policy, raw.get("policy", {}), spot.at("policy"), scope.bench.findings)
    if raw.get("mode") == "async" and any(rule.action == "compensate" for rule in policy.on_failure):
        hint = "park it, so that a person decides"
        message = f"{raw['name']} is delivered by itself, and no workflow could compensate it"
        scope.bench.findings.add([spot.at("policy", "on_failure").problem(message, hint)])
    asynchronous = raw.get("mode") == "async" or "starts" in raw or "raises" in raw
    if policy.downtime == "cached" and (effect == "write" or asynchronous):
        if raw.get("policy", {}).get("downtime") == "cached":
            what = "is asynchronous and waits anyway" if asynchronous else "is a write, and no cache can do it"
            problem = spot.at("policy", "downtime").problem(f"{raw['name']} {what}", "drop downtime")
            scope.bench.findings.add([problem])
        return replace(policy, downtime="error")
    return policy


def _schemas_of(described: OpenApiOperation | None, library: Library) -> Callable[[str], Validator] | None:
    return None if described is None else lambda side: described_side(library, described, side).validator


def _require(raw: Mapping[str, Any], scope: VersionScope, spot: Spot) -> frozenset[str]:
    """What callers must sign and encrypt: the operation's own word, or its version's."""
    own = scope.security.require if scope.security else frozenset()
    if "require" not in raw:
        return own
    require = frozenset(raw["require"])
    if "encryption" in require and (scope.security is None or scope.security.identity is None):
        hint = "give the version a security with key and certificate"
        scope.bench.findings.add([spot.at("require").problem("nothing can be decrypted without a key", hint)])
    if require:
        scope.bench.findings.attempt(lambda: require_extra(spot.at("require")))
    return require


def _bound(raw: Mapping[str, Any], scope: VersionScope, spot: Spot) -> WsdlOperation | None:
    """The operation of this name in the version's WSDL."""
    if scope.contract is None or scope.hip:
        return None
    bound = scope.contract.operations.get(raw["name"])
    if bound is None:
        hint = nearest(raw["name"], scope.contract.operations)
        message = f"the WSDL {scope.contract.file} binds no operation {raw['name']!r}"
        scope.bench.findings.add([spot.at("name").problem(message, hint)])
    return bound


def _described(raw: Mapping[str, Any], scope: VersionScope, spot: Spot) -> OpenApiOperation | None:
    """The operation of this name in the version's OpenAPI description."""
    if scope.openapi is None:
        return None
    found = scope.openapi.operations.get(raw["name"])
    if found is None:
        hint = nearest(raw["name"], scope.openapi.operations)
        message = f"{scope.openapi.file} describes no operation {raw['name']!r} that the bus can carry"
        scope.bench.findings.add([spot.at("name").problem(message, hint)])
    return found


def _own_conversions(
    raw: Mapping[str, Any], theirs: WsdlOperation | None, scope: VersionScope, spot: Spot
) -> Conversions | None:
    """The conversions by the provider's own WSDL, where it has one."""
    contract = scope.provider_contract
    if theirs is None or contract is None:
        return None
    own = conversions(raw, scope.bench, contract, (theirs.element, theirs.reply_element), spot)
    return scope.bench.findings.attempt(lambda: checked(own, spot, f"the provider's {theirs.name}"))


def _blocks(elements: Iterable[str], scope: VersionScope) -> Blocks | None:
    """The elements that a WSDL declares beside a document, by their schemas; None where it declares none."""
    contract = scope.contract
    if contract is None or contract.schemas is None:
        return None
    convert = partial(by_xsd, scope.bench.library, contract.schemas, file=contract.file)
    made = [scope.bench.findings.attempt(partial(convert, each)) for each in dict.fromkeys(elements)]
    shapes = [each.shape for each in made if each is not None and each.shape is not None]
    return Blocks(shapes) if shapes else None


def _encodings(bound: WsdlOperation | None, by: Conversions) -> tuple[SoapEncoding | None, SoapEncoding | None]:
    """How request and reply of an rpc/encoded operation are read and written; None for literal ones."""
    if bound is None or not bound.encoded:
        return None, None
    shapes = (side.shape if side is not None else None for side in (by.request, by.reply))
    request, reply = (SoapEncoding(shape) if shape is not None else None for shape in shapes)
    return request, reply


def _call(
    call: Mapping[str, Any],
    face: RestFace,
    action: str,
    scope: VersionScope,
    described: OpenApiOperation | None,
    encodings: tuple[SoapEncoding | None, SoapEncoding | None],
) -> Call:
    """The provider's side: as its contract says; else a REST provider is called as the bus is."""
    if scope.provider is None or scope.provider.protocol != "rest":
        request, reply = encodings
        path = call.get("path", "")
        return Call("POST", path, call.get("action", action), encoding=request, reply_encoding=reply)
    if described is not None and not call:
        return Call(described.method, described.path, form=described.form)
    if call:
        return Call(call.get("method", "POST"), call.get("path", ""))
    return Call(face.method, face.path) if face.written else Call()


def _check(
    side: str, raw: Mapping[str, Any], form: Form, scope: VersionScope, spot: Spot, described: OpenApiOperation | None
) -> Check | None:
    written = raw.get("checks", {}).get(side)
    if written is None:
        return None
    place, findings = spot.at("checks", side), scope.bench.findings
    validator = findings.attempt(lambda: _validator(written, side, scope, place, described))
    return None if validator is None else Check(written.get("gate", "reject"), validator)


def _validator(
    written: Mapping[str, Any], side: str, scope: VersionScope, place: Spot, described: OpenApiOperation | None
) -> Validator | None:
    library = scope.bench.library
    if "openapi" in written:
        if not scope.has_openapi:
            raise place.refuse("openapi: true, but the version has no description", "name it under contract")
        return described_side(library, described, side).validator if described else None
    if "json_schema" in written:
        return library.json_schema(library.file(written["json_schema"], place.at("json_schema"))).validator
    if "xsd" in written:
        name = library.file(written["xsd"], place.at("xsd"))
        return library.xsd_validator(library.schemas(name), name)
    if scope.contract is None:
        return None
    if scope.contract.schemas is None:
        raise place.refuse("the WSDL holds no schema to check against", "give an xsd, or leave the check out")
    return library.xsd_validator(scope.contract.schemas, scope.contract.file)


def _order_by(raw: Mapping[str, Any], keys: tuple[Key, ...], scope: VersionScope, spot: Spot) -> Key | None:
    """The request key that keeps accepted messages in order; one that does not compile has its problem already."""
    name = raw.get("order_by")
    if name is not None and name not in raw.get("keys", {}):
        hint = nearest(name, raw.get("keys", {})) or "declare it under keys: an order needs a key of the request"
        message = f"order_by names {name!r}, which is no key of {raw['name']}"
        scope.bench.findings.add([spot.at("order_by").problem(message, hint)])
    return next((key for key in keys if key.name == name), None)


def _keys(field: str, raw: Mapping[str, Any], form: Form, scope: VersionScope, spot: Spot) -> tuple[Key, ...]:
    return compile_keys(raw.get(field, {}), form, scope.namespaces, spot.at(field), scope.bench.findings)


def _binaries(scope: VersionScope, by: Conversions) -> dict[str, Any]:
    if scope.provider is None or scope.provider.attachments is None:
        return {}
    sides = {"binaries": by.request, "reply_binaries": by.reply}
    return {name: binaries(side.shape) for name, side in sides.items() if side and side.shape}


def _masks(raw: Mapping[str, Any], scope: VersionScope, spot: Spot) -> Rules:
    rules = DEFAULT_RULES
    for number, path in enumerate(raw.get("masks", ())):
        place = spot.at("masks", number)
        if parse_path(path) is None and not scope.bench.findings.attempt(
            lambda path=path, place=place: checked_xpath(path, scope.namespaces, place)  # type: ignore[misc]
        ):
            continue
        rules = rules.extended([path], scope.namespaces)
    return rules
