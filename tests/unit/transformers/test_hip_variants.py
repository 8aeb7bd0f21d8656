"""Requests to other HIPMessageServers are written in their variant, and their answers read, whichever that is."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from lxml import etree

from transformers.errors import AnswerRefused
from transformers.hip.calls import read_call
from transformers.hip.hl7v3 import CURRENT, FIRST
from transformers.hip.ipaas import read_post
from transformers.hip.model import Stamp
from transformers.hip.variants import VARIANTS, Writing, read_answer, write_call, write_post
from transformers.xml import parse, serialise

STAMP = Stamp("0" * 32, "20260101080000", "HIS0001")
DOCUMENT = '<PRPA_IN201311UV02 xmlns="urn:hl7-org:v3"><id/><name>张三</name></PRPA_IN201311UV02>'

GOLDEN = {
    "standard": '<urn:HIPMessageServer xmlns:urn="urn:hl7-org:v3"><action>S0001</action>'
    "<message><![CDATA[{}]]></message></urn:HIPMessageServer>",
    "qualified": '<HIPMessageServer xmlns="urn:hl7-org:v3"><action>S0001</action><message><![CDATA[{}]]></message>'
    "</HIPMessageServer>",
    "asmx": '<HIPMessageServer xmlns="http://tempuri.org/"><action>S0001</action><message><![CDATA[{}]]></message>'
    "</HIPMessageServer>",
    "dhc": '<HIPMessageServer xmlns="http://www.dhcc.com.cn"><input1>S0001</input1><input2><![CDATA[{}]]></input2>'
    "</HIPMessageServer>",
    "token": '<HIPMessageServer2016Ext xmlns="http://tempuri.org/"><action>S0001</action>'
    "<message><![CDATA[{}]]></message><token>secret</token></HIPMessageServer2016Ext>",
}


@pytest.mark.parametrize("variant", sorted(GOLDEN))
def test_a_request_is_written_to_the_letter_of_its_variant(variant: str) -> None:
    made = write_call(VARIANTS[variant], parse(DOCUMENT.encode()), Writing("S0001", token="secret"), STAMP)
    assert serialise(made).decode() == GOLDEN[variant].format(DOCUMENT)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("style", ["cdata", "escaped", "child"])
def test_what_is_written_is_what_the_tolerant_reader_reads(variant: str, style: Any) -> None:
    made = write_call(VARIANTS[variant], parse(DOCUMENT.encode()), Writing("S0001", "EMR0001", style=style), STAMP)
    data = serialise(made)
    call = read_call(parse(data), cdata=b"<![CDATA[" in data)
    assert call.action == "S0001"
    assert call.body.findtext("{urn:hl7-org:v3}name") == "张三"


def test_a_document_of_ones_own_becomes_the_body_of_dhcs_request_and_the_message_of_ewells_entry() -> None:
    own = parse(b"<RegRt><no>1</no></RegRt>")
    dhc = read_call(write_call(VARIANTS["dhc"], own, Writing("BS1"), STAMP)).document
    assert (dhc.findtext("Header/SourceSystem"), dhc.findtext("Body/RegRt/no")) == ("HIS0001", "1")
    ewell = read_call(write_call(VARIANTS["ewell"], own, Writing("BS10015", "EMR0001"), STAMP)).document
    header = [child.text for child in ewell.find("MessageHeader")]  # type: ignore[union-attr]
    assert header == ["BS10015", "HIS0001", "EMR0001", "2026-01-01 08:00:00"]


@pytest.mark.parametrize("edition", [CURRENT, FIRST])
def test_a_missing_header_is_written_in_its_fixed_order_and_a_present_one_is_left_alone(edition: Any) -> None:
    bare = parse(b'<PRPA_IN201311UV02 xmlns="urn:hl7-org:v3"><controlActProcess/></PRPA_IN201311UV02>')
    how = Writing("S0001", "EMR0001", edition=edition)
    document = read_call(write_call(VARIANTS["standard"], bare, how, STAMP)).document
    assert [etree.QName(child).localname for child in document] == [
        "id", "creationTime", "interactionId", "processingCode", "processingModeCode", "acceptAckCode",
        "receiver", "sender", "controlActProcess",
    ]  # fmt: skip
    again = read_call(write_call(VARIANTS["standard"], document, how, Stamp("1" * 32, "x", "y"))).document
    assert again.find("{*}id").get("extension") == "0" * 32  # type: ignore[union-attr]


def test_the_json_of_an_integration_platform_is_written_and_read() -> None:
    made = write_post(parse(DOCUMENT.encode()), Writing("PatientInfoRegister", "EMR0001"), STAMP)
    assert isinstance(made, dict)
    assert (made["send_id"], made["gmt_send"]) == ("HIS0001", "2026-01-01T08:00:00+08:00")
    assert base64.b64decode(str(made["PatientInfoRegister"])).decode().endswith(DOCUMENT)
    assert read_post(made).action == "PatientInfoRegister"


def acknowledged(code: str) -> str:
    return (
        f'<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3"><id/>{code}</MCCI_IN000002UV01>'
    )  # fmt: skip


def attribute(code: str) -> str:
    detail = '<acknowledgementDetail><text value="重复注册"/></acknowledgementDetail>'
    return acknowledged(f'<acknowledgement typeCode="{code}">{detail}</acknowledgement>')


def child(code: str) -> str:
    detail = "<acknowledgementDetail><text>重复注册</text></acknowledgementDetail>"
    return acknowledged(f'<acknowledgement><typeCode code="{code}"/>{detail}</acknowledgement>')


def in_result(document: str, style: str) -> Any:
    held = {
        "cdata": f"<![CDATA[{document}]]>",
        "escaped": document.replace("<", "&lt;"),
        "child": document,
        "bare": document,
    }[style]
    if style == "bare":
        return parse(document.encode())
    result = f"<HIPMessageServerResult>{held}</HIPMessageServerResult>"
    return parse(f'<HIPMessageServerResponse xmlns="u">{result}</HIPMessageServerResponse>'.encode())


@pytest.mark.parametrize("style", ["cdata", "escaped", "child", "bare"])
@pytest.mark.parametrize(
    ("document", "refused"),
    [
        (attribute("AA"), False), (child("CA"), False), (attribute("AE"), True), (child("AE"), True),
        (attribute("AR"), True), (child("CR"), True), (attribute("ZZ"), True),
        ("<Response xmlns=''><ResultCode>0</ResultCode><ResultMsg>ok</ResultMsg></Response>", False),
        ("<Response xmlns=''><ResultCode>-1</ResultCode><ResultMsg>重复注册</ResultMsg></Response>", True),
        ("<ESBEntry xmlns=''><RetInfo><RetCode>1</RetCode></RetInfo></ESBEntry>", False),
        ("<ESBEntry xmlns=''><RetInfo><RetCode>0</RetCode><RetCon>重复注册</RetCon></RetInfo></ESBEntry>", True),
    ],
)  # fmt: skip
def test_an_answer_that_says_no_is_refused_in_the_platforms_words(document: str, refused: bool, style: str) -> None:
    if not refused:
        assert read_answer(in_result(document, style)) is not None
        return
    with pytest.raises(AnswerRefused) as caught:
        read_answer(in_result(document, style))
    assert caught.value.reason == "重复注册"


def test_an_empty_result_is_no_document_and_no_refusal() -> None:
    assert read_answer(parse(b"<HIPMessageServerResponse><HIPMessageServerResult/></HIPMessageServerResponse>")) is None
