"""Every JSON form that docs/xml-json.md promises, on the smallest document that has it, in both directions."""

from __future__ import annotations

from time import process_time

import pytest
from xsd_worlds import canonical

from transformers.document import Json
from transformers.errors import ContractViolation, TransformerInvalid
from transformers.xml import parse, serialise
from transformers.xml_json import shape_from_json_schema, shape_from_xsd, to_json, to_xml
from transformers.xsd import compile_xsd

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
TYPES = """
<xs:complexType name="Payment"><xs:sequence><xs:element name="amount" type="xs:decimal"/></xs:sequence></xs:complexType>
<xs:complexType name="Card"><xs:complexContent><xs:extension base="t:Payment"><xs:sequence>
 <xs:element name="bank" type="xs:string"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:element name="drug" type="xs:string"/><xs:element name="herb" type="xs:string" substitutionGroup="t:drug"/>
"""


def schema(content: str, head: str = "") -> bytes:
    """A schema whose element ``r`` has this complex type's content."""
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"'
        f' elementFormDefault="qualified"><xs:element name="r"><xs:complexType{head}>{content}</xs:complexType>'
        f"</xs:element>{TYPES}</xs:schema>"
    ).encode()


def sequence(inside: str, occurs: str = "") -> str:
    return f"<xs:sequence{occurs}>{inside}</xs:sequence>"


AB = '<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>'
ANY = '<xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>'
UNBOUNDED = ' minOccurs="0" maxOccurs="unbounded"'

