"""Conversions between XML and JSON by schema: which schema says how, for each side of an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from lxml import etree

from registry.bench import Bench
from registry.contracts.bundle import stand_alone
from registry.contracts.openapi import OpenApiOperation
from registry.contracts.schemas import SchemaSet
from registry.contracts.wsdl import WsdlContract
from registry.errors import ManifestInvalid, Problem
from registry.findings import Spot
from registry.library import JsonSchema, Library
from transformers import ns
from transformers.document import Document, Element, Json, Transform
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.xml_json import (
    Codec,
    Shape,
    shape_from_json_schema,
    simple_to_json,
    simple_to_xml,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Both directions of one document. ``shape`` is None for the convention that needs no schema.

    ``schema`` is the JSON Schema that the shape was read from, standing alone.
    """

    to_json: Transform
    to_xml: Transform
    shape: Shape | None = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Conversions:
    """The conversions of an operation's request and reply; None where no schema says how."""

    request: Conversion | None = None
    reply: Conversion | None = None


def by_shape(shape: Shape) -> Conversion:
    """The conversion that a shape describes."""
    codec = Codec(shape)
    return Conversion(
        lambda document: codec.to_json(element_of(document, "to_json")),
        lambda document: codec.to_xml(json_of(document, "to_xml")),
        shape,
    )


def by_convention(root: str) -> Conversion:
    """The conversion without a schema; ``root`` names the element that JSON becomes."""
    return Conversion(
        lambda document: simple_to_json(element_of(document, "to_json")),
        lambda document: simple_to_xml(json_of(document, "to_xml"), root),
    )


def by_json_schema(schema: JsonSchema, element: str) -> Conversion:
    """The conversion of documents of a JSON Schema, as the element ``element``. Raises ManifestInvalid."""
    namespace, name = ns.split(element)
    made = by_shape(
        _made(schema.file, lambda: shape_from_json_schema(schema.schema, name, namespace, schema.resources))
    )
    return replace(made, schema=stand_alone(schema.schema, schema.resources))


def by_xsd(library: Library, schemas: SchemaSet, element: str, file: str) -> Conversion:
    """The conversion of one global element of the schemas of ``file``. Raises ManifestInvalid."""
    # Hundreds of operations share a header block and a fault.
    made = partial(_made, file, lambda: by_shape(schemas.shapes.of(element)))
    return library.kept("conversion", f"{file}#{element}", made)


def conversions(
    raw: Mapping[str, Any],
    bench: Bench,
    contract: WsdlContract | OpenApiOperation | None,
    elements: tuple[str, str],
    spot: Spot,
) -> Conversions:
    """The conversions of an operation: by its contract where it has one, else by the schemas of its checks."""
    sides = zip(("request", "reply"), elements, strict=True)
    made = [_side(raw, bench, contract, side, element, spot) for side, element in sides]
    return Conversions(*made)


def described_side(library: Library, operation: OpenApiOperation, side: str) -> JsonSchema:
    """The schema of an OpenAPI operation's request or reply. Raises ManifestInvalid."""
    file = f"{operation.file}#{operation.name}.{side}"
    schema = operation.request if side == "request" else operation.reply
    return _made(operation.file, lambda: library.schema(file, schema))


def _side(
    raw: Mapping[str, Any],
    bench: Bench,
    contract: WsdlContract | OpenApiOperation | None,
    side: str,
    element: str,
    spot: Spot,
) -> Conversion | None:
    check = raw.get("checks", {}).get(side, {})
    library = bench.library
    inside = side in raw.get("inside", {}) or not element
    if inside:  # the contract and its element are about the document around
        element, contract = "", None
    if isinstance(contract, WsdlContract):
        return _of_contract(contract, element, bench, spot)
    try:
        if contract is not None:
            return by_json_schema(described_side(library, contract, side), element)
        if "json_schema" in check:
            name = library.file(check["json_schema"], spot.at("checks", side, "json_schema"))
            return by_json_schema(library.json_schema(name), element or raw["name"])
        if "xsd" in check:
            name = library.file(check["xsd"], spot.at("checks", side, "xsd"))
            return by_xsd(library, library.schemas(name), element, name)
    except ManifestInvalid as error:
        if inside and "xsd" in check:
            _warn_only_xml(error, bench, spot)
        else:
            bench.findings.add(error.problems)
    return None


def _warn_only_xml(error: ManifestInvalid, bench: Bench, spot: Spot) -> None:
    """What cannot be converted can still be carried as it is, so that is only a warning."""
    reason = "; ".join(problem.message for problem in error.problems)
    bench.findings.warn(spot.problem(f"only for SOAP callers, since no JSON can be made of it: {reason}"))


def _of_contract(contract: WsdlContract, element: str, bench: Bench, spot: Spot) -> Conversion | None:
    """By the WSDL, where it says how."""
    if contract.schemas is None or not element:
        return None
    try:
        return by_xsd(bench.library, contract.schemas, element, contract.file)
    except ManifestInvalid as error:
        _warn_only_xml(error, bench, spot)
        return None


def _made(file: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except TransformerInvalid as error:
        raise ManifestInvalid((Problem(file, error.line or 1, str(error)),)) from error


def element_of(document: Document, step: str) -> Element:
    """The document as XML. Raises MappingFailed when it is JSON."""
    if not isinstance(document, etree._Element):
        raise MappingFailed(f"{step} takes XML and was given JSON; check the steps before it", step=step)
    return document


def json_of(document: Document, step: str) -> Json:
    """The document as JSON. Raises MappingFailed when it is XML."""
    if isinstance(document, etree._Element):
        raise MappingFailed(f"{step} takes JSON and was given XML; check the steps before it", step=step)
    return document
