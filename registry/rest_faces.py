"""The REST face of an operation: its method and path, and how the fields outside of a request's body are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.contracts.openapi import OpenApiOperation
from registry.routes import template_fault, template_fields
from transformers.http_fields import HttpField, Place, compile_reader, properties_of
from transformers.http_form import WHOLE, HttpForm


@dataclass(frozen=True, slots=True)
class RestFace:
    """Where callers find an operation.

    ``written``: the manifest says so. ``is_described``: it is as the operation's own OpenAPI description says.
    """

    method: str
    path: str
    written: bool = True
    is_described: bool = False


def rest_face(raw: Mapping[str, Any], described: OpenApiOperation | None) -> RestFace:
    """As the manifest says, else as the description does, else ``POST /<Operation>``.

    A described path whose fields are no whole parts of it (``/report.{format}``) cannot be matched by the bus.
    """
    http = raw.get("http", {})
    if described is None or (not http and template_fault(described.path)):
        return RestFace(http.get("method", "POST"), http.get("path", f"/{raw['name']}"), bool(http))
    method, path = http.get("method", described.method), http.get("path", described.path)
    return RestFace(method, path, bool(http), (method, path) == (described.method, described.path))


def http_form(face: RestFace, described: OpenApiOperation | None, schema: Mapping[str, Any] | None) -> HttpForm:
    """How a request to this face is read: as described; else each field of the path and the query by its schema."""
    if described is not None and face.is_described:
        return described.form
    if schema is None:
        return WHOLE
    root = dict(schema)
    in_path = set(template_fields(face.path))
    places: dict[str, Place] = {name: "path" if name in in_path else "query" for name in properties_of(root, root)}
    return HttpForm(
        tuple(
            HttpField(name, name, places[name], compile_reader(part, root))
            for name, part in properties_of(root, root).items()
        )
    )
