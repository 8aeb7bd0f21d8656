"""WSDLs read from the catalogue alone, and published with the bus's own addresses."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogues import SYSTEM, compiled, problems, service
from lxml import etree

from registry.catalogue import Catalogue
from registry.contracts.publish import publish
from registry.contracts.wsdl import read_wsdl
from registry.errors import ManifestInvalid
from registry.model import ServiceVersion

TYPES = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:lab:types"
  elementFormDefault="qualified"><xs:complexType name="Item"><xs:sequence>
  <xs:element name="code" type="xs:string"/></xs:sequence></xs:complexType></xs:schema>"""

WSDL = b"""<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
  xmlns:s11="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/"
  xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:unused="urn:unused"
  xmlns:tns="urn:lab" xmlns:t="urn:lab:types" targetNamespace="urn:lab">
 <wsdl:types>
  <xs:schema targetNamespace="urn:lab" elementFormDefault="qualified">
   <xs:import namespace="urn:lab:types" schemaLocation="../types/lab.xsd"/>
   <xs:element name="Place"><xs:complexType><xs:sequence>
    <xs:element name="no" type="xs:string"/>
    <xs:element name="item" type="t:Item" minOccurs="0" maxOccurs="unbounded"/>
   </xs:sequence></xs:complexType></xs:element>
  </xs:schema>
  <xs:schema targetNamespace="urn:lab" elementFormDefault="qualified">
   <xs:element name="PlaceReply"><xs:complexType><xs:sequence>
    <xs:element name="count" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
  </xs:schema>
 </wsdl:types>
 <wsdl:message name="In"><wsdl:part name="p" element="tns:Place"/></wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="p" element="tns:PlaceReply"/></wsdl:message>
 <wsdl:portType name="Lab"><wsdl:operation name="Place"><wsdl:input message="tns:In"/>
  <wsdl:output message="tns:Out"/></wsdl:operation></wsdl:portType>
 <wsdl:binding name="B11" type="tns:Lab"><s11:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Place"><s11:operation soapAction="urn:lab/Place"/>
   <wsdl:input><s11:body use="literal"/></wsdl:input><wsdl:output><s11:body use="literal"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:binding name="B12" type="tns:Lab"><s12:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Place"><s12:operation soapAction="urn:lab/Place"/>
   <wsdl:input><s12:body use="literal"/></wsdl:input><wsdl:output><s12:body use="literal"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="Lab">
  <wsdl:port name="P11" binding="tns:B11"><s11:address location="http://10.1.1.1/lab.asmx"/></wsdl:port>
  <wsdl:port name="P12" binding="tns:B12"><s12:address location="http://10.1.1.1/lab.asmx"/></wsdl:port>
  <wsdl:port name="PGet" binding="tns:B11"><http:address location="http://10.1.1.1/lab.asmx"/></wsdl:port>
 </wsdl:service>
</wsdl:definitions>"""

FILES = {"contracts/lab.wsdl": WSDL, "types/lab.xsd": TYPES}
HEAD = "contract: {wsdl: contracts/lab.wsdl}"


def version(operation: str = "- {name: Place, checks: {request: {wsdl: true}}}", faces: str = "") -> ServiceVersion:
    text = service(operation, protocol="soap11", head=HEAD).replace("system: lis\n", f"system: lis\n{faces}\n", 1)
    return compiled(SYSTEM, text, files=FILES).snapshot.services["lis"].versions["1"]


def test_operations_are_filled_from_the_wsdl() -> None:
    made = version()
    operation = made.by_element["{urn:lab}Place"]
    assert (operation.reply_element, operation.action, operation.form) == (
        "{urn:lab}PlaceReply",
        "urn:lab/Place",
        "xml",
    )
    assert made.by_action["urn:lab/Place"] is operation
    assert (operation.call.action, operation.request, operation.reply) == ("urn:lab/Place", (), ())


def test_the_wsdl_is_a_check_and_a_conversion_in_one() -> None:
    operation = version().operations["Place"]
    assert operation.request_check is not None
    assert operation.to_xml is not None
    element = operation.to_xml({"no": "7", "item": [{"code": "A"}]})
    assert operation.request_check.validator(element) == ()
    wrong = etree.fromstring('<Place xmlns="urn:lab"><item/></Place>')
    assert [violation.message for violation in operation.request_check.validator(wrong)]
    assert operation.reply_to_json is not None
    assert operation.reply_to_json(etree.fromstring('<PlaceReply xmlns="urn:lab"><count>3</count></PlaceReply>')) == {
        "count": 3
    }


