"""HIPMessageServer takes every variant that hospitals use, and answers each as its caller reads answers."""

from __future__ import annotations

import base64
from dataclasses import replace

import orjson
import pytest
from asgi_caller import call, gateway
from gateway_worlds import SOAP
from hip_callers import CALLS, HL7, RESULTS, TABLE, acknowledgement, ask, current, esb, first, post, result, world
from lxml import etree
from twins import SOAP11, SOAP12, envelope

from bus import parcel
from registry.model import Grant

ACTIONS = {"first": "PatientRegistryAddRequest", "second": "S0001", "third": "PatientInfoRegister"}
V3 = f"{{{HL7}}}"


def told(document: etree._Element) -> tuple[str, str]:
    found = document.find(f"{V3}acknowledgement")
    assert found is not None, etree.tostring(document)
    return found.get("typeCode") or "", found.find(f"{V3}acknowledgementDetail/{V3}text").get("value") or ""  # type: ignore[union-attr]


@pytest.mark.parametrize("generation", ["first", "second", "third"])
@pytest.mark.parametrize("version", [SOAP11, SOAP12], ids=["1.1", "1.2"])
@pytest.mark.parametrize("variant", sorted(CALLS))
async def test_every_variant_version_and_generation_is_answered_in_kind(
    variant: str, version: str, generation: str
) -> None:
    one = world()
    action = ACTIONS[generation]
    document = first() if generation == "first" else current()
    response = await ask(one, esb(document, action) if variant == "E" else document, action, variant, version=version)
    assert response.status == 200
    assert response.xml.tag == f"{{{version}}}Envelope"
    held = result(response, variant)
    assert (
        etree.QName(held.getparent()).localname
        == etree.QName(etree.fromstring(CALLS[variant].format(action="", document="<a/>", escaped=""))).localname
        + "Response"
    )
    made = acknowledgement(response, variant)
    record = one.journal.outcomes[0]
    assert (record.service, record.operation, record.keys) == ("hip", "PatientInfoRegister", (("patient_id", "P1"),))
    assert orjson.loads(one.connector.sent[0].body)["controlActProcess"]["patient"]["#text"] == "张三"
    if variant == "E":
        assert (made.findtext("RetInfo/RetCode"), made.findtext("MessageHeader/Fid")) == ("1", action)
        return
    assert made.tag == f"{V3}MCCI_IN000002UV01"
    assert told(made) == ("AA", "处理成功")
    target = made.find(f"{V3}acknowledgement/{V3}targetMessage/{V3}id")
    assert target.get("extension") == ("A1" if generation == "first" else "0f8fad5b-d9cb-469f-a165-70867728950e")
    assert (target.get("root") is not None) is (generation == "first")


@pytest.mark.parametrize(
    ("variant", "begins"),
    [
        ("A", b"<HIPMessageServerResult><![CDATA[<MCCI"),
        ("B", b"&lt;MCCI_IN000002UV01"),
        ("C", b'<![CDATA[<?xml version="1.0" encoding="utf-16"?><MCCI'),
        ("G", b":MCCI_IN000002UV01 "),
    ],
)
async def test_the_result_is_held_as_the_caller_holds_its_message(variant: str, begins: bytes) -> None:
    assert begins in (await ask(world(), current(), variant=variant)).body


GOLDEN = (
    '<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' ITSVersion="XML_1.0">'
    '<id root="2.16.156.10011.2.5.1.1" extension="{id}"/><creationTime value="{time}"/>'
    '<interactionId root="2.16.156.10011.2.5.1.2" extension="MCCI_IN000002UV01"/><processingCode code="P"/>'
    '<processingModeCode/><acceptAckCode code="NE"/><receiver typeCode="RCV"><device classCode="DEV" '
    'determinerCode="INSTANCE"><id><item root="2.16.156.10011.2.5.1.3" extension="HIS0001"/></id></device></receiver>'
    '<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id>'
    '<item root="2.16.156.10011.2.5.1.3" extension="BUS0001"/></id></device></sender><acknowledgement typeCode="AA">'
    '<targetMessage><id extension="0f8fad5b-d9cb-469f-a165-70867728950e"/></targetMessage><acknowledgementDetail>'
    '<text value="处理成功"/></acknowledgementDetail></acknowledgement></MCCI_IN000002UV01>'
)
GOLDEN_FIRST = (
    '<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' ITSVersion="XML_1.0">'
    '<id root="2.16.156.10011.0" extension="{id}"/><creationTime value="{time}"/>'
    '<interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/><processingCode code="P"/>'
    '<processingModeCode code="R"/><acceptAckCode code="NE"/><receiver typeCode="RCV"><device classCode="DEV" '
    'determinerCode="INSTANCE"><id root="2.16.156.10011.0.1.1" extension="HIS0001"/></device></receiver>'
    '<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE">'
    '<id root="2.16.156.10011.0.1.2" extension="BUS0001"/></device></sender><acknowledgement typeCode="AA">'
    '<targetMessage><id root="2.16.156.10011.0" extension="A1"/></targetMessage><acknowledgementDetail>'
    '<text value="处理成功"/></acknowledgementDetail></acknowledgement></MCCI_IN000002UV01>'
)


