"""WSDLs generated from JSON Schemas, read by a client nobody here wrote: zeep."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import zeep
from catalogues import SYSTEM, compiled, service
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from registry.contracts.publish import publish
from registry.model import ServiceVersion

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["order_no"],
    "properties": {
        "order_no": {"type": "string"},
        "urgent": {"type": "boolean"},
        "count": {"type": "integer"},
        "price": {"type": "number"},
        "note": {"type": ["string", "null"]},
        "性别": {"type": "string"},
        "patient": {"type": "object", "properties": {"name": {"type": "string"}, "@kind": {"type": "string"}}},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "$defs": {
        "item": {
            "type": "object",
            "required": ["code"],
            "properties": {"code": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
        }
    },
}
REPLY = {"type": "object", "required": ["lab_no"], "properties": {"lab_no": {"type": "string"}}}
CHECKS = "checks: {request: {json_schema: request.json}, reply: {json_schema: reply.json}}"
FILES = {"request.json": json.dumps(SCHEMA).encode(), "reply.json": json.dumps(REPLY).encode()}


def version(operations: str, head: str = "") -> ServiceVersion:
    text = service(operations).replace("system: lis\n", f"system: lis\n{head}\n", 1)
    return compiled(SYSTEM, text, files=FILES).snapshot.services["lis"].versions["1"]


def client(made: ServiceVersion) -> Any:
    wsdl = publish(made, "", "http://bus.example")
    assert wsdl is not None
    with zeep.Transport().session:  # no request is made: the document is given
        return zeep.Client(io.BytesIO(wsdl))


@pytest.fixture(scope="module")
def made() -> ServiceVersion:
    return version(
        f"- {{name: PlaceOrder, title: {{zh: 检验申请}}, {CHECKS}}}\n- {{name: Cancel, mode: async, {CHECKS}}}"
    )


@pytest.fixture(scope="module")
def order(made: ServiceVersion) -> Any:
    opened = client(made)

    def create(**fields: Any) -> etree._Element:
        envelope = opened.create_message(opened.service, "PlaceOrder", **fields)
        return etree.fromstring(etree.tostring(envelope, encoding="utf-8"))[0][0]

    return create


def test_what_a_client_writes_is_what_the_bus_reads(made: ServiceVersion, order: Any) -> None:
    element = order(
        order_no="7",
        urgent=True,
        count=3,
        price=1.5,
        patient={"name": "张三", "kind": "outpatient"},
        items=[{"code": "A"}, {"code": "B", "parts": [{"code": "C"}]}],
        tags=["x", "y"],
        性别="女",
    )
    assert element.tag == "{urn:meridian:lis:1}PlaceOrder"
    operation = made.by_element[element.tag]
    assert operation.to_json is not None
    assert operation.to_json(element) == {
        "order_no": "7",
        "urgent": True,
        "count": 3,
        "price": 1.5,
        "性别": "女",
        "patient": {"name": "张三", "@kind": "outpatient"},
        "items": [{"code": "A", "parts": []}, {"code": "B", "parts": [{"code": "C", "parts": []}]}],
        "tags": ["x", "y"],
    }


CODES = st.lists(st.text("AB12", min_size=1, max_size=3), max_size=3)


@settings(max_examples=25, deadline=None)
@given(items=CODES, tags=CODES, urgent=st.none() | st.booleans(), count=st.none() | st.integers(-9, 9))
def test_arrays_of_none_one_and_many_and_absent_fields_survive(
    made: ServiceVersion, order: Any, items: list[str], tags: list[str], urgent: bool | None, count: int | None
) -> None:
    optional = {name: value for name, value in (("urgent", urgent), ("count", count)) if value is not None}
    element = order(order_no="7", items=[{"code": code} for code in items], tags=tags, **optional)
    operation = made.operations["PlaceOrder"]
    assert operation.to_json is not None
    wanted = {"order_no": "7", "items": [{"code": code, "parts": []} for code in items], "tags": tags, **optional}
    assert operation.to_json(element) == wanted


def test_a_client_reads_the_reply_that_the_bus_writes(made: ServiceVersion) -> None:
    operation = made.operations["PlaceOrder"]
    assert operation.reply_to_xml is not None
    element = operation.reply_to_xml({"lab_no": "L-1"})
    opened = client(made)
    binding = opened.service._binding.get("PlaceOrder")
    assert element.tag == binding.output.body.qname.text  # type: ignore[union-attr]
    assert binding.output.body.parse(element, opened.wsdl.types).lab_no == "L-1"


def test_an_asynchronous_operation_answers_the_acknowledgement(made: ServiceVersion) -> None:
    output = client(made).service._binding.get("Cancel").output.body
    assert output.qname.text == "{urn:meridian:2026}Accepted"
    assert [name for name, _ in output.type.elements] == ["messageId", "flowId"]


def test_the_generated_wsdl_suits_old_toolkits(made: ServiceVersion) -> None:
    wsdl = publish(made, "", "http://bus.example") or b""
    root = etree.fromstring(wsdl)
    parts = {str(part.get("name")) for part in root.iter("{*}part")}
    assert parts == {"parameters"}
    assert b"parameterOrder" not in wsdl
    assert b"wsdlsoap12" not in wsdl
    assert b'transport="http://schemas.xmlsoap.org/soap/http"' in wsdl
    assert b'location="http://bus.example/soap/lis/1"' in wsdl
    assert "检验申请".encode() in wsdl


def test_a_service_for_soap_12_alone_gets_a_soap_12_binding() -> None:
    wsdl = publish(version(f"- {{name: A, {CHECKS}}}", "faces: [soap12, rest]"), "", "http://bus.example") or b""
    assert b"http://schemas.xmlsoap.org/wsdl/soap12/" in wsdl


@pytest.mark.parametrize(
    ("operations", "head"),
    [
        (f"- {{name: A, {CHECKS}}}", "faces: [rest]"),
        (f"[{{name: A, {CHECKS}}}, {{name: B}}]", ""),
        ("- {name: A, checks: {request: {json_schema: request.json}}}", ""),
    ],
)
def test_nothing_is_generated_where_nobody_speaks_soap_or_a_schema_is_missing(operations: str, head: str) -> None:
    assert version(operations, head).wsdl is None


def test_operations_with_equal_inner_types_do_not_collide() -> None:
    inner = {"type": "object", "properties": {"response": {"type": "object", "properties": {"x": {"type": "string"}}}}}
    files = {"request.json": json.dumps(inner).encode(), "reply.json": json.dumps(inner).encode()}
    text = service(f"[{{name: A, {CHECKS}}}, {{name: AResponseResponse, {CHECKS}}}]")
    opened = client(compiled(SYSTEM, text, files=files).snapshot.services["lis"].versions["1"])
    envelope = opened.create_message(opened.service, "A", response={"x": "1"})
    assert envelope[0][0][0][0].text == "1"
