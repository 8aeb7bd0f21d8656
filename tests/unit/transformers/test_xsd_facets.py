"""What a simple type says of its texts, in the words of JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from outside import samples

from registry.samples import sample
from transformers.schemas import compile_xsd
from transformers.shape import Shape
from transformers.shape_schema import schema_of_shape
from transformers.xml_json import to_xml
from transformers.xsd_shape import shape_from_xsd

XSD = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t">
  <xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:minLength value="2"/></xs:restriction></xs:simpleType>
  <xs:element name="it"><xs:complexType><xs:simpleContent><xs:extension base="T">
    <xs:attribute name="fixed" fixed="P"/>
  </xs:extension></xs:simpleContent></xs:complexType></xs:element>
  <xs:simpleType name="T">{}</xs:simpleType>
</xs:schema>
"""


def schema(restriction: str) -> dict[str, Any]:
    """The JSON Schema of the text of a simple type."""
    shape: Shape = shape_from_xsd(XSD.format(restriction).encode())
    found: dict[str, Any] = schema_of_shape(shape)["properties"]["#text"]
    return found


@pytest.mark.parametrize(
    ("inside", "facets"),
    [
        ('"xs:string"><xs:enumeration value="男"/><xs:enumeration value="女"/>', {"enum": ["男", "女"]}),
        ('"xs:int"><xs:enumeration value="1"/><xs:enumeration value="2"/>', {"enum": [1, 2]}),
        ('"xs:decimal"><xs:enumeration value="1.50"/>', {"enum": ["1.50"]}),
        ('"xs:string"><xs:length value="3"/>', {"minLength": 3, "maxLength": 3}),
        ('"Code"><xs:maxLength value="9"/>', {"minLength": 2, "maxLength": 9}),
        ('"xs:int"><xs:minInclusive value="0"/><xs:maxExclusive value="7"/>', {"minimum": 0, "exclusiveMaximum": 7}),
        ('"xs:string"><xs:pattern value="[A-Z]+"/><xs:pattern value="0"/>', {"pattern": "^(?:[A-Z]+|0)$"}),
        ('"xs:positiveInteger">', {"minimum": 1}),
        ('"xs:base64Binary">', {"contentEncoding": "base64"}),
        ('"xs:dateTime">', {"examples": ["2026-01-31T08:30:00"]}),
    ],
)
def test_each_facet_is_said_as_json_schema_says_it(inside: str, facets: dict[str, Any]) -> None:
    found = schema(f"<xs:restriction base={inside}</xs:restriction>")
    assert {name: found.get(name) for name in facets} == facets


@pytest.mark.parametrize("pattern", ["\\i\\c*", "\\p{Lu}+", "[a-z-[aeiou]]", "US$", "^x"])
def test_a_pattern_that_would_mean_something_else_is_left_out(pattern: str) -> None:
    assert "pattern" not in schema(f'<xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction>')


def test_a_date_with_time_has_no_format_because_it_may_lack_its_zone() -> None:
    assert "format" not in schema('<xs:restriction base="xs:dateTime"/>')


def test_a_fixed_attribute_has_its_one_value() -> None:
    shape = shape_from_xsd(XSD.format('<xs:restriction base="xs:string"/>').encode())
    assert schema_of_shape(shape)["properties"]["@fixed"]["const"] == "P"


def test_a_sample_of_every_published_platform_document_is_valid() -> None:
    """From the XML Schema to a JSON Schema, a sample of that, and back into XML: nothing may get lost on the way."""
    for path in sorted(samples("wst846").glob("*.xsd")):
        document = path.read_bytes()
        shape = shape_from_xsd(document)
        made = to_xml(sample(schema_of_shape(shape)), shape)
        assert compile_xsd(document, name=path.name)(made) == (), path.name
