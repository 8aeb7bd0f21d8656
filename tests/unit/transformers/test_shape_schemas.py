"""The JSON Schema of a shape allows exactly what the conversion makes of XML."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from xsd_worlds import worlds

from transformers.json_schema import compile_json_schema
from transformers.shape_schema import schema_of_shape
from transformers.xml import parse
from transformers.xml_json import shape_from_xsd, to_json, to_xml
from transformers.xsd import compile_xsd

XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:lab" xmlns="urn:lab"
                    elementFormDefault="qualified">
  <xs:element name="order"><xs:complexType>
    <xs:sequence>
      <xs:element name="no" type="xs:string"/>
      <xs:element name="amount" type="xs:decimal"/>
      <xs:element name="count" type="xs:int" minOccurs="0"/>
      <xs:element name="due" type="xs:date" nillable="true"/>
      <xs:element name="item" type="Item" minOccurs="0" maxOccurs="unbounded"/>
      <xs:element name="patient" type="Person" nillable="true"/>
      <xs:any minOccurs="0" processContents="lax"/>
    </xs:sequence>
    <xs:attribute name="urgent" type="xs:boolean"/>
  </xs:complexType></xs:element>
  <xs:complexType name="Item"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="code" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:complexType name="Person"><xs:sequence>
    <xs:element name="name" type="xs:string"/><xs:element name="mother" type="Person" minOccurs="0"/>
  </xs:sequence></xs:complexType>
</xs:schema>"""


@pytest.fixture(scope="module")
def reply() -> dict[str, Any]:
    return schema_of_shape(shape_from_xsd(XSD.encode(), root="order"), reply=True)


def test_each_part_of_a_shape_has_its_form_in_the_schema(reply: dict[str, Any]) -> None:
    properties = reply["properties"]
    assert properties["@urgent"] == {"type": "boolean"}
    assert properties["amount"]["type"] == "string"
    assert properties["amount"]["pattern"]
    assert properties["count"] == {"type": "integer"}
    assert properties["due"]["type"] == ["string", "null"]
    assert properties["item"] == {"type": "array", "items": {"$ref": "#/$defs/Item"}}
    assert properties["patient"] == {"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "null"}]}
    assert reply["$defs"]["Person"]["properties"]["mother"] == {"$ref": "#/$defs/Person"}
    assert set(reply["$defs"]["Item"]["properties"]) == {"@code", "#text"}


def test_arrays_are_always_in_a_reply_and_may_be_left_out_of_a_request(reply: dict[str, Any]) -> None:
    request = schema_of_shape(shape_from_xsd(XSD.encode(), root="order"))
    assert request["required"] == ["no", "amount", "due", "patient"]
    assert reply["required"] == ["no", "amount", "due", "item", "patient"]


def test_what_the_schema_allows_can_be_written_as_xml() -> None:
    shape = shape_from_xsd(XSD.encode(), root="order")
    value = {"no": "1", "amount": "5.60", "due": None, "patient": {"name": "张三"}, "item": [{"#text": "a"}]}
    assert compile_json_schema(schema_of_shape(shape))(value) == ()
    assert compile_xsd(XSD.encode())(to_xml(value, shape)) == ()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds())
def test_whatever_xml_becomes_is_allowed_by_the_schema_of_its_shape(world: tuple[str, Any]) -> None:
    schema, make = world
    document = parse(make().encode())
    assume(compile_xsd(schema.encode())(document) == ())
    shape = shape_from_xsd(schema.encode(), root="root")
    # Integers beyond 64 bits, INF, NaN and doubles with too many digits come as text: the schema names the usual form.
    check = compile_json_schema(_lenient(schema_of_shape(shape, reply=True)))
    value = to_json(document, shape)
    assert list(check(value)) == [], value


def _lenient(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_lenient(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _lenient(part) for key, part in schema.items()}
    kind = made.get("type")
    if kind in ("integer", "number"):
        made["type"] = [kind, "string"]
    elif isinstance(kind, list) and {"integer", "number"} & set(kind):
        made["type"] = [*kind, "string"]
    return made


@pytest.mark.parametrize("root", ["property", "list"])
def test_an_element_that_holds_itself_by_reference_is_read_to_any_depth(root: str) -> None:
    # As CloudSign's and many a vendor's: the type has no name that would end the recursion.
    xsd = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" xmlns="urn:t"
                          elementFormDefault="qualified">
      <xs:element name="property"><xs:complexType><xs:sequence><xs:element name="value" type="xs:int"/>
        <xs:element ref="property" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
      <xs:element name="list"><xs:complexType><xs:sequence><xs:element ref="property" maxOccurs="2"/>
        <xs:element name="other"><xs:complexType><xs:sequence><xs:element ref="property"/></xs:sequence>
        </xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>"""
    inner = "<property><value>3</value></property>"
    for number in (2, 1):
        inner = f"<property><value>{number}</value>{inner}</property>"
    text = inner if root == "property" else f"<list>{inner}<other>{inner}</other></list>"
    document = parse(text.replace(f"<{root}>", f'<{root} xmlns="urn:t">', 1).encode())
    shape = shape_from_xsd(xsd, root=root)
    value = to_json(document, shape)
    assert compile_xsd(xsd)(to_xml(value, shape)) == ()
    schema = schema_of_shape(shape, reply=True)
    assert compile_json_schema(schema)(value) == ()
    assert schema["$defs"]["property"]["properties"]["property"]["items"] == {"$ref": "#/$defs/property"}
    wrong = {"value": 1, "property": [{"value": 2, "property": [{"value": "x", "property": []}]}]}
    assert compile_json_schema(schema)(
        wrong if root == "property" else {"property": [wrong], "other": {"property": wrong}}
    )