@pytest.mark.parametrize(
    ("document", "golden"), [(current(), GOLDEN), (first(), GOLDEN_FIRST)], ids=["current", "first"]
)
async def test_the_acknowledgement_is_written_to_the_letter_of_its_generation(document: str, golden: str) -> None:
    one = world()
    made = acknowledgement(await ask(one, document))
    time = made.find(f"{V3}creationTime").get("value")
    assert len(time) == 14
    assert etree.tostring(made, encoding="unicode") == golden.format(id=one.journal.outcomes[0].id, time=time)


async def test_dhcs_own_request_is_answered_with_its_own_response() -> None:
    header = "<Header><SourceSystem>02</SourceSystem><MessageID>m1</MessageID></Header>"
    request = f"<Request>{header}<Body><RegRt/></Body></Request>"
    one = world()
    response = await ask(one, request, "BS10015", "D")
    made = acknowledgement(response, "D")
    assert (made.tag, made.findtext("ResultCode")) == ("Response", "0")
    assert "已接收" in made.findtext("ResultMsg")
    message = parcel.unpack(one.outbox.letters[0].body, one.snapshot)
    assert message.content is not None
    assert message.content.document.tag == "Request"  # type: ignore[union-attr]


@pytest.mark.parametrize("generation", ["first", "second", "third"])
async def test_json_of_an_integration_platform_is_answered_in_json(generation: str) -> None:
    one = world()
    response = await post(one, first() if generation == "first" else current(), ACTIONS[generation])
    told_back = orjson.loads(response.body)
    assert response.status == 200
    assert (told_back["send_id"], told_back["recv_id"], told_back["client_msg_id"]) == ("BUS0001", "HIS0001", "c1")
    assert told_back["content_type"] == "MCCI_IN000002UV01"
    made = etree.fromstring(base64.b64decode(told_back["MCCI_IN000002UV01"]))
    assert told(made)[0] == "AA"
    assert one.journal.outcomes[0].operation == "PatientInfoRegister"


async def test_a_refused_json_message_is_acknowledged_in_json_too() -> None:
    told_back = orjson.loads((await post(world(), current(), "Unheard")).body)
    made = etree.fromstring(base64.b64decode(told_back["MCCI_IN000002UV01"]))
    assert told(made)[0] == "AR"


async def test_json_without_a_readable_document_names_the_field_at_fault() -> None:
    response = await post(world(), current(), PatientInfoRegister="not base64 !")
    assert orjson.loads(response.body)["violations"][0]["path"] == "/PatientInfoRegister"


async def test_an_operations_own_document_is_the_answer_and_not_an_acknowledgement() -> None:
    response = await ask(world('{"patient":"P1"}'), current("PRPA_IN201305UV02"), "S0004")
    assert acknowledgement(response).tag == f"{V3}PRPA_IN201306UV02"


@pytest.mark.parametrize(
    ("action", "document", "operation"),
    [
        ("XT-PatientRegistryAddRequest", current(), "hip.PatientInfoRegister"),
        ("EVENT", current("PRPA_IN201305UV02"), "hip.PatientInfoQuery"),
        ("", current("PRPA_IN201305UV02"), "hip.PatientInfoQuery"),
        ("S0017", current(), "lab.CardAdd"),
        ("OrderInfoUpdate", current("POOR_IN200902UV"), "hip.PatientInfoQuery"),
    ],
)
async def test_the_table_leads_each_message_to_its_registered_operation(
    action: str, document: str, operation: str
) -> None:
    one = world()
    await ask(one, document, action)
    record = one.journal.outcomes[0]
    assert f"{record.service}.{record.operation}" == operation


@pytest.mark.parametrize(
    ("action", "document", "says"),
    [
        (
            "MES0086",
            current("PRPA_IN000000"),
            "'MES0086' is not known here, and no service is known for 'PRPA_IN000000'",
        ),
        ("EVENT", current(), "may be PatientInfoRegister, EncounterCardInfoAdd: send the action of one of them"),
        ("", current("PRPA_IN400001UV"), "may be OutPatientInfoAdd, InPatientInfoAdd"),
        ("S0001", current("POOR_IN200901UV"), "carries PRPA_IN201311UV02, and 'POOR_IN200901UV' was sent"),
        ("S0026", current("PRPA_IN400001UV"), "InPatientInfoAdd is known here, and no operation serves it"),
        ("OrderInfoUpdate", current("POOR_IN200901UV"), "OrderFillerStatusInfoUpdate is known here"),
    ],
)
async def test_what_no_row_of_the_table_fits_is_refused_with_what_to_do(action: str, document: str, says: str) -> None:
    one = world()
    response = await ask(one, document, action)
    assert response.status == 200
    code, text = told(acknowledgement(response))
    assert code == "AR"
    assert says in text
    assert one.connector.sent == []
    assert one.journal.outcomes[0].error == "unknown-operation"


