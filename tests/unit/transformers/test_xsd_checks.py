"""An XSD check answers every violation with its path, in the schema's words, whoever else is checking."""

from __future__ import annotations

import sys
import threading

import pytest

from transformers.errors import TransformerInvalid
from transformers.schemas import compile_xsd
from transformers.xml import parse

HEAD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t"'
    ' targetNamespace="urn:t" elementFormDefault="qualified">'
)
OTHER = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o">{}</xs:schema>'
ORDER = f"""{HEAD}
<xs:element name="order"><xs:complexType><xs:sequence>
  <xs:element name="no"><xs:simpleType>
    <xs:restriction base="xs:string"><xs:maxLength value="4"/></xs:restriction></xs:simpleType></xs:element>
  <xs:element name="item" maxOccurs="9"><xs:complexType>
    <xs:sequence><xs:element name="count" type="xs:int"/></xs:sequence>
    <xs:attribute name="code" use="required" type="xs:date"/></xs:complexType></xs:element>
  <xs:element name="sex" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
    <xs:enumeration value="1"/><xs:enumeration value="2"/></xs:restriction></xs:simpleType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>""".encode()


def schema(inside: str) -> bytes:
    return f"{HEAD}{inside}</xs:schema>".encode()


def order(inside: str) -> bytes:
    return f'<order xmlns="urn:t">{inside}</order>'.encode()


GOOD = '<no>1</no><item code="2026-01-01"><count>1</count></item>'


def test_a_valid_document_has_no_violations() -> None:
    assert compile_xsd(ORDER)(parse(order(GOOD))) == ()


def test_all_violations_are_told_at_once_with_path_and_line() -> None:
    document = order(
        '<no>张三丰张三丰</no>\n<item code="2026-01-01"><count>1</count></item>\n'
        '<item code="昨天"><count>三</count></item>\n<item><count>1</count><x/></item><sex>男</sex>'
    )
    found = compile_xsd(ORDER)(parse(document))
    assert {(violation.path, violation.line) for violation in found} >= {
        ("/order/no", 1),
        ("/order/item[2]/@code", 3),
        ("/order/item[2]/count", 3),
        ("/order/item[3]", 4),
        ("/order/item[3]/x", 4),
        ("/order/sex", 4),
    }


def test_no_violation_quotes_a_value_of_the_document() -> None:
    document = order(
        "<no>张三丰张三丰</no><item code=\"张三丰' of the atomic type 'x\"><count>张三丰</count></item>"
        "<sex>张三丰</sex>"
    )
    found = compile_xsd(ORDER)(parse(document))
    assert len(found) >= 4
    for violation in found:
        assert "张三丰" not in repr(violation)
    assert "the value is not valid as xs:int" in {violation.message for violation in found}
    assert "the value breaks the facet maxLength" in {violation.message for violation in found}


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<no>1</no>", "a child of order is missing; expected is item"),
        ("<item/>", "item is not expected here; expected is no"),
        ("<no>1</no><item><count>1</count></item>", "the attribute code is required but missing"),
        (GOOD.replace("<no>", '<no k="1">'), None),
        (f"text{GOOD}", "order may not hold text"),
        (GOOD.replace("<no>1", "<no><a/>"), None),
    ],
)
def test_messages_say_what_was_expected(inside: str, message: str | None) -> None:
    found = compile_xsd(ORDER)(parse(order(inside)))
    assert found
    if message:
        assert message in {violation.message for violation in found}


def test_an_unknown_root_is_named() -> None:
    (violation,) = compile_xsd(ORDER)(parse(b"<Order/>"))
    assert violation.message == "the schema has no global element Order"


def test_a_payload_is_checked_while_it_hangs_in_its_envelope() -> None:
    envelope = parse(b"<e><b>" + order("<no>12345</no>") + b"</b></e>")
    found = compile_xsd(ORDER)(envelope[0][0])
    assert {violation.path for violation in found} == {"/order/no", "/order"}


def test_json_in_place_of_xml_is_a_violation() -> None:
    assert compile_xsd(ORDER)({"a": 1}) != ()


