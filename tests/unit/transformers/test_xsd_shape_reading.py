"""The structure of real XML Schemas is read whole: types, references, extension, several documents."""

from __future__ import annotations

import pytest
from outside import samples

from transformers import ns
from transformers.errors import TransformerInvalid
from transformers.xml import parse, serialise
from transformers.xml_json import shape_from_xsd, to_json, to_xml
from transformers.xsd import compile_xsd
from transformers.xsd_documents import SchemaIndex
from transformers.xsd_shape import Shapes

HEAD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:o"'
    ' targetNamespace="urn:t" elementFormDefault="qualified">'
)
PLAIN = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">'


def xsd(inside: str, head: str = HEAD) -> bytes:
    return f"{head}{inside}</xs:schema>".encode()


def element(inside: str, occurs: str = "") -> str:
    content = f"<xs:sequence{occurs}>{inside}</xs:sequence>"
    return f'<xs:element name="r"><xs:complexType>{content}</xs:complexType></xs:element>'


LAB = xsd(
    """
  <xs:element name="PlaceOrder"><xs:complexType><xs:sequence>
    <xs:element name="orderNo" type="t:No"/>
    <xs:element ref="t:patient"/>
    <xs:element name="item" type="t:Item" maxOccurs="unbounded"/>
    <xs:choice><xs:element name="cash" type="xs:decimal"/><xs:element name="card" type="t:Card"/></xs:choice>
    <xs:group ref="t:audit"/>
    <xs:element name="due" type="xs:date" nillable="true" minOccurs="0"/>
    <xs:any namespace="##other" minOccurs="0" processContents="lax"/>
  </xs:sequence><xs:attribute name="v" type="xs:int"/><xs:attributeGroup ref="t:common"/></xs:complexType></xs:element>
  <xs:element name="patient"><xs:complexType><xs:all>
    <xs:element name="name" type="xs:string"/><xs:element name="old" type="xs:boolean" minOccurs="0"/>
  </xs:all></xs:complexType></xs:element>
  <xs:simpleType name="No"><xs:restriction base="xs:string"><xs:maxLength value="9"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Small"><xs:restriction base="xs:short"/></xs:simpleType>
  <xs:complexType name="Base"><xs:sequence><xs:element name="code" type="xs:string"/></xs:sequence></xs:complexType>
  <xs:complexType name="Item"><xs:complexContent><xs:extension base="t:Base"><xs:sequence>
    <xs:element name="count" type="t:Small" minOccurs="0"/>
    <xs:element name="sub" type="t:Item" minOccurs="0" maxOccurs="3"/>
  </xs:sequence><xs:attribute name="k" use="required"/></xs:extension></xs:complexContent></xs:complexType>
  <xs:complexType name="Card"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="bank" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:group name="audit"><xs:sequence><xs:element name="by" type="xs:string" minOccurs="0"/></xs:sequence></xs:group>
  <xs:attributeGroup name="common"><xs:attribute name="lang" type="xs:language"/></xs:attributeGroup>
"""
)
DOCUMENT = (
    '<PlaceOrder xmlns="urn:t" v="2" lang="zh"><orderNo>007</orderNo><patient><name>张三</name></patient>'
    '<item k="1"><code>A</code><count>3</count><sub k="2"><code>B</code></sub></item>'
    '<card bank="ICBC">1234</card><by>x</by></PlaceOrder>'
).encode()


def test_a_document_of_every_construct_is_converted_and_comes_back_valid() -> None:
    shape = shape_from_xsd(LAB, root="PlaceOrder")
    value = to_json(parse(DOCUMENT), shape)
    assert value == {
        "@v": 2,
        "@lang": "zh",
        "orderNo": "007",
        "patient": {"name": "张三"},
        "item": [{"@k": "1", "code": "A", "count": 3, "sub": [{"@k": "2", "code": "B", "sub": []}]}],
        "card": {"@bank": "ICBC", "#text": "1234"},
        "by": "x",
    }
    back = parse(serialise(to_xml(value, shape)))
    assert compile_xsd(LAB)(parse(DOCUMENT)) == ()
    assert compile_xsd(LAB)(back) == ()


def test_decimals_keep_every_digit_and_nil_is_null() -> None:
    shape = shape_from_xsd(LAB, root="{urn:t}PlaceOrder")
    document = parse(
        b'<PlaceOrder xmlns="urn:t"><orderNo>1</orderNo><patient><name/><old>0</old></patient><item k=""><code/></item>'
        b'<cash>0012.500</cash><due xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></PlaceOrder>'
    )
    value = to_json(document, shape)
    assert value["cash"] == "0012.500"  # type: ignore[index,call-overload]
    assert value["due"] is None  # type: ignore[index,call-overload]
    assert value["patient"]["old"] is False  # type: ignore[index,call-overload]
    assert compile_xsd(LAB)(to_xml(value, shape)) == ()


