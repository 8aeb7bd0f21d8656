"""An operation as its provider's own description has it, made ready to be published in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.contracts.bundle import Bundle
from registry.contracts.openapi_document import OpenApiDocument
from registry.contracts.openapi_request import NOT_FIELDS, json_content, path_word

_KEPT = ("summary", "description", "tags", "deprecated", "externalDocs")
_PARAMETER = ("name", "in", "description", "required", "deprecated", "style", "explode", "example")


def own_operation(
    document: OpenApiDocument, bundle: Bundle, raw: Mapping[str, Any], parameters: list[tuple[Any, str]], file: str
) -> dict[str, Any]:
    """The Operation Object (3.1.1 §4.8.10), references resolved; those to schemas lead into ``bundle``.

    What the bus does not carry is left out: cookies, other media than JSON, callbacks, links, the provider's own
    servers and security. Raises TransformerInvalid for a reference that leads nowhere.
    """
    made: dict[str, Any] = {key: raw[key] for key in _KEPT if key in raw}
    shown = [_parameter(bundle, value, home) for value, home in parameters if _carried(value)]
    if shown:
        made["parameters"] = shown
    if "requestBody" in raw:
        body = document.follow(raw["requestBody"], file)
        written: Any = body.value if isinstance(body.value, dict) else {}
        made["requestBody"] = {
            **{key: written[key] for key in ("description", "required") if key in written},
            "content": _json(bundle, written, body.file),
        }
    made["responses"] = {}
    for code, response in (raw.get("responses") or {}).items():
        found = document.follow(response, file)
        value: Any = found.value if isinstance(found.value, dict) else {}
        content = _json(bundle, value, found.file)
        shown_response: dict[str, Any] = {"description": str(value.get("description") or code)}
        made["responses"][code] = {**shown_response, "content": content} if content else shown_response
    return made


def _carried(value: Any) -> bool:
    place, name = value.get("in"), str(value.get("name", ""))
    return place in ("path", "query") or (place == "header" and name.lower() not in NOT_FIELDS)


def _parameter(bundle: Bundle, value: Mapping[str, Any], file: str) -> dict[str, Any]:
    made = {key: value[key] for key in _PARAMETER if key in value}
    found = json_content(value.get("content"))
    if made.get("in") == "path":
        made["name"] = path_word(made["name"])
    if found is not None:
        made["content"] = {"application/json": {"schema": bundle.schema(found.media.get("schema", {}), file)}}
    else:
        made["schema"] = bundle.schema(value.get("schema", {}), file)
    return made


def _json(bundle: Bundle, value: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The JSON among the media of a body; empty where there is none."""
    found = json_content(value.get("content"))
    if found is None:
        return {}
    media: dict[str, Any] = {"schema": bundle.schema(found.media.get("schema", {}), file)}
    if "example" in found.media:
        media["example"] = found.media["example"]
    return {"application/json": media}
