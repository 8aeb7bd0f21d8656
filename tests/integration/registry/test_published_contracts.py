"""Contracts that other projects published: each is registered and converts, or the bus says precisely why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import outside
import pytest
from catalogues import SYSTEM
from lxml import etree

from registry.catalogue import Catalogue
from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid
from registry.model import ServiceVersion
from registry.source import read_folder
from transformers.document import Element
from transformers.shape import Shape
from transformers.xml import parse, serialise

WSDL_SERVICE = """
---
kind: Service
name: published
system: lis
versions:
  - version: "1"
    contract: {{wsdl: {name}}}
    provider: {{protocol: soap11, endpoints: [{{url: "http://vendor.example/"}}]}}
"""
XSD_SERVICE = """
---
kind: Service
name: published
system: lis
versions:
  - version: "1"
    provider: {{protocol: soap11, endpoints: [{{url: "http://vendor.example/"}}]}}
    operations:
      - name: Send
        form: xml
        soap: {{element: "{element}"}}
        checks: {{request: {{xsd: {name}}}}}
"""

#: What becomes of every WSDL: its operations, each with whether JSON can be made of request and reply; or why not.
VERDICTS: dict[str, Any] = {
    "claim.wsdl": {"GetClaimDetails": (True, True)},
    "soap.wsdl": "GetLastTradePriceNoOutput and GetLastTradePrice have the same SOAP element and action",
    "soap_header.wsdl": {"GetLastTradePrice": (True, True)},
    "soap_import_main.wsdl": {"GetLastTradePrice": (True, True)},
    "soap_import_2.wsdl": "binds no operation to SOAP",
    "http.wsdl": "binds no operation to SOAP",
}


def registered(folder: Path, manifest: str, **names: str) -> ServiceVersion:
    """The version that a manifest beside these files makes."""
    files = {**read_folder(folder).files, "m.yaml": (SYSTEM + manifest.format(**names)).encode()}
    made = compile_catalogue(Catalogue(files), {})
    return made.snapshot.services["published"].versions["1"]


def smallest(shape: Shape) -> Element:
    """The smallest document of a shape, with a text that every kind reads."""
    root = etree.Element(shape.tag)
    _grow(root, shape, shape.type, 0)
    return root


def _grow(element: Element, shape: Shape, key: str, depth: int) -> None:
    type_ = shape.types[key]
    for attribute in type_.attributes:
        element.set(attribute.tag, "1")
    if type_.kind is not None:
        element.text = "1" if type_.kind != "boolean" else "true"
    for field in type_.fields:
        for _ in range(max(field.least, 1) if depth < 12 else field.least):
            _grow(etree.SubElement(element, field.tag), shape, field.type, depth + 1)


def plain(element: Any) -> tuple[object, ...]:
    return (element.tag, sorted(element.attrib.items()), element.text or "", [plain(child) for child in element])


@pytest.mark.parametrize("name", VERDICTS)
def test_every_published_wsdl_is_registered_or_refused_with_its_reason(name: str) -> None:
    folder, verdict = outside.samples("wsdl"), VERDICTS[name]
    if isinstance(verdict, str):
        with pytest.raises(ManifestInvalid, match=verdict):
            registered(folder, WSDL_SERVICE, name=name)
        return
    operations = registered(folder, WSDL_SERVICE, name=name).operations
    assert {
        each.name: (each.to_json is not None and each.to_xml is not None, each.reply_to_json is not None)
        for each in operations.values()
    } == verdict
    for operation in operations.values():
        for shape, to_json, to_xml in (
            (operation.shape, operation.to_json, operation.to_xml),
            (operation.reply_shape, operation.reply_to_json, operation.reply_to_xml),
        ):
            assert shape is not None
            document = smallest(shape)
            assert plain(to_xml(to_json(document))) == plain(document)  # type: ignore[misc]


def test_of_operations_that_callers_could_not_tell_apart_one_can_be_chosen() -> None:
    chosen = WSDL_SERVICE + "    operations: [{{name: GetLastTradePrice}}]\n"
    assert set(registered(outside.samples("wsdl"), chosen, name="soap.wsdl").operations) == {"GetLastTradePrice"}


def test_no_published_wsdl_is_without_a_verdict() -> None:
    assert {path.name for path in outside.samples("wsdl").glob("*.wsdl")} == set(VERDICTS)


def test_every_published_platform_schema_is_registered_and_converts() -> None:
    folder = outside.samples("wst846")
    names = sorted(path.name for path in folder.glob("*.xsd"))
    assert len(names) == 69
    for name in names:
        root = parse((folder / name).read_bytes())
        element = root.find("{http://www.w3.org/2001/XMLSchema}element")
        assert element is not None
        tag = f"{{{root.get('targetNamespace')}}}{element.get('name')}"
        operation = registered(folder, XSD_SERVICE, name=name, element=tag).operations["Send"]
        assert operation.shape is not None, name
        document = smallest(operation.shape)
        assert operation.to_json is not None
        assert operation.to_xml is not None
        again = parse(serialise(operation.to_xml(operation.to_json(document))))  # type: ignore[arg-type]
        assert plain(again) == plain(document), name
