"""The files that manifests refer to, each read and compiled once per snapshot, however often it is used."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from registry.catalogue import Catalogue
from registry.contracts.bundle import references
from registry.contracts.diagnosis import diagnose
from registry.contracts.documents import closure
from registry.contracts.openapi import OpenApiContract, read_openapi
from registry.contracts.schemas import SchemaSet, schemas_of_xsd
from registry.contracts.wsdl import WsdlContract, read_wsdl
from registry.errors import ManifestInvalid, Problem
from registry.findings import Spot
from registry.model import Validator
from transformers import charset, json_text
from transformers.document import Json
from transformers.errors import DocumentError, TransformerInvalid
from transformers.jq import JsonMap, compile_jq
from transformers.schemas import compile_json_schema, compile_xsd
from transformers.xslt import Stylesheet, compile_stylesheet

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A JSON Schema, the documents that its references name, and its validator."""

    file: str
    schema: Json
    resources: Mapping[str, Json]
    validator: Validator


@dataclass(frozen=True, slots=True)
class Library:
    """Compiled files of one catalogue. Every method raises ManifestInvalid that points into the file at fault."""

    catalogue: Catalogue
    _shelf: dict[tuple[str, str], Any] = field(default_factory=dict)

    def file(self, reference: str, spot: Spot) -> str:
        """The name of the file that a manifest refers to; a file that is not there is the manifest's problem."""
        name = self.catalogue.resolve(reference, spot.file)
        if name is None:
            raise spot.refuse(f"no file {reference}", self.catalogue.nearest(reference, spot.file))
        return name

    def stylesheet(self, name: str) -> Stylesheet:
        """A compiled stylesheet; it may include any other stylesheet of the catalogue."""
        includes = self._beside(name, (".xslt", ".xsl"))
        return self._once("xslt", name, lambda content: compile_stylesheet(content, includes=includes, name=name))

    def jq(self, name: str) -> JsonMap:
        """A jq program from a file."""
        return self._once("jq", name, lambda content: compile_jq(content.decode("utf-8")))

    def json_schema(self, name: str) -> JsonSchema:
        """A JSON Schema with everything that it refers to."""

        def compile_it(content: bytes) -> JsonSchema:
            schema = json_text.loads(content)
            resources = dict(self._references(name, schema))
            return JsonSchema(name, schema, resources, compile_json_schema(schema, resources, name=name))

        return self._once("json schema", name, compile_it)

    def schemas(self, name: str) -> SchemaSet:
        """An XSD file with everything that it includes and imports."""
        return self._once("xsd", name, lambda _: schemas_of_xsd(closure(self.catalogue, name)))

    def xsd_validator(self, schemas: SchemaSet, name: str) -> Validator:
        """The validator of a set of schemas that came from the file ``name``."""

        def compile_it(_: bytes) -> Validator:
            try:
                return compile_xsd(schemas.documents[schemas.main], schemas.includes(), name=schemas.main)
            except TransformerInvalid as error:
                file = schemas.source(error.file)
                told = Problem(
                    file if file in self.catalogue.files else name, error.line or 1, _bare(error, error.file)
                )
                raise ManifestInvalid(diagnose(closure(self.catalogue, name)) or (told,)) from error

        return self._once("validator", name, compile_it)

    def wsdl(self, name: str) -> WsdlContract:
        """A WSDL with everything that it imports."""
        return self._once("wsdl", name, lambda _: read_wsdl(self.catalogue, name))

    def openapi(self, name: str) -> OpenApiContract:
        """An OpenAPI description with everything that it refers to."""
        return self._once("openapi", name, lambda _: read_openapi(self.catalogue, name))

    def schema(self, name: str, schema: Mapping[str, Any]) -> JsonSchema:
        """A schema that stands alone, taken from a contract; ``name`` tells it from every other one."""

        def compile_it() -> JsonSchema:
            return JsonSchema(name, dict(schema), {}, compile_json_schema(dict(schema), name=name))

        return self.kept("schema", name, compile_it)

    def kept(self, kind: str, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gave when this was asked for the first time."""
        if (kind, name) not in self._shelf:
            self._shelf[kind, name] = make()
        return cast("T", self._shelf[kind, name])

    def _once(self, kind: str, name: str, make: Callable[[bytes], T]) -> T:
        def read() -> T:
            try:
                return make(charset.read(self.catalogue.files[name]).text_utf8)
            except TransformerInvalid as error:
                raise ManifestInvalid((Problem(name, error.line or 1, _bare(error, name)),)) from error
            except DocumentError as error:
                raise ManifestInvalid((Problem(name, getattr(error, "line", None) or 1, str(error)),)) from error

        return self.kept(kind, name, read)

    def _beside(self, name: str, suffixes: tuple[str, ...]) -> dict[str, bytes]:
        folder = posixpath.dirname(name) or "."
        return {
            posixpath.relpath(other, folder): charset.read(content).text_utf8
            for other, content in self.catalogue.files.items()
            if other.endswith(suffixes) and other != name
        }

    def _references(self, name: str, schema: Json) -> Iterator[tuple[str, Json]]:
        """Every JSON file reachable by ``$ref``, by the address it has as seen from ``name``."""
        folder = posixpath.dirname(name) or "."
        seen = {name}
        waiting = [(name, schema)]
        while waiting:
            base, part = waiting.pop()
            for reference in references(part):
                target = self.catalogue.resolve(reference.partition("#")[0], base)
                if not reference.startswith("#") and target is not None and target not in seen:
                    seen.add(target)
                    found = self._once("json", target, json_text.loads)
                    waiting.append((target, found))
                    yield posixpath.relpath(target, folder), found


def _bare(error: TransformerInvalid, name: str) -> str:
    return str(error).removeprefix(f"{name}: ")