def test_included_and_imported_documents_are_read_with_their_namespaces() -> None:
    main = xsd(
        '<xs:include schemaLocation="../a/inc.xsd"/><xs:import namespace="urn:o"/>'
        + element('<xs:element name="a" type="t:A"/><xs:element ref="o:b"/>')
    )
    chameleon = xsd(
        '<xs:complexType name="A"><xs:sequence><xs:element name="x" type="B"/></xs:sequence></xs:complexType>'
        '<xs:simpleType name="B"><xs:restriction base="xs:integer"/></xs:simpleType>',
        PLAIN,
    )
    other = xsd(
        '<xs:element name="b" type="xs:boolean"/>', PLAIN.replace("elementForm", 'targetNamespace="urn:o" elementForm')
    )
    includes = {"inc.xsd": chameleon, "other.xsd": other}
    shape = shape_from_xsd(main, includes)
    made = to_xml({"a": {"x": 5}, "b": True}, shape)
    assert serialise(made) == b'<r xmlns="urn:t"><a><x>5</x></a><ns0:b xmlns:ns0="urn:o">true</ns0:b></r>'
    assert to_json(made, shape) == {"a": {"x": 5}, "b": True}
    assert compile_xsd(main, includes)(made) == ()


def test_unqualified_children_are_written_without_namespace() -> None:
    main = xsd(element('<xs:element name="a" type="xs:int"/>'), HEAD.replace("qualified", "unqualified"))
    made = parse(serialise(to_xml({"a": 1}, shape_from_xsd(main))))
    assert made[0].tag == "a"
    assert compile_xsd(main)(made) == ()


def test_the_rounds_of_a_repeated_sequence_are_written_as_rounds() -> None:
    pair = '<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>'
    main = xsd(element(pair, ' maxOccurs="unbounded"'))
    shape = shape_from_xsd(main)
    made = to_xml({"a": [1, 3], "b": [2, 4]}, shape)
    assert [child.text for child in made] == ["1", "2", "3", "4"]
    assert to_json(made, shape) == {"a": [1, 3], "b": [2, 4]}
    assert compile_xsd(main)(made) == ()


@pytest.mark.parametrize(
    "inside",
    [
        '<xs:element name="r" type="t:Missing"/>',
        '<xs:include schemaLocation="http://127.0.0.1:9/x.xsd"/><xs:element name="r" type="xs:int"/>',
        element('<xs:element ref="t:none"/>'),
        '<xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>',
        "",
    ],
)
def test_a_schema_with_loose_ends_does_not_compile(inside: str) -> None:
    with pytest.raises(TransformerInvalid):
        shape_from_xsd(xsd(inside))


def test_all_published_platform_schemas_are_read() -> None:
    folder = samples("wst846")
    for path in sorted(folder.glob("*.xsd")):
        assert shape_from_xsd(path.read_bytes()).types, path.name


TREE = xsd(
    """
  <xs:complexType name="Node"><xs:sequence>
    <xs:element name="label" type="xs:string"/><xs:element name="child" type="t:Node" minOccurs="0"/>
  </xs:sequence></xs:complexType>
  <xs:complexType name="Leaf"><xs:complexContent><xs:extension base="t:Node"><xs:sequence>
    <xs:element name="value" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
  <xs:element name="tree" type="t:Node"/>
  <xs:element name="wood"><xs:complexType><xs:sequence>
    <xs:element name="tree" type="t:Node" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="broken"><xs:complexType><xs:sequence>
    <xs:element ref="t:tree"/><xs:element name="half" type="t:Half"/></xs:sequence></xs:complexType></xs:element>
  <xs:complexType name="Half"><xs:sequence>
    <xs:element name="other" type="t:Missing"/></xs:sequence></xs:complexType>
"""
)


def test_a_type_that_extends_the_one_that_holds_it_has_all_of_its_fields() -> None:
    shape = shape_from_xsd(TREE, root="tree")
    document = parse(
        f'<tree xmlns="urn:t" xmlns:xsi="{ns.XSI}"><label>a</label><child xsi:type="Leaf"><label>b</label>'
        "<child><label>c</label></child><value>7</value></child></tree>".encode()
    )
    value = to_json(document, shape)
    assert value == {
        "label": "a",
        "child": {"@xsi:type": "Leaf", "label": "b", "child": {"label": "c"}, "value": 7},
    }
    assert to_json(to_xml(value, shape), shape) == value


def test_elements_of_one_schema_share_the_types_that_they_reach() -> None:
    shapes = Shapes(SchemaIndex(TREE, {}))
    tree, wood = shapes.of("tree"), shapes.of("wood")
    assert tree.types["{urn:t}Leaf"] is wood.types["{urn:t}Leaf"]
    assert set(tree.types) == {"{urn:t}Node", "{urn:t}Leaf", ns.clark(ns.XSD, "string"), ns.clark(ns.XSD, "int")}
    assert tree == shape_from_xsd(TREE, root="tree")


def test_a_type_that_is_missing_refuses_the_elements_that_reach_it_and_no_others() -> None:
    shapes = Shapes(SchemaIndex(TREE, {}))
    for _ in range(2):
        with pytest.raises(TransformerInvalid, match="no type 't:Missing'"):
            shapes.of("broken")
    assert shapes.of("tree") == shape_from_xsd(TREE, root="tree")
