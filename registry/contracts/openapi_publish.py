"""The OpenAPI 3.1 description that the bus publishes of a service version, whatever its contract is.

What is described is what a REST caller meets: the bus's address, its credentials, its problems (RFC 9457) for every
error, and the JSON of the documents. Operations of an OpenAPI contract keep their own words and schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from registry.contracts.json_schemas import reply_schema, request_schema
from registry.contracts.openapi_components import Components
from registry.contracts.openapi_errors import PROBLEM, failures, own_failures
from registry.model import Operation, ServiceVersion
from registry.routes import template_fields
from transformers.document import Json
from transformers.http_fields import follow, kinds_of, properties_of

_BODILESS = frozenset({"GET", "DELETE"})
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})

_SECURITY = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic"},
}


def publish_openapi(version: ServiceVersion, base: str) -> dict[str, Any] | None:
    """The description of one version, or None where it has no REST face.

    ``base`` is the bus's public address from its settings, never what a caller's Host header says.
    """
    if "rest" not in version.faces:
        return None
    components = Components(version.components)
    problem = components.named("Problem", PROBLEM)
    paths: dict[str, dict[str, Any]] = {}
    for operation in version.operations.values():
        made = (_own if operation.own is not None else _made)(operation, components, problem)
        paths.setdefault(operation.http_path, {})[operation.http_method.lower()] = made
    title = version.title.get("zh") or version.title.get("en") or version.service
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version.version, "description": _description(version)},
        "servers": [{"url": f"{base}/rest/{quote(version.service)}/v/{quote(version.version)}"}],
        "security": [{name: []} for name in _SECURITY],
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "responses": failures(problem),
            "securitySchemes": _SECURITY,
        },
    }


def _description(version: ServiceVersion) -> str:
    english = version.title.get("en", "")
    told = f"{english}. " if english and version.title.get("zh") else ""
    return told + (
        "With the header Prefer: respond-async any call is accepted durably and answered 202 with its message id; "
        "with Idempotency-Key a repeated call is recognised where the operation says so."
    )


def _own(operation: Operation, components: Components, problem: Mapping[str, Any]) -> dict[str, Any]:
    """As the provider describes it, but for what the bus puts in the place of its errors."""
    own = dict(operation.own or {})
    responses: Mapping[str, Any] = own.pop("responses", {})
    success = {code: response for code, response in responses.items() if code.startswith("2")}
    if operation.mode == "async":
        success = _success(operation, components.named("Accepted", reply_schema(operation)))
    elif not success:
        success = {"200": responses.get("default") or {"description": "Done"}}
    return {
        "operationId": operation.name,
        **own,
        "responses": {**success, **own_failures(responses, problem)},
    }


def _made(operation: Operation, components: Components, problem: Mapping[str, Any]) -> dict[str, Any]:
    request, reply = request_schema(operation), reply_schema(operation)
    made: dict[str, Any] = {"operationId": operation.name, "tags": [operation.service]}
    if title := operation.title.get("zh") or operation.title.get("en"):
        made["summary"] = title
    if english := operation.title.get("en", ""):
        made["description"] = english
    if parameters := _parameters(operation, request, components):
        made["parameters"] = parameters
    if operation.http_method not in _BODILESS:
        schema = components.named(f"{operation.name}Request", _without(request, template_fields(operation.http_path)))
        made["requestBody"] = {"required": True, "content": {_media(operation): {"schema": schema}}}
    named = "Accepted" if operation.mode == "async" else f"{operation.name}Reply"
    made["responses"] = {**_success(operation, components.named(named, reply)), **own_failures({}, problem)}
    return made


def _media(operation: Operation) -> str:
    """JSON, unless no schema says how XML would become it."""
    return "application/xml" if operation.form == "xml" and operation.to_xml is None else "application/json"


def _success(operation: Operation, schema: Json) -> dict[str, Any]:
    if operation.mode == "async":
        words = "Accepted: it will be delivered, and the message id says where it is found"
        return {"202": {"description": words, "content": {"application/json": {"schema": schema}}}}
    return {"200": {"description": "The reply", "content": {_media(operation): {"schema": schema}}}}


def _parameters(operation: Operation, request: dict[str, Any], components: Components) -> list[dict[str, Any]]:
    """The fields of the path; and, where no body is sent, every field that a query can hold."""
    known = properties_of(request, request)
    found = follow(request, request)
    required: Any = found.get("required", []) if isinstance(found, dict) else []
    in_path = template_fields(operation.http_path)
    made: list[dict[str, Any]] = []
    for name in in_path:
        schema = components.part(known.get(name, {"type": "string"}), request)
        made.append({"name": name, "in": "path", "required": True, "schema": schema})
    if operation.http_method in _BODILESS:
        for name, part in known.items():
            if name not in in_path and _fits_query(part, request):
                due = {"required": True} if name in required else {}
                made.append({"name": name, "in": "query", **due, "schema": components.part(part, request)})
    return made


def _fits_query(schema: Json, root: Json) -> bool:
    kinds = kinds_of(schema, root)
    if "array" not in kinds:
        return kinds <= _SCALARS
    found = follow(schema, root)
    return isinstance(found, dict) and kinds_of(found.get("items", {}), root) <= _SCALARS


def _without(schema: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a body whose fields of these names stand in the path."""
    found = follow(schema, schema)
    if not names or not isinstance(found, dict) or not isinstance(found.get("properties"), dict):
        return schema
    properties: Any = found["properties"]
    required: Any = found.get("required", [])
    made: dict[str, Any] = {**found, "properties": {key: properties[key] for key in properties if key not in names}}
    made["required"] = [name for name in required if name not in names]
    if not made["required"]:
        del made["required"]
    return {**made, "$defs": schema["$defs"]} if "$defs" in schema else made
