"""What each shipped mapping turns into what."""

from __future__ import annotations

from typing import Any

import pytest
from shipped import mapped, operation, shown, xml

from services.simulators.registration_notice import Registered, patient_info_register
from transformers.errors import AnswerRefused, MappingFailed

REGISTER: dict[str, Any] = {
    "visit_no": "MZ26112300001",
    "department": "03.03",
    "doctor": "D1001",
    "patient": {
        "name": "张镕",
        "id_no": "110105491231002",
        "sex": "1",
        "birth_date": "1949-12-31",
        "phone": "19900000000",
    },
}


def his_answer(inner: str) -> Any:
    text = f'<?xml version="1.0" encoding="gb2312"?><Response>{inner}</Response>'
    return xml(
        '<HIS_InterfaceResponse xmlns="http://tempuri.org/"><HIS_InterfaceResult>'
        f"<![CDATA[{text}]]></HIS_InterfaceResult></HIS_InterfaceResponse>"
    )


def test_a_registration_reaches_the_his_in_its_own_codes_inside_one_string() -> None:
    sent = shown(mapped(operation("his.Register").request, REGISTER))
    assert "<TradeCode>1001</TradeCode>" in sent
    assert "<![CDATA[<Request>" in sent
    for part in ("<XB>M</XB>", "<KSDM>K103</KSDM>", "<CSRQ>19491231</CSRQ>", "<XM>张镕</XM>"):
        assert part in sent


def test_a_department_that_the_his_does_not_know_is_refused_rather_than_guessed() -> None:
    with pytest.raises(MappingFailed):
        mapped(operation("his.Register").request, REGISTER | {"department": "99.99"})


def test_a_his_that_says_no_under_http_200_is_refused_in_its_own_words() -> None:
    with pytest.raises(AnswerRefused) as caught:
        mapped(
            operation("his.Register").reply, his_answer("<ResultCode>-1</ResultCode><ResultMsg>号已挂满</ResultMsg>")
        )
    assert caught.value.reason == "号已挂满"


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_a_priced_bill_of_any_length_keeps_its_amounts_as_text(lines: int) -> None:
    one = "<XM><XH>1</XH><BM>c</BM><MC>n</MC><SL>1</SL><DJ>5.60</DJ><JE>5.60</JE></XM>"
    answer = his_answer(f"<ResultCode>0</ResultCode><ResultMsg/><MX>{one * lines}</MX><ZJE>5.60</ZJE>")
    bill = mapped(operation("his.Price").reply, answer)
    assert isinstance(bill, dict)
    assert bill["total"] == "5.60"
    assert [line["amount"] for line in bill["lines"]] == ["5.60"] * lines  # type: ignore[index,union-attr,call-overload]


def test_the_national_envelope_is_written_with_the_published_names_misspelling_included() -> None:
    request = {
        "msgid": "H11010500001202611230800000001",
        "insuplc_admdvs": "110105",
        "input": {"data": {"psn_no": "1"}},
    }
    envelope = mapped(operation("insurance.Settle").request, request)
    assert isinstance(envelope, dict)
    assert envelope["infno"] == "2207"
    assert envelope["mdtrtarea_admvs"] == "110105"
    assert envelope["fixmedins_code"] == "H11010500001"
    assert envelope["input"] == {"data": {"psn_no": "1"}}


@pytest.mark.parametrize("code", [0, "0"])
def test_an_infcode_of_zero_is_success_as_number_and_as_text(code: object) -> None:
    assert mapped(operation("insurance.Settle").reply, {"infcode": code, "output": {"setlinfo": {}}}) == {
        "setlinfo": {}
    }  # type: ignore[dict-item]


@pytest.mark.parametrize("code", [-1, "-1", None])
def test_any_other_infcode_is_a_refusal_although_http_said_200(code: object) -> None:
    with pytest.raises(AnswerRefused):
        mapped(operation("insurance.Settle").reply, {"infcode": code, "err_msg": "余额不足"})  # type: ignore[dict-item]


def test_a_platform_patient_becomes_a_fhir_patient_with_every_character_of_the_name() -> None:
    awkward = '张镕"小\\东&<𠮷'
    patient = Registered("P1", "110105491231002", awkward, "2", "19491231", "19900000000")
    found = mapped(operation("hip.PatientInfoRegister").request, xml(patient_info_register(patient, "m" * 32)))
    assert isinstance(found, dict)
    assert found["name"] == [{"text": awkward}]
    assert (found["gender"], found["birthDate"]) == ("female", "1949-12-31")
    assert found["meta"] == {"source": f"urn:system:HIS-0001#{'m' * 32}"}


def test_the_patients_keys_are_found_in_the_platforms_document() -> None:
    patient = Registered("P1", "110105491231002", "张", "2", "19491231", "19900000000")
    document = xml(patient_info_register(patient))
    keys = {key.name: (key.path(document), key.identity) for key in operation("hip.PatientInfoRegister").keys}
    assert keys == {"patient_id": (("P1",), False), "id_no": (("110105491231002",), True)}


def test_laboratory_items_travel_in_the_laboratorys_codes_and_come_back_in_the_hospitals() -> None:
    order = operation("lis.PlaceOrder")
    assert order.to_xml is not None
    document = order.to_xml(
        {
            "orderNo": "L1",
            "visitNo": "V1",
            "patient": {"patientId": "P1", "name": "张", "sex": "1", "birthDate": "1949-12-31"},
            "items": {"item": [{"itemCode": "250101015"}, {"itemCode": "250302001"}]},
        }
    )
    sent = shown(mapped(order.request, document))
    assert "<itemCode>XCG</itemCode>" in sent
    assert "<itemCode>GLU</itemCode>" in sent
    event = xml(
        '<ReportResult xmlns="urn:hospital:lis:events:v1"><orderNo>L1</orderNo><visitNo>V1</visitNo><status>30</status>'
        "<issuedAt>2026-11-23T08:00:00+08:00</issuedAt><results><result><itemCode>XCG</itemCode><itemName>血常规</itemName>"
        "<value>5.60</value><unit>10^9/L</unit><reference>4-10</reference></result></results></ReportResult>"
    )
    result = mapped(operation("lis-events.ReportResult").request, event)
    assert isinstance(result, dict)
    assert result["status"] == "final"
    assert result["results"][0]["code"] == "250101015"  # type: ignore[index,call-overload]
    assert result["results"][0]["value"] == "5.60"  # type: ignore[index,call-overload]


def test_a_search_without_a_key_never_lists_the_whole_archive() -> None:
    with pytest.raises(MappingFailed):
        mapped(operation("imaging.FindStudies").request, xml('<FindStudies xmlns="urn:hospital:imaging:v1"/>'))


def test_dicom_json_without_optional_attributes_gives_a_study_without_them() -> None:
    studies = [{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00100010": {"vr": "PN"}, "00080050": {"vr": "SH"}}]
    reply = mapped(operation("imaging.FindStudies").reply, studies)  # type: ignore[arg-type]
    assert shown(reply).count("<studyInstanceUid>1.2.3</studyInstanceUid>") == 1
    check = operation("imaging.FindStudies").reply_check
    assert check is not None
    assert check.validator(reply) == ()