FORMS: dict[str, tuple[bytes, str, Json]] = {
    "a repeated choice in an order of its own": (
        schema(f"<xs:choice{UNBOUNDED}>{AB}</xs:choice>"),
        "<a>1</a><b>2</b><a>3</a>",
        {"a": [1, 3], "b": [2], "#order": ["a", "b", "a"]},
    ),
    "a repeated choice in the order that is written": (
        schema(f"<xs:choice{UNBOUNDED}>{AB}</xs:choice>"), "<a>1</a><a>3</a><b>2</b>", {"a": [1, 3], "b": [2]},
    ),
    "xs:all in another order than the schema's": (
        schema(f"<xs:all>{AB}</xs:all>"), "<b>2</b><a>1</a>", {"a": 1, "b": 2, "#order": ["b", "a"]},
    ),
    "one name in two places": (
        schema(sequence(AB + '<xs:element name="a" type="xs:int"/>')), "<a>1</a><b>2</b><a>3</a>",
        {"a": [1, 3], "b": 2},
    ),
    "mixed content": (
        schema(sequence('<xs:element ref="t:drug" minOccurs="0"/>'), ' mixed="true"'),
        "Take <drug>aspirin</drug> daily",
        {"#text": ["Take ", " daily"], "drug": "aspirin", "#order": ["#text", "drug", "#text"]},
    ),
    "mixed content without children": (
        schema(sequence('<xs:element ref="t:drug" minOccurs="0"/>'), ' mixed="true"'), "rest", {"#text": "rest"},
    ),
    "a member of a substitution group": (
        schema(sequence('<xs:element ref="t:drug"/>')), "<herb>当归</herb>", {"herb": "当归"},
    ),
    "a derived type": (
        schema(sequence('<xs:element name="payment" type="t:Payment"/>')),
        f'<payment {XSI} xmlns:q="urn:t" xsi:type="q:Card"><amount>5.60</amount><bank>ICBC</bank></payment>',
        {"payment": {"@xsi:type": "Card", "amount": "5.60", "bank": "ICBC"}},
    ),
    "a nil with attributes": (
        schema(sequence(
            '<xs:element name="n" nillable="true"><xs:complexType><xs:simpleContent><xs:extension base="xs:int">'
            '<xs:attribute name="unit"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>')),
        f'<n {XSI} unit="mg" xsi:nil="true"/>', {"n": {"@xsi:nil": True, "@unit": "mg"}},
    ),
    "an anyType of a type of its own": (
        schema(sequence('<xs:element name="v" type="xs:anyType"/>')),
        f'<v {XSI} xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:decimal">5.60</v>',
        {"v": {"@xsi:type": "xs:decimal", "#text": "5.60"}},
    ),
    "an anyType of a type of the schema": (
        schema(sequence(
            '<xs:element name="p" type="t:Payment" minOccurs="0"/><xs:element name="v" type="xs:anyType"/>')),
        f'<v {XSI} xmlns:q="urn:t" xsi:type="q:Card"><amount>1</amount><bank>B</bank></v>',
        {"v": {"@xsi:type": "Card", "amount": "1", "bank": "B"}},
    ),
    "elements that no schema describes": (
        schema(sequence(AB + ANY)),
        '<a>1</a><b>2</b><x:d xmlns:x="urn:x" x:k="1" l="2"><x:e>5</x:e>t<f xmlns="">6</f><x:e/></x:d>',
        {
            "a": 1, "b": 2,
            "{urn:x}d": {
                "@{urn:x}k": "1", "@l": "2", "e": ["5", ""], "{}f": "6", "#text": "t",
                "#order": ["e", "#text", "{}f", "e"],
            },
        },
    ),
    "a name that two namespaces share": (
        schema(sequence('<xs:element name="a" type="xs:int"/>' + ANY)), '<a>1</a><a xmlns="urn:x">2</a>',
        {"a": 1, "{urn:x}a": "2"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_as_documented_and_written_back_the_same(form: str) -> None:
    xsd, inside, value = FORMS[form]
    document = parse(f'<r xmlns="urn:t">{inside}</r>'.encode())
    assert compile_xsd(xsd)(document) == ()
    shape = shape_from_xsd(xsd, root="r")
    assert to_json(document, shape) == value
    again = parse(serialise(to_xml(value, shape)))
    assert canonical(again) == canonical(document)


def test_json_that_says_no_order_is_written_in_one_that_the_schema_allows() -> None:
    repeated = schema(sequence(AB, UNBOUNDED))
    made = to_xml({"b": [2, 4], "a": [1, 3]}, shape_from_xsd(repeated, root="r"))
    assert [child.text for child in made] == ["1", "2", "3", "4"]
    assert compile_xsd(repeated)(made) == ()


def test_a_type_of_soaps_own_encoding_that_repeats_the_declared_one_says_nothing() -> None:
    shape = shape_from_xsd(schema(sequence(AB)), root="r")
    soapenc = "http://schemas.xmlsoap.org/soap/encoding/"
    document = parse(f'<r xmlns="urn:t" {XSI} xmlns:e="{soapenc}"><a xsi:type="e:int">1</a><b>2</b></r>'.encode())
    assert to_json(document, shape) == {"a": 1, "b": 2}


def test_json_numbers_and_truths_survive_where_the_schema_allows_anything() -> None:
    shape = shape_from_json_schema({"type": "object", "properties": {"v": {}}}, "r", "urn:x")
    value: Json = {"v": {"n": 5, "f": 1.5, "t": True, "s": "5", "none": None, "list": ["a", "b"]}}
    assert to_json(parse(serialise(to_xml(value, shape))), shape) == value


@pytest.mark.parametrize("value", [5, "五", True, None])
def test_a_scalar_may_stand_where_the_schema_allows_anything(value: Json) -> None:
    shape = shape_from_json_schema({"type": "object", "properties": {"v": {"nullable": True}}}, "r", "urn:x")
    made = to_json(parse(serialise(to_xml({"v": value}, shape))), shape)
    assert made == {"v": value} or value is None


def test_listed_values_of_a_json_schema_keep_their_types() -> None:
    shape = shape_from_json_schema({"type": "object", "properties": {"v": {"enum": [1, 2]}}}, "r")
    assert to_json(to_xml({"v": 2}, shape), shape) == {"v": 2}


@pytest.mark.parametrize("name", ["No such", "{urn:t}Missing"])
def test_an_unknown_type_name_does_not_break_the_document(name: str) -> None:
    xsd = schema(sequence('<xs:element name="payment" type="t:Payment"/>'))
    with pytest.raises(ContractViolation):
        to_xml({"payment": {"@xsi:type": name, "amount": "x"}}, shape_from_xsd(xsd, root="r"))


def test_a_schema_that_redefines_types_is_refused_by_name() -> None:
    main = schema(sequence(AB)).replace(
        b'<xs:element name="r">',
        b'<xs:redefine schemaLocation="o.xsd"><xs:simpleType name="x"/></xs:redefine><xs:element name="r">',
    )
    with pytest.raises(TransformerInvalid, match="xs:redefine"):
        shape_from_xsd(main, {"o.xsd": b"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>"}, root="r")


def test_documents_of_many_names_and_many_mistakes_cost_no_more_than_their_size() -> None:
    many = "".join(f'<x{number} xmlns="urn:x"/>' for number in range(30_000))
    wild = shape_from_xsd(schema(f"<xs:choice{UNBOUNDED}><xs:any namespace='##other'/></xs:choice>"), root="r")
    wrong = shape_from_xsd(schema(sequence('<xs:element name="a" type="xs:int" maxOccurs="unbounded"/>')), root="r")
    began = process_time()
    value = to_json(parse(f'<r xmlns="urn:t">{many}</r>'.encode()), wild)
    assert len(to_xml(value, wild)) == 30_000
    with pytest.raises(ContractViolation, match="30000 values") as caught:
        to_json(parse(f'<r xmlns="urn:t">{"<a>x</a>" * 30_000}</r>'.encode()), wrong)
    assert caught.value.violations[1].path == "/r/a[2]"
    assert process_time() - began < 10