def test_the_published_wsdl_names_only_the_bus() -> None:
    text = publish(version(), "", "https://bus.example") or b""
    root = etree.fromstring(text)
    assert [str(each.get("location")) for each in root.iter("{*}address")] == ["https://bus.example/soap/lis/1"] * 2
    assert [str(each.get("name")) for each in root.iter("{*}port")] == ["P11", "P12"]
    (imported,) = root.iter("{http://www.w3.org/2001/XMLSchema}import")
    assert imported.get("schemaLocation") == "https://bus.example/soap/lis/1?xsd=types/lab.xsd"
    assert b"10.1.1.1" not in text
    assert b"urn:unused" not in text
    assert root.nsmap["t"] == "urn:lab:types"


def test_every_import_of_the_published_wsdl_can_be_fetched_by_its_name() -> None:
    made = version()
    assert publish(made, "types/lab.xsd", "https://bus.example") is not None
    assert publish(made, "../../etc/passwd", "https://bus.example") is None
    assert publish(made, "lab.xsd", "https://bus.example") is None


def test_a_soap_version_that_is_no_face_is_not_published() -> None:
    root = etree.fromstring(publish(version(faces="faces: [soap12, rest]"), "", "https://bus.example") or b"")
    assert [str(each.get("name")) for each in root.iter("{*}port")] == ["P12"]


def test_an_operation_that_the_manifest_does_not_list_is_not_published() -> None:
    more = WSDL
    for tag in (b"<wsdl:portType ", b"<wsdl:binding "):
        for part in WSDL.split(tag)[1:]:
            operation = part[part.index(b"<wsdl:operation") : part.index(b"</wsdl:operation>") + 17]
            more = more.replace(operation, operation + operation.replace(b"Place", b"Cancel"), 1)
    files = FILES | {"contracts/lab.wsdl": more.replace(b"urn:lab/Cancel", b"urn:lab/Cancel2")}
    made = compiled(SYSTEM, service("- {name: Place}", protocol="soap11", head=HEAD), files=files)
    root = etree.fromstring(publish(made.snapshot.services["lis"].versions["1"], "", "https://bus.example") or b"")
    assert more.count(b"Cancel") > 3
    assert {each.get("name") for each in root.iter("{*}operation") if each.get("name")} == {"Place"}


def test_an_operation_that_the_wsdl_lacks_is_a_problem_with_a_hint() -> None:
    found = problems(SYSTEM, service("- {name: Placee}", protocol="soap11", head=HEAD), files=FILES)
    assert found == ["m.yaml:12: the WSDL contracts/lab.wsdl binds no operation 'Placee' (did you mean Place?)"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"../types/lab.xsd", b"../types/lba.xsd", "lab.wsdl:7: imports ../types/lba.xsd, which is not there"),
        (b"../types/lab.xsd", b"http://evil.example/lab.xsd", "imports http://evil.example/lab.xsd from outside"),
        (b"../types/lab.xsd", b"file:///etc/passwd", "imports file:///etc/passwd from outside"),
        (b"../types/lab.xsd", b"/etc/passwd", "imports /etc/passwd, which is not there"),
        (b"</wsdl:types>", b"", "not well-formed"),
        (b"<wsdl:types>", b"<!DOCTYPE x><wsdl:types>", "contracts/lab.wsdl:"),
        (b'message="tns:In"', b'message="tns:Nothing"', "binds no operation to SOAP"),
        (b'message="tns:In"', b'message="tns:Nothing"', "lab.wsdl:20: the input of the operation Place has message"),
        (b'type="tns:Lab"', b'type="tns:Lba"', "no portType Lba is declared (did you mean Lab?)"),
    ],
)
def test_a_wsdl_that_cannot_be_used_is_named_with_its_reason(old: bytes, new: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        read_wsdl(Catalogue({**FILES, "contracts/lab.wsdl": WSDL.replace(old, new)}), "contracts/lab.wsdl")
    assert says in str(caught.value)


def test_a_file_outside_of_the_catalogue_is_never_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside.xsd"
    outside.write_bytes(TYPES)
    wsdl = WSDL.replace(b"../types/lab.xsd", str(outside).encode())
    with pytest.raises(ManifestInvalid, match="which is not there"):
        read_wsdl(Catalogue({"lab.wsdl": wsdl}), "lab.wsdl")


def test_an_import_from_the_internet_means_the_file_beside_it() -> None:
    wsdl = WSDL.replace(b"../types/lab.xsd", b"http://vendor.example/schemas/lab.xsd")
    contract = read_wsdl(Catalogue({"c/lab.wsdl": wsdl, "c/vendor.xsd": TYPES}), "c/lab.wsdl")
    assert set(contract.published.documents) == {"lab.wsdl", "vendor.xsd"}
    assert b"vendor.example" not in contract.published.documents["lab.wsdl"]


def test_a_wsdl_in_gbk_is_read_as_its_vendor_saved_it() -> None:
    wsdl = b'<?xml version="1.0" encoding="gb2312"?>' + WSDL.replace(b"B11", "检验".encode("gbk"))
    contract = read_wsdl(Catalogue({**FILES, "contracts/lab.wsdl": wsdl}), "contracts/lab.wsdl")
    assert set(contract.operations) == {"Place"}
