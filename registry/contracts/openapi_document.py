"""OpenAPI files of a catalogue, in JSON or YAML, and what their references mean: never from a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from registry.catalogue import Catalogue
from registry.contracts.bundle import Place, Resolve, resolver
from registry.errors import ManifestInvalid, Problem
from registry.located import read_yaml
from transformers import charset, json_text
from transformers.document import Json
from transformers.errors import DocumentError


class OpenApiDocument:
    """One description: its root, and a way to follow references from it into the files beside it.

    ``dialect`` is ``3.0`` or ``3.1`` (which 3.2 only adds to). Raises ManifestInvalid for what is no OpenAPI 3.
    """

    def __init__(self, catalogue: Catalogue, name: str) -> None:
        self.file = name
        files = _Files(catalogue)
        root = files[name]
        if not isinstance(root, dict):
            raise _refused(name, "not an OpenAPI document: its root is no object")
        self.root: Mapping[str, Any] = root
        self.dialect = _dialect(root, name)
        self.resolve: Resolve = resolver(files, lambda to, base: catalogue.resolve(unquote(to), base) or to)

    def follow(self, value: Any, file: str) -> Place:
        """The value, or what its ``$ref`` leads to. Raises TransformerInvalid."""
        if isinstance(value, dict) and isinstance(value.get("$ref"), str):
            return self.resolve(value["$ref"], file)
        return Place(file, "", value)

    def components(self, kind: str) -> Mapping[str, Any]:
        """The reusable objects of one kind; empty when there are none."""
        components = self.root.get("components")
        found = components.get(kind) if isinstance(components, dict) else None
        return found if isinstance(found, dict) else {}


class _Files(Mapping[str, Json]):
    """The catalogue's JSON and YAML files, each read when a reference first leads there."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._read: dict[str, Json] = {}

    def __getitem__(self, name: str) -> Json:
        if name not in self._read:
            self._read[name] = read_json_or_yaml(name, self._catalogue.files[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._catalogue.files

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.files)

    def __len__(self) -> int:
        return len(self._catalogue.files)


def read_json_or_yaml(name: str, content: bytes) -> Json:
    """A document in either form, as its first character says. Raises ManifestInvalid pointing into the file."""
    try:
        text = charset.read(content).text_utf8
        if text.lstrip()[:1] in (b"{", b"["):
            return json_text.loads(text)
    except DocumentError as error:
        raise ManifestInvalid((Problem(name, getattr(error, "line", None) or 1, str(error)),)) from error
    sources, problems = read_yaml(name, text)
    if problems:
        raise ManifestInvalid(tuple(problems))
    if len(sources) != 1:
        raise _refused(name, f"holds {len(sources)} YAML documents where one is due")
    value: Json = sources[0].value
    return value


def _dialect(root: Mapping[str, Any], name: str) -> str:
    version = str(root.get("openapi", ""))
    if "swagger" in root:
        raise _refused(
            name, f"this is Swagger {root['swagger']}", "convert it to OpenAPI 3, for instance with swagger2openapi"
        )
    if not version.startswith("3."):
        raise _refused(name, "not an OpenAPI 3 document: its root has no 'openapi: 3…'")
    if not isinstance(root.get("paths"), dict):
        raise _refused(name, "has no paths, so nothing can be called")
    return "3.0" if version.startswith("3.0") else "3.1"


def _refused(name: str, message: str, hint: str = "") -> ManifestInvalid:
    return ManifestInvalid((Problem(name, 1, message, hint),))