async def test_an_encounters_code_tells_services_of_one_root_apart() -> None:
    one = world(table=TABLE.replace("1 2,PatientInfoRegister", "1 2,PatientInfoQuery"))
    await ask(one, current("PRPA_IN400001UV", body='<encounterEvent><code code="2"/></encounterEvent>'), "EVENT")
    assert one.journal.outcomes[0].operation == "PatientInfoQuery"


async def test_an_action_nobody_may_call_is_refused_under_the_operation_it_means() -> None:
    one = world()
    one.identities.consumers["kiosk"] = replace(
        one.identities.consumers["kiosk"], grants=(Grant("hip", frozenset({"PatientInfoRegister"})),)
    )
    assert told(acknowledgement(await ask(one, current())))[0] == "AA"
    code, text = told(acknowledgement(await ask(one, current(), "S0017")))
    assert code == "AR"
    assert "lab.CardAdd" in text
    assert one.journal.outcomes[1].error == "not-permitted"


async def test_a_broken_contract_is_refused_with_its_place_and_without_the_value() -> None:
    code, text = told(
        acknowledgement(
            await ask(
                world(),
                current().replace("PRPA_IN201311UV02", "PRPA_IN201311UV02").replace(' xmlns="urn:hl7-org:v3"', ""),
            )
        )
    )
    assert code == "AR"
    assert "PRPA_IN201311UV02" in text
    assert "张三" not in text


async def test_a_providers_trouble_is_an_application_error_in_its_own_words() -> None:
    code, text = told(acknowledgement(await ask(world('{"issue":"x"}', 500), current())))
    assert code == "AE"
    assert "对方系统返回错误" in text


async def test_an_unknown_caller_is_told_so_under_401_in_an_acknowledgement() -> None:
    response = await ask(world(), current(), **{"x-api-key": "nobody"})
    assert response.status == 401
    assert told(acknowledgement(response))[0] == "AR"


@pytest.mark.parametrize(
    ("accept", "works", "hears"),
    [
        ("NE", True, False),
        ("NE", False, False),
        ("ER", True, False),
        ("ER", False, True),
        ("SU", True, True),
        ("SU", False, False),
        ("AL", False, True),
    ],
)
async def test_only_what_the_sender_wants_to_hear_is_acknowledged(accept: str, works: bool, hears: bool) -> None:
    response = await ask(world(status=200 if works else 500), current(accept=accept))
    assert response.status == 200
    assert bool((result(response).text or "").strip()) is hears


@pytest.mark.parametrize("action", ["S0001", "Unheard"])
async def test_an_acknowledgement_is_never_acknowledged(action: str) -> None:
    document = current("MCCI_IN000002UV01").replace(
        "<controlActProcess>", '<acknowledgement typeCode="AA"/><controlActProcess>'
    )
    response = await ask(world(), document, action)
    assert not result(response).text


@pytest.mark.parametrize(
    "body",
    ["<HIPMessageServer/>", "<HIPMessageServer><action>S0001</action><message>张三</message></HIPMessageServer>", ""],
)
async def test_where_no_message_can_be_read_there_is_a_fault_that_says_why(body: str) -> None:
    response = await call(gateway(world()), "POST", "/soap/hip", envelope(body).encode(), SOAP)
    assert response.status == 500
    assert response.text("code") == "contract"
    assert "张三" not in response.body.decode()


@pytest.mark.parametrize("charset", ["gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("variant", ["A", "B", "C", "D", "G"])
async def test_a_caller_is_heard_and_answered_in_its_own_charset(variant: str, charset: str) -> None:
    one = world()
    response = await ask(one, current(), variant=variant, charset=charset)
    assert "处理成功" in response.body.decode(charset)
    assert "张三" in one.connector.sent[0].body.decode()


@pytest.mark.parametrize(
    ("said", "written"), [("utf-16", "utf-8"), ("gb2312", "gbk"), ("utf-8", "gbk"), ("gbk", "utf-8")]
)
async def test_a_lying_declaration_loses_no_character(said: str, written: str) -> None:
    one = world()
    inner = CALLS["A"].format(action="S0001", document=current().replace("张三", "张镕珅"))
    body = f'<?xml version="1.0" encoding="{said}"?>{envelope(inner)}'.encode(written)
    response = await call(gateway(one), "POST", "/soap/hip", body, {**SOAP, "content-type": "text/xml"})
    assert told(acknowledgement(response))[0] == "AA"
    assert "张镕珅" in one.connector.sent[0].body.decode()


async def test_the_vendors_own_path_is_a_platform_too() -> None:
    response = await ask(world(), current(), path="/hipservice.ASMX")
    assert told(acknowledgement(response))[0] == "AA"


async def test_sibling_operations_of_the_same_shape_are_answered_under_their_own_names() -> None:
    inner = CALLS["A"].format(action="S0001", document=current()).replace("HIPMessageServer", "PrivateHIPMessageServer")
    response = await call(gateway(world()), "POST", "/soap/hip", envelope(inner).encode(), SOAP)
    assert b"PrivateHIPMessageServerResult>" in response.body


def test_every_variant_of_the_tests_has_its_result() -> None:
    assert set(CALLS) == set(RESULTS)
