"""WSDLs that other projects published: each is read from its own files, and published under the bus's address."""

from __future__ import annotations

import outside
import pytest
from lxml import etree

from registry.catalogue import Catalogue
from registry.contracts.wsdl import read_wsdl
from registry.errors import ManifestInvalid
from registry.source import read_folder


@pytest.fixture(scope="module")
def samples() -> Catalogue:
    return read_folder(outside.samples("wsdl"))


@pytest.mark.parametrize(
    ("name", "operation", "element", "style"),
    [
        ("soap.wsdl", "GetLastTradePrice", "{http://example.com/stockquote.xsd}TradePriceRequest", "document"),
        ("soap_header.wsdl", "GetLastTradePrice", "{http://example.com/stockquote.xsd}TradePriceRequest", "document"),
        (
            "soap_import_main.wsdl",
            "GetLastTradePrice",
            "{http://example.com/stockquote.xsd}TradePriceRequest",
            "document",
        ),
        ("claim.wsdl", "GetClaimDetails", "{http://schemas.risk-stuff.com/soap/}GetClaimDetails", "rpc"),
    ],
)
def test_a_wsdl_of_another_project_is_read(
    samples: Catalogue, name: str, operation: str, element: str, style: str
) -> None:
    found = read_wsdl(samples, name).operations[operation]
    assert (found.element, found.style) == (element, style)


def test_imports_of_imports_are_gathered_and_each_is_xml(samples: Catalogue) -> None:
    contract = read_wsdl(samples, "soap_import_main.wsdl")
    assert set(contract.published.documents) == {
        "soap_import_main.wsdl", "soap_import_2.wsdl", "test_import_2.xsd", "soap-enc.xsd",
    }  # fmt: skip
    for document in contract.published.documents.values():
        etree.fromstring(document)


def test_a_wsdl_without_a_soap_binding_is_refused_by_name(samples: Catalogue) -> None:
    with pytest.raises(ManifestInvalid, match=r"http\.wsdl:1: binds no operation to SOAP"):
        read_wsdl(samples, "http.wsdl")
