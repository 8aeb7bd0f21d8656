"""OpenAPI 3.0 and 3.1 read: the operations of a description, the schemas of their documents, how to call them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.catalogue import Catalogue
from registry.contracts.bundle import Bundle
from registry.contracts.openapi_document import OpenApiDocument
from registry.contracts.openapi_own import own_operation
from registry.contracts.openapi_request import NotTaken, json_content, read_request
from registry.contracts.openapi_schema import Purpose, upgrader
from registry.errors import ManifestInvalid, Problem
from registry.model import Effect
from transformers.errors import TransformerInvalid
from transformers.http_form import HttpForm

_METHODS = ("get", "post", "put", "patch", "delete")
_OTHER_METHODS = ("head", "options", "trace", "query")
_NAME = re.compile(r"[^\W\d][\w-]{0,99}")

#: What an operation answers that answers nothing.
NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class OpenApiOperation:
    """One operation as its description has it. ``request`` and ``reply`` are schemas that stand alone.

    ``path`` is a template of ``form``'s path fields, without the base path of ``servers``. ``own`` is its Operation
    Object as 3.1, parameters included, its references leading into the contract's ``components``. ``notes`` tell
    what of it is not checked.
    """

    file: str
    name: str
    method: str
    path: str
    summary: str
    effect: Effect
    form: HttpForm
    request: Mapping[str, Any]
    reply: Mapping[str, Any]
    own: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenApiContract:
    """A description with everything it refers to. ``left_out`` says of ``METHOD /path`` why it cannot be carried."""

    file: str
    title: str
    operations: Mapping[str, OpenApiOperation]
    left_out: Mapping[str, str]
    components: Mapping[str, Any]
    servers: tuple[str, ...]
    security: Mapping[str, Any]


def read_openapi(catalogue: Catalogue, name: str) -> OpenApiContract:
    """Read the description ``name`` of a catalogue.

    Raises ManifestInvalid when it is unreadable, refers to what is not there, or has no operation to carry.
    """
    document = OpenApiDocument(catalogue, name)
    try:
        reader = _Reader(document)
        reader.read()
    except TransformerInvalid as error:
        raise ManifestInvalid((Problem(name, 1, str(error)),)) from error
    if not reader.operations:
        reasons = "; ".join(f"{where}: {reason}" for where, reason in list(reader.left_out.items())[:5])
        raise ManifestInvalid((Problem(name, 1, "has no operation that the bus can carry", reasons),))
    info = document.root.get("info")
    return OpenApiContract(
        file=name,
        title=str(info.get("title", "")) if isinstance(info, dict) else "",
        operations=reader.operations,
        left_out=reader.left_out,
        components=dict(reader.published.definitions),
        servers=tuple(_servers(document.root)),
        security=document.components("securitySchemes"),
    )


class _Reader:
    """One walk over the paths."""

    def __init__(self, document: OpenApiDocument) -> None:
        self._document = document
        self.operations: dict[str, OpenApiOperation] = {}
        self.left_out: dict[str, str] = {}
        self.published = self._bundle("publish", lambda note: None, "#/components/schemas/")

    def read(self) -> None:
        for path, raw in self._document.root["paths"].items():
            if path.startswith("x-"):
                continue
            item = self._document.follow(raw, self._document.file)
            if not isinstance(item.value, dict):
                raise TransformerInvalid(f"{item.file}: the path {path} is no object")
            for method in (*_METHODS, *_OTHER_METHODS):
                if isinstance(item.value.get(method), dict):
                    self._operation(path, method, item.value, item.file)

    def _operation(self, path: str, method: str, item: Mapping[str, Any], file: str) -> None:
        where = f"{method.upper()} {path}"
        raw: Mapping[str, Any] = item[method]
        try:
            made = self._made(path, method, raw, self._parameters(item, raw, file), file)
        except NotTaken as reason:
            self.left_out[where] = str(reason)
            return
        if made.name in self.operations:
            self.left_out[where] = f"has the same name as another operation: {made.name}"
        else:
            self.operations[made.name] = made

    def _made(
        self, path: str, method: str, raw: Mapping[str, Any], parameters: list[tuple[Any, str]], file: str
    ) -> OpenApiOperation:
        if method in _OTHER_METHODS:
            raise NotTaken(f"{method.upper()} is not carried")
        notes: list[str] = []
        body = (raw["requestBody"], file) if "requestBody" in raw else None
        request = read_request(self._document, self._bundle("request", notes.append), path, parameters, body)
        return OpenApiOperation(
            file=self._document.file,
            name=operation_name(raw.get("operationId"), method, path),
            method=method.upper(),
            path=request.template,
            summary=str(raw.get("summary") or "").strip(),
            effect="read" if method == "get" else "write",
            form=request.form,
            request=request.schema,
            reply=self._reply(raw, file, notes.append),
            own=own_operation(self._document, self.published, raw, parameters, file),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _reply(self, raw: Mapping[str, Any], file: str, note: Callable[[str], None]) -> Mapping[str, Any]:
        """The schema of what is answered in success: the first 2xx in JSON, else the default."""
        responses = raw.get("responses")
        known: Mapping[str, Any] = responses if isinstance(responses, dict) else {}
        success = sorted(code for code in known if code.startswith("2"))
        offered: list[str] = []
        for code in success or (["default"] if "default" in known else []):
            response = self._document.follow(known[code], file)
            content = response.value.get("content") if isinstance(response.value, dict) else None
            media = json_content(content)
            if media is not None:
                return self._bundle("reply", note).whole(media.media.get("schema", {}), response.file)
            offered += content if isinstance(content, dict) else ()
        if offered:
            raise NotTaken(f"answers {', '.join(offered)}, and the bus carries JSON")
        return NOTHING

    def _parameters(self, item: Mapping[str, Any], raw: Mapping[str, Any], file: str) -> list[tuple[Any, str]]:
        """The parameters of the path and of the operation, the operation's own before the path's of the same name."""
        found: dict[tuple[str, str], tuple[Any, str]] = {}
        for holder in (item, raw):
            listed = holder.get("parameters", [])
            for each in listed if isinstance(listed, list) else []:
                place = self._document.follow(each, file)
                value: Any = place.value if isinstance(place.value, dict) else {}
                found[str(value.get("in")), str(value.get("name"))] = place.value, place.file
        return list(found.values())

    def _bundle(self, purpose: Purpose, note: Callable[[str], None], prefix: str = "#/$defs/") -> Bundle:
        return Bundle(self._document.resolve, prefix, upgrader(self._document.dialect, purpose, note))


def operation_name(written: Any, method: str, path: str) -> str:
    """The operation's name: its ``operationId`` in the characters that names have, else made of method and path."""
    text = re.sub(r"[^\w-]+", "_", str(written or "")).strip("_-")[:100]
    if _NAME.fullmatch(text):
        return text
    words = re.findall(r"\w+", path)
    return (method + "".join(word[:1].upper() + word[1:] for word in words))[:100]


def _servers(root: Mapping[str, Any]) -> Iterator[str]:
    """The addresses in ``servers``, variables at their defaults."""
    listed = root.get("servers")
    for server in listed if isinstance(listed, list) else []:
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            variables: Any = server.get("variables", {})
            address = server["url"]
            for name, variable in variables.items():
                address = address.replace(f"{{{name}}}", str(variable.get("default", name)))
            yield address