def test_a_substituted_type_is_checked_against_its_own_rules() -> None:
    source = schema(
        '<xs:complexType name="A"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence></xs:complexType>'
        '<xs:complexType name="B"><xs:complexContent><xs:extension base="A"><xs:sequence>'
        '<xs:element name="b" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>'
        '<xs:complexType name="C"/><xs:element name="r" type="A"/>'
    )
    check = compile_xsd(source)
    shell = '<r xmlns="urn:t" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="{}"><a>1</a><b>2</b></r>'
    assert check(parse(shell.format("B").encode())) == ()
    assert check(parse(shell.format("C").encode())) != ()
    assert check(parse(shell.format("xs:string").encode())) != ()


def test_includes_and_imports_are_found_by_file_name_wherever_they_point() -> None:
    main = schema(
        '<xs:include schemaLocation="./../deep/inc.xsd"/>'
        '<xs:import namespace="urn:o" schemaLocation="http://vendor.example/x/other.xsd"/>'
        '<xs:element name="r" type="N"/>'
    )
    include = schema(
        '<xs:include schemaLocation="more/types.xsd"/>'
        '<xs:simpleType name="N"><xs:restriction base="M"/></xs:simpleType>'
    )
    types = schema('<xs:simpleType name="M"><xs:restriction base="xs:int"/></xs:simpleType>')
    other = OTHER.format("").encode()
    check = compile_xsd(main, {"inc.xsd": include, "types.xsd": types, "other.xsd": other})
    assert check(parse(b"<r xmlns='urn:t'>1</r>")) == ()
    assert {violation.path for violation in check(parse(b"<r xmlns='urn:t'>x</r>"))} == {"/r"}


def test_an_import_without_location_is_served_by_its_namespace() -> None:
    main = schema(
        '<xs:import namespace="urn:o"/>'
        '<xs:element name="r"><xs:complexType><xs:sequence>'
        '<xs:element ref="o:b" xmlns:o="urn:o"/></xs:sequence></xs:complexType></xs:element>'
    )
    other = OTHER.format('<xs:element name="b" type="xs:int"/>').encode()
    check = compile_xsd(main, {"anything.xsd": other})
    assert check(parse(b"<r xmlns='urn:t'><b xmlns='urn:o'>1</b></r>")) == ()
    assert check(parse(b"<r xmlns='urn:t'><b xmlns='urn:o'>x</b></r>")) != ()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.xsd", "file:///etc/passwd", "/etc/passwd", "../../secret.xsd", "\\\\host\\x.xsd"]
)
@pytest.mark.parametrize("word", ["include", "import", "redefine"])
def test_schemas_from_anywhere_else_do_not_compile(word: str, address: str) -> None:
    with pytest.raises(TransformerInvalid, match="not among") as caught:
        compile_xsd(
            schema(
                f'\n<xs:{word} {"namespace=" + repr("urn:o") if word == "import" else ""} schemaLocation="{address}"/>'
            )
        )
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (schema('\n<xs:element name="r" type="None"/>'), 2),
        (schema("\n\n<xs:nonsense/>"), 3),
        (b"<xs:schema", 1),
        (b"<schema/>", 1),
        (b'<!DOCTYPE a><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>', None),
    ],
)
def test_a_schema_that_does_not_compile_says_on_which_line(source: bytes, line: int | None) -> None:
    with pytest.raises(TransformerInvalid) as caught:
        compile_xsd(source, name="order.xsd")
    assert caught.value.line == line
    assert "order.xsd" in str(caught.value)


def test_eight_threads_share_a_check_and_see_only_their_own_violations() -> None:
    check = compile_xsd(ORDER)
    wrong: list[object] = []

    def work(number: int) -> None:
        # Each thread breaks its own number of items: a leak from another thread changes the count or the lines.
        bad = parse(order("<no>1</no>" + f'<item code="p{number}"><count>1</count></item>' * (number + 1)))
        good = parse(order(GOOD))
        for _ in range(120):
            if check(good) != ():
                wrong.append("a good document was refused")
            found = check(bad)
            if {violation.path.rpartition("/")[2] for violation in found} != {"@code"} or len(found) != number + 1:
                wrong.append(found)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
