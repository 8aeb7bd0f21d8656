"""A WSDL that cannot be read is refused in words about itself: which element, on which line, and what to do."""

from __future__ import annotations

import pytest

from registry.catalogue import Catalogue
from registry.contracts.diagnosis import MOST, diagnose
from registry.contracts.documents import closure
from registry.contracts.schemas import SchemaSet
from registry.contracts.wsdl import read_wsdl
from registry.errors import ManifestInvalid
from registry.library import Library

SCHEMA = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:more"
  elementFormDefault="qualified">
 <xs:element name="more" type="xs:string"/>
</xs:schema>"""

WSDL = b"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:lab" xmlns:m="urn:more" targetNamespace="urn:lab">
 <types>
  <xs:schema targetNamespace="urn:lab"
    elementFormDefault="qualified">
   <xs:import namespace="urn:more" schemaLocation="more.xsd"/>
   <xs:element name="Place"><xs:complexType><xs:sequence>
    <xs:element name="no" type="t:No"/>
    <xs:element ref="m:more"/>
   </xs:sequence></xs:complexType></xs:element>
   <xs:element name="Placed" type="t:No"/>
   <xs:simpleType name="No">
    <xs:restriction base="xs:string"><xs:pattern value="[0-9]+"/></xs:restriction>
   </xs:simpleType>
  </xs:schema>
 </types>
 <message name="In"><part name="p" element="t:Place"/></message>
 <message name="Out"><part name="p" element="t:Placed"/></message>
 <portType name="Lab">
  <operation name="Place"><input message="t:In"/><output message="t:Out"/></operation>
 </portType>
 <binding name="Soap" type="t:Lab">
  <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Place"><soap:operation soapAction=""/>
   <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
 </binding>
 <service name="Lab"><port name="P" binding="t:Soap"><soap:address location="http://lab.example/"/></port></service>
</definitions>"""


def files(old: bytes = b"", new: bytes = b"") -> Catalogue:
    assert old in WSDL + SCHEMA
    return Catalogue({"lab.wsdl": WSDL.replace(old, new), "more.xsd": SCHEMA.replace(old, new)})


def checked(catalogue: Catalogue) -> SchemaSet:
    """The schemas of the WSDL, once they have compiled."""
    schemas = read_wsdl(catalogue, "lab.wsdl").schemas
    assert schemas is not None
    Library(catalogue).xsd_validator(schemas, "lab.wsdl")
    return schemas


def refusal(catalogue: Catalogue) -> list[str]:
    """What somebody is told who reads this WSDL and checks messages by it."""
    with pytest.raises(ManifestInvalid) as caught:
        checked(catalogue)
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_contract_has_nothing_to_diagnose() -> None:
    assert diagnose(closure(files(), "lab.wsdl")) == ()
    checked(files())


TOLD = {
    "a binding of no portType": (
        b' type="t:Lab"', b"",
        'lab.wsdl:22: the binding Soap has no type (write type="\u2026", the portType that it stands for)',
    ),
    "a binding of a portType that is not there": (
        b'type="t:Lab"', b'type="t:Lad"',
        'lab.wsdl:22: the binding Soap has type="t:Lad", and no portType Lad is declared (did you mean Lab?)',
    ),
    "a port of no binding": (
        b' binding="t:Soap"', b"",
        'lab.wsdl:27: the port P has no binding (write binding="\u2026", the binding that it stands for)',
    ),
    "a prefix that nobody declared": (
        b'type="t:Lab"', b'type="u:Lab"',
        'lab.wsdl:22: the binding Soap has type="u:Lab", and the prefix u is declared nowhere around it'
        ' (write xmlns:u="\u2026" on it or around it)',
    ),
    "a type that is not there": (
        b'name="no" type="t:No"', b'name="no" type="t:Nr"',
        'lab.wsdl:8: the element no has type="t:Nr", and no type Nr is declared (known: No)',
    ),
    "a type that XML Schema lacks": (
        b'base="xs:string"', b'base="xs:strng"',
        'lab.wsdl:13: the restriction of the simpleType No has base="xs:strng", and XML Schema has no type strng'
        " (did you mean string?)",
    ),
    "a name without its prefix": (
        b'name="Placed" type="t:No"', b'name="Placed" xmlns="" type="No"',
        'lab.wsdl:11: the element Placed has type="No", and no type No is declared'
        " (one is in urn:lab, and this means no namespace)",
    ),
    "an element that XML Schema lacks": (
        b"xs:sequence>", b"xs:sequnce>", "lab.wsdl:7: XML Schema has no element sequnce (did you mean sequence?)"
    ),
    "a namespace that the file does not declare": (
        b'<xs:import namespace="urn:more"', b'<xs:import namespace="urn:less"',
        "lab.wsdl:6: imports urn:less from more.xsd, which declares urn:more (write the namespace that the file"
        " declares)",
    ),
    "an include of no file": (
        b'<xs:import namespace="urn:more" schemaLocation="more.xsd"/>', b"<xs:include/>",
        "lab.wsdl:6: xs:include has no schemaLocation (name the file that it takes in)",
    ),
    "a text that got lost": (
        b'<xs:element name="Placed" type="t:No"/>', b'<xs:element name="Placed" type="t:No"/>e',
        "lab.wsdl:11: the schema holds the text 'e', where only elements may stand (remove it)",
    ),
    "a name where none may be": (
        b'name="Place"><xs:complexType>', b'name="Place"><xs:complexType name="PlaceType">',
        "lab.wsdl:7: the complexType PlaceType stands inside another declaration and has a name"
        " (drop the name, or move it to the top of its schema)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TOLD)
def test_a_fault_of_a_wsdl_is_told_with_its_element_its_line_and_what_to_do(kind: str) -> None:
    old, new, told = TOLD[kind]
    found = refusal(files(old, new))
    assert told in found
    assert not [line for line in found if "Error" in line or "not a usable" in line]


def test_what_only_the_compiler_of_schemas_sees_is_told_with_the_line_of_the_wsdl() -> None:
    (told,) = refusal(files(b"[0-9]+", b"[0-9"))
    assert told.startswith("lab.wsdl:13: the schema does not compile: ")


def test_a_fault_in_a_schema_beside_the_wsdl_is_told_of_that_file() -> None:
    (told,) = refusal(files(b'<xs:element name="more" type="xs:string"/>', b'<xs:element name="more" nillable="x"/>'))
    assert told.startswith("more.xsd:3: the schema does not compile: ")


def test_a_wsdl_full_of_faults_is_told_the_first_ones_and_how_many_there_are() -> None:
    many = b"".join(b'<message name="M%d"><part name="p" element="t:Gone%d"/></message>' % (n, n) for n in range(50))
    found = diagnose(closure(files(b'<portType name="Lab">', many + b'<portType name="Lab">'), "lab.wsdl"))
    assert len(found) == MOST + 1
    assert found[-1].message == "and 30 more"


def test_a_prefix_that_only_one_element_declares_stays_with_it() -> None:
    nested = b'<xs:element name="no" type="x:No" xmlns:x="urn:lab"/>'
    shape = checked(files(b'<xs:element name="no" type="t:No"/>', nested)).shapes.of("Place")
    assert shape.types[shape.type].fields[0].type == "{urn:lab}No"
