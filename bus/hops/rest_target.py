"""The operation that a REST request means, and its document: fields of path and query merged with the body."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from bus.errors import BadRequest, FaceNotOffered, MethodNotAllowed, ParameterInvalid, UnknownOperation
from bus.hops.stage import content_of
from bus.hops.suggest import missing
from bus.message import Content, Message
from registry.model import Route, ServiceVersion
from transformers import json_text
from transformers.document import Json


def rest_target(message: Message, version: ServiceVersion) -> Message:
    """Answer the message with its operation and its whole document.

    Raises FaceNotOffered, UnknownOperation, MethodNotAllowed, ParameterInvalid or BadRequest.
    """
    if "rest" not in version.faces:
        raise FaceNotOffered(
            f"{version.service} is not offered over REST; it speaks {', '.join(sorted(version.faces)) or 'nothing'}"
        )
    target = message.target
    route, fields = _find(target.method, target.path, version)
    message = replace(message, version=version, operation=route.operation)
    form = route.operation.http_form
    if not fields and not target.query and not form.scattered:
        return message
    content = content_of(message)
    sent = bool(message.body or content.size)
    outside, violations = form.gather(fields, target.query, message.headers)
    if violations:
        names = ", ".join(violation.path[1:][:64] for violation in violations[:3])
        raise ParameterInvalid(f"the request's fields are not as the contract says: {names}", violations)
    if not outside and not (sent and form.body):
        return message
    document = merged({form.body: content.document} if sent and form.body else content.document, outside)
    if sent:
        return replace(message, content=Content(document, None, content.size), body=b"")
    # A request without a body has its whole document in its address: write it, so that the journal can show it.
    return replace(message, content=Content(document), body=json_text.dumps(document), content_type="application/json")


def merged(body: object, fields: Mapping[str, Json]) -> dict[str, Json]:
    """One object of the body's fields and those that stood outside of it; a name given twice must say the same twice.

    Raises BadRequest.
    """
    if not isinstance(body, dict):
        raise BadRequest("the path or query carries fields, so the body must be a JSON object")
    document: dict[str, Json] = dict(body)
    for name, value in fields.items():
        if name in document and _text(document[name]) != _text(value):
            raise BadRequest(f"the field {name[:64]!r} is given twice with different values")
        document.setdefault(name, value)
    return document


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json_text.dumps(value).decode()


def _find(method: str, path: str, version: ServiceVersion) -> tuple[Route, Mapping[str, str]]:
    allowed: list[str] = []
    for route in version.routes:
        fields = route.match(path)
        if fields is not None:
            if route.method == method:
                return route, fields
            allowed.append(route.method)
    if allowed:
        raise MethodNotAllowed(
            f"this path of {version.service} does not answer {method}; it answers {', '.join(sorted(set(allowed)))}",
            allowed=tuple(sorted(set(allowed))),
        )
    templates = (route.template for route in version.routes)
    # The path may hold a patient's number where a field was meant.
    raise UnknownOperation(missing(f"path of {version.service}", path, templates, secret=True))
