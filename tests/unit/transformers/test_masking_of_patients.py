"""Nobody who only follows a flow can read a patient from it, whatever system the document is from."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers.errors import TransformerInvalid
from transformers.masking import DEFAULT_RULES, MaskKind, Rules, mask, mask_body, mask_text, mask_value
from transformers.xml import parse, serialise

ID, OLD_ID, MOBILE, NAME = "11010519491231002X", "110105491231002", "18049531999", "段正淳"
WST846 = f"""<PRPA_IN201311UV02 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <id root="2.16.156.10011.2.5.1.1" extension="22a0f9e0-4454-11dc-a6be-3603d6866807"/>
 <creationTime value="20261123101500"/>
 <controlActProcess><subject><registrationRequest><subject1><patient>
  <id><item root="2.16.156.10011.2.5.1.4" extension="P0001"/></id>
  <patientPerson><id><item root="2.16.156.10011.1.3" extension="{ID}"/></id>
   <name xsi:type="LIST_EN"><item><part value="{NAME}"/></item></name>
   <telecom xsi:type="BAG_TEL"><item value="{MOBILE}"/></telecom>
   <administrativeGenderCode code="1"/><birthTime value="19491231"/>
   <addr xsi:type="BAG_AD"><item use="H"><part type="SAL" value="北京市海淀区颐和园路5号"/></item></addr>
   <asOtherIDs><id><item root="2.16.156.10011.1.19" extension="38273N237"/></id></asOtherIDs>
   <personalRelationship><telecom><item value="13800001234"/></telecom>
    <relationshipHolder1><name><item><part value="刀白凤"/></item></name></relationshipHolder1>
   </personalRelationship></patientPerson>
  <providerOrganization><id><item root="2.16.156.10011.1.5" extension="1001"/></id>
   <name><item><part value="检验科"/></item></name></providerOrganization>
 </patient></subject1></registrationRequest></subject></controlActProcess></PRPA_IN201311UV02>"""
SECRETS = (ID, NAME, MOBILE, "19491231", "颐和园", "38273N237", "13800001234", "刀白凤")


def hidden(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize(
    ("kind", "text", "masked"),
    [
        ("name", "段正淳", "段**"),
        ("name", "王", "*"),
        ("name", "欧阳娜娜", "欧***"),
        ("id", ID, "1***************2X"),
        ("id", OLD_ID, "1************02"),
        ("mobile", MOBILE, "180****1999"),
        ("mobile", "+8618049531999", "180****1999"),
        ("mobile", "010-62751234", "010-******34"),
        ("phone", "07556275", "0755**75"),
        ("address", "北京市海淀区颐和园路5号", "北京市海淀区******"),
        ("address", "广东省兴宁县幸福小区3栋", "广东省兴宁县******"),
        ("address", "幸福小区3栋", "******"),
        ("address", "北京市颐和园路5号", "北京市******"),
        ("email", "zhang@example.cn", "z****@example.cn"),
        ("card", "6222021234567890", "6222********7890"),
        ("birth", "1949-12-31", "1949-**-**"),
        ("birth", "19491231", "1949****"),
        ("secret", "pa55", "***"),
    ],
)
def test_each_kind_of_value_keeps_only_what_its_rule_keeps(kind: MaskKind, text: str, masked: str) -> None:
    assert mask_value(kind, text) == masked


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["name", "id", "mobile", "phone", "address", "card", "birth", "secret", "email"]),
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
)
def test_something_of_every_value_is_hidden_whatever_it_is(kind: MaskKind, text: str) -> None:
    assert mask_value(kind, text) != text
    assert "*" in mask_value(kind, text)


def test_blank_values_stay_blank() -> None:
    assert [mask_value("id", text) for text in ("", "  ")] == ["", "  "]


def test_a_platform_standard_document_hides_the_person_and_keeps_the_rest() -> None:
    document = parse(WST846.encode())
    masked = serialise(mask(document)).decode()  # type: ignore[arg-type]
    assert hidden(masked)
    for kept in ("检验科", "P0001", "20261123101500", "22a0f9e0-4454-11dc-a6be-3603d6866807", 'extension="1001"'):
        assert kept in masked
    assert NAME in serialise(document).decode(), "the document itself stays as it was"


@pytest.mark.parametrize("form", ["cdata", "escaped", "base64", "base64-gbk", "prolog", "json-in-string"])
def test_a_document_within_a_string_is_masked_inside(form: str) -> None:
    holder = etree.Element("HIPMessageServer")
    message = etree.SubElement(holder, "message")
    message.text = {
        "cdata": etree.CDATA(WST846),
        "escaped": WST846,
        "base64": base64.b64encode(WST846.encode()).decode(),
        "base64-gbk": base64.b64encode(b'<?xml version="1.0" encoding="GBK"?>' + WST846.encode("gbk")).decode(),
        "prolog": etree.CDATA('<?xml version="1.0" encoding="utf-16"?>' + WST846),
        "json-in-string": json.dumps({"psn_name": NAME, "certno": ID, "mob": {"mobile": MOBILE}}),
    }[form]  # type: ignore[assignment]
    text = mask(parse(etree.tostring(holder)))[0].text or ""  # type: ignore[index,union-attr]
    inner = base64.b64decode(text).decode() if form.startswith("base64") else text
    assert hidden(inner)
    assert "段**" in inner or form == "json-in-string"


def test_a_document_in_a_json_string_is_masked_inside() -> None:
    body: Any = mask(
        {
            "content_type": "PatientInfoRegister",
            "PatientInfoRegister": base64.b64encode(WST846.encode()).decode(),
            "xml": WST846,
        }
    )
    assert hidden(base64.b64decode(body["PatientInfoRegister"]).decode())
    assert hidden(body["xml"])


def test_insurance_fields_are_known_by_their_names() -> None:
    masked: Any = mask(
        {
            "infno": "1101",
            "input": {
                "data": {
                    "mdtrt_cert_type": "02",
                    "mdtrt_cert_no": ID,
                    "certno": ID,
                    "psn_name": NAME,
                    "card_sn": "1234567890",
                }
            },
            "output": {"baseinfo": {"psn_no": "0001", "brdy": "1949-12-31", "age": 77}},
        }
    )
    assert hidden(json.dumps(masked, ensure_ascii=False))
    assert masked["infno"] == "1101"
    assert masked["input"]["data"]["mdtrt_cert_type"] == "02"
    assert masked["output"]["baseinfo"]["brdy"] == "1949-**-**"


def test_a_fhir_patient_is_masked_in_all_its_datatypes() -> None:
    masked: Any = mask(
        {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [{"system": "urn:oid:2.16.156.10011.1.3", "value": ID}],
            "name": [{"use": "official", "text": NAME, "family": "段", "given": ["正淳"]}],
            "telecom": [{"system": "phone", "value": MOBILE}],
            "gender": "male",
            "birthDate": "1949-12-31",
            "address": [{"use": "home", "text": "北京市海淀区颐和园路5号", "line": ["颐和园路5号"], "city": "北京市"}],
            "contact": [{"name": {"text": "刀白凤"}, "telecom": [{"value": "13800001234"}]}],
        }
    )
    text = json.dumps(masked, ensure_ascii=False)
    assert hidden(text)
    assert "正淳" not in text
    assert masked["id"] == "p1"
    assert masked["name"][0]["use"] == "official"
    assert masked["telecom"][0]["system"] == "phone"


@pytest.mark.parametrize(
    "name", ["姓名", "患者姓名", "patient_name", "PatientName", "hzxm", "PSN_NAME", "patient-name"]
)
def test_field_names_of_all_systems_are_known_in_xml_and_json(name: str) -> None:
    assert NAME not in str(mask({name: NAME}))
    element = etree.Element(name)
    element.text = NAME
    assert NAME not in serialise(mask(element)).decode()  # type: ignore[arg-type]
    holder = etree.Element("row")
    holder.set(name, NAME)
    assert NAME not in serialise(mask(holder)).decode()  # type: ignore[arg-type]


def test_a_bare_name_is_a_patients_only_beside_a_patients_fields() -> None:
    assert mask({"name": "检验科", "code": "1"}) == {"name": "检验科", "code": "1"}
    assert mask({"name": NAME, "gender": "1"}) == {"name": "段**", "gender": "1"}
    assert mask({"patient": {"name": NAME}}) == {"patient": {"name": "段**"}}
    assert b"\xe6\xa3\x80\xe9\xaa\x8c\xe7\xa7\x91" in serialise(
        mask(parse("<dept><name>检验科</name></dept>".encode()))
    )  # type: ignore[arg-type]
    assert NAME not in serialise(mask(parse(f"<patient><name>{NAME}</name></patient>".encode()))).decode()  # type: ignore[arg-type]
    assert NAME not in serialise(mask(parse(f"<r><name>{NAME}</name><sex>1</sex></r>".encode()))).decode()  # type: ignore[arg-type]


def test_what_no_rule_knows_is_found_by_what_it_looks_like() -> None:
    masked = mask(
        {
            "note": f"患者{ID}电话{MOBILE}来诊",
            "x": [OLD_ID],
            "n": int(OLD_ID),
            "visit_no": "MZ202611230001",
            "at": 1795445974,
        }
    )
    assert masked == {
        "note": "患者1***************2X电话180****1999来诊",
        "x": ["1************02"],
        "n": "1************02",
        "visit_no": "MZ202611230001",
        "at": 1795445974,
    }
    element = mask(parse(f"<a b='{ID}'>x<c/>{MOBILE}</a>".encode()))
    assert hidden(serialise(element).decode())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105194912310021",
        f"({MOBILE})",
        f"tel:{MOBILE}.",
        f"{ID}{'，'}{OLD_ID}",
    ],
)
def test_numbers_are_found_in_any_text_in_any_width(text: str) -> None:
    assert mask_text(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "2026112310150012345678901234",
        "22a0f9e0-4454-11dc-a6be-3603d6866807",
        "20261123101500",
        "1795445974",
        "A18049531999",
        "12345",
    ],
)
def test_other_long_numbers_are_left_alone(text: str) -> None:
    assert mask_text(text) == text


def test_paths_of_an_operation_are_hidden_whole() -> None:
    rules = DEFAULT_RULES.extended(["//lab:nick", ".patient.nick", ".list[].x"], {"lab": "urn:lab"})
    assert mask({"patient": {"nick": "小段"}, "list": [{"x": 1}, {"x": {"y": "z"}}]}, rules) == {
        "patient": {"nick": "***"},
        "list": [{"x": "***"}, {"x": {"y": "***"}}],
    }
    masked = mask(parse("<a xmlns='urn:lab'><nick>小段</nick></a>".encode()), rules)
    assert "小段" not in serialise(masked).decode()  # type: ignore[arg-type]
    assert "***" in serialise(masked).decode()  # type: ignore[arg-type]


ORDER = '<Order xmlns="urn:lab" no="小段"><who><nick>小段</nick></who><other>留</other></Order>'
ENVELOPE = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>{}</s:Body></s:Envelope>"
HELD = {
    "alone": ORDER,
    "in an envelope": ENVELOPE.format(ORDER),
    "as a child": ENVELOPE.format(f"<m>{ORDER}</m>"),
    "in CDATA": ENVELOPE.format(f"<m><![CDATA[{ORDER}]]></m>"),
    "as JSON": '{"@no": "小段", "who": {"nick": "小段"}, "other": "留"}',
}


@pytest.mark.parametrize(
    "paths",
    [["/l:Order/l:who/l:nick", "/l:Order/@no"], ["//l:nick", "//@no"], ["l:who/l:nick", "@no"], [".who.nick", ".@no"]],
)
@pytest.mark.parametrize("held", HELD)
def test_a_path_of_either_form_hides_the_same_wherever_the_document_stands(held: str, paths: list[str]) -> None:
    shown = mask_body(HELD[held].encode(), DEFAULT_RULES.extended(paths, {"l": "urn:lab"}))
    assert "小段" not in shown
    assert "留" in shown


def test_a_path_hides_what_stands_in_every_item_of_a_list() -> None:
    rules = DEFAULT_RULES.extended(["//l:who/l:nick"], {"l": "urn:lab"})
    value = {"a": [{"who": [{"nick": "小段", "n": 1}, {"nick": ["小段"]}]}], "who": 5, "nick": "留"}
    assert mask(value, rules) == {"a": [{"who": [{"nick": "***", "n": 1}, {"nick": ["***"]}]}], "who": 5, "nick": "留"}


@pytest.mark.parametrize("path", ["//[", "//x:y", ".a b"])
def test_paths_that_do_not_compile_are_refused_at_once(path: str) -> None:
    with pytest.raises(TransformerInvalid):
        DEFAULT_RULES.extended([path])


def test_a_site_may_name_fields_of_its_own() -> None:
    assert mask({"BRXM2": NAME}, Rules(fields={"brxm2": "name"})) == {"BRXM2": "段**"}


@pytest.mark.parametrize(
    "body",
    [
        WST846.encode(),
        WST846.encode("gbk"),
        json.dumps({"psn_name": NAME, "certno": ID}, ensure_ascii=False).encode("gbk"),
        f"{{broken json, {ID}, {MOBILE}".encode(),
        b"\xff\xfe\x00" + ID.encode(),
        f"<broken>{ID}".encode(),
    ],
)
def test_bodies_that_were_never_parsed_are_masked_as_text(body: bytes) -> None:
    assert hidden(mask_body(body))


_KEYS = st.sampled_from(
    ["psn_name", "certno", "x", "name", "patient", "identifier", "value", "text", "telecom", "gender", "address"]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([ID, MOBILE, OLD_ID]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(_ANY)
def test_no_identity_or_mobile_number_survives_in_any_json(value: Any) -> None:
    text = json.dumps(mask(value), ensure_ascii=False)
    assert not any(secret in text for secret in (ID, MOBILE, OLD_ID))
