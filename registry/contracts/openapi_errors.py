"""The error responses of a published description: problems (RFC 9457), with the provider's own document inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_MEDIA = "application/problem+json"

#: What the bus answers instead of a reply; see ``docs/errors.md``.
PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": {"type": "string", "description": "The message id, under which the console shows the exchange."},
        "code": _TEXT,
        "violations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": _TEXT, "message": _TEXT},
            },
        },
        "retry_after": {"type": "number", "description": "Seconds."},
        "provider": {
            "type": "object",
            "description": "The provider's own words, where it was the provider that refused.",
            "properties": {"status": {"type": "integer"}, "code": _TEXT, "reason": _TEXT, "detail": {}},
        },
    },
}

#: The provider's word about the question itself; its other errors are its own trouble, which is 502 here.
PASSED_ON = frozenset({400, 404, 406, 409, 410, 412, 422, 423})


#: The statuses of the bus's own errors that a REST caller should be ready for.
_STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The request cannot be read"),
    401: ("NotAuthenticated", "Not authenticated"),
    403: ("NotPermitted", "Not permitted"),
    404: ("NotFound", "No such service, version or operation"),
    413: ("TooLarge", "The document is too large"),
    422: ("ContractViolation", "The document breaks its contract"),
    429: ("RateLimited", "Too many calls"),
    500: ("BusFailure", "The bus failed, or the outcome is unknown"),
    502: ("ProviderFailure", "The provider answered with a fault, or cannot be reached"),
    503: ("Unavailable", "The provider or the bus is unavailable for now"),
    504: ("ProviderTimeout", "The provider did not answer in time"),
}


def failures(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The reusable responses of the bus's own errors, by name; ``problem`` refers to their schema."""
    return {name: _response(words, problem) for name, words in (*_STATUSES.values(), ("Failure", "Any other failure"))}


def own_failures(responses: Mapping[str, Any], problem: Mapping[str, Any]) -> dict[str, Any]:
    """The error responses of one operation, by status; ``responses`` are those of the provider's own description.

    Where a caller meets the provider's status as it is, the response says what the provider's document is.
    """
    made: dict[str, Any] = {str(code): _named(name) for code, (name, _) in _STATUSES.items()}
    for code, response in responses.items():
        if not code.isdigit() or int(code) not in PASSED_ON:
            continue
        words = str(response.get("description", code))
        if int(code) in _STATUSES:
            words += f"; or: {_STATUSES[int(code)][1]}"
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        made[code] = _response(words, problem if schema is None else _with_detail(schema))
    return {**made, "default": _named("Failure")}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{name}"}


def _response(words: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {_MEDIA: {"schema": schema}}}


def _with_detail(schema: Any) -> dict[str, Any]:
    """The problem's schema with this one for the provider's document, written out: generators merge ``allOf`` badly."""
    properties = PROBLEM["properties"]
    provider = properties["provider"]
    detailed = {**provider, "properties": {**provider["properties"], "detail": schema}}
    return {**PROBLEM, "properties": {**properties, "provider": detailed}}
