"""What real toolkits need of a WSDL that the bus publishes: each rule was learnt from one that stumbled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from catalogues import SYSTEM, compiled, service
from lxml import etree
from test_wsdl_reading import FILES, HEAD

from registry.contracts.publish import publish

W = "{http://schemas.xmlsoap.org/wsdl/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
REQUEST = {
    "type": "object",
    "required": ["order_no"],
    "properties": {
        "order_no": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}},
    },
}
REPLY = {"type": "object", "properties": {"lab_no": {"type": "string"}}}
CHECKS = "checks: {request: {json_schema: request.json}, reply: {json_schema: reply.json}}"


def generated() -> bytes:
    """The WSDL of a service that has JSON Schemas only."""
    files = {"request.json": json.dumps(REQUEST).encode(), "reply.json": json.dumps(REPLY).encode()}
    made = compiled(SYSTEM, service(f"- {{name: PlaceOrder, {CHECKS}}}"), files=files)
    return publish(made.snapshot.services["lis"].versions["1"], "", "https://bus.example") or b""


def provided() -> bytes:
    """A vendor's WSDL with unused prefixes, as the bus publishes it."""
    text = service("- {name: Place}", protocol="soap11", head=HEAD)
    made = compiled(SYSTEM, text, files=FILES)
    return publish(made.snapshot.services["lis"].versions["1"], "", "https://bus.example") or b""


@pytest.mark.parametrize("wsdl", [generated, provided])
def test_no_prefix_is_declared_that_nothing_uses_since_gsoap_would_speak_soap_12(wsdl: Any) -> None:
    root = etree.fromstring(wsdl())
    used = {element.prefix for element in root.iter("{*}*")}
    values = [str(value) for element in root.iter("{*}*") for value in element.attrib.values()]
    named = {value.partition(":")[0] for value in values if ":" in value}
    assert {prefix for prefix in root.nsmap if prefix} <= used | named


def test_every_part_is_called_parameters_and_orders_nothing_so_that_dotnet_unwraps() -> None:
    root = etree.fromstring(generated())
    assert {part.get("name") for part in root.iter(f"{W}part")} == {"parameters"}
    assert all(operation.get("parameterOrder") is None for operation in root.iter(f"{W}operation"))
    names = {
        element.get("name") for schema in root.iter(f"{XS}schema") for element in schema.iterchildren(f"{XS}element")
    }
    assert {"PlaceOrder", "PlaceOrderResponse"} <= names


def test_the_input_wrapper_is_named_like_its_operation_as_wrapped_style_demands() -> None:
    root = etree.fromstring(generated())
    (operation,) = root.iter(f"{W}portType")
    name = operation[0].get("name")
    message = next(one for one in root.iter(f"{W}message") if one.get("name") == name)
    assert str(message[0].get("element")).partition(":")[2] == name


def test_one_binding_speaks_one_soap_version_over_http_with_a_literal_body() -> None:
    root = etree.fromstring(generated())
    soap = "{http://schemas.xmlsoap.org/wsdl/soap/}"
    (binding,) = root.iter(f"{soap}binding")
    assert (binding.get("style"), binding.get("transport")) == ("document", "http://schemas.xmlsoap.org/soap/http")
    assert {body.get("use") for body in root.iter(f"{soap}body")} == {"literal"}
    assert not list(root.iter("{http://schemas.xmlsoap.org/wsdl/soap12/}*"))


@pytest.mark.parametrize("wsdl", [generated, provided])
def test_the_address_is_the_buss_own_and_no_other_stands_in_it(wsdl: Any) -> None:
    root = etree.fromstring(wsdl())
    addresses = {each.get("location") for each in root.iter("{*}address")}
    assert addresses == {"https://bus.example/soap/lis/1"}
