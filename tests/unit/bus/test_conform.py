"""Which side is wrong: each finding is laid at one door, with its line, and nothing of the patient in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from catalogues import SYSTEM, catalogue, problems
from msgspec import structs
from twins import SOAP11, SOAP12, envelope

from bus.conform.examine import examine
from bus.conform.exchange_file import read_exchange
from bus.conform.finding import Finding
from bus.conform.report import recorded, report
from bus.errors import BadRequest
from bus.journal.memory import MemoryJournal
from bus.ports import Body, Query, Record
from bus.quirks import note
from registry.compile import compile_catalogue
from registry.model import Snapshot

XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:lab" xmlns="urn:lab"
  elementFormDefault="qualified">
 <xs:element name="Order"><xs:complexType><xs:sequence>
  <xs:element name="patient" type="xs:string"/><xs:element name="count" type="xs:int" maxOccurs="unbounded"/>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="OrderResponse"><xs:complexType><xs:sequence>
  <xs:element name="no" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""
JSON_SCHEMA = b"""{"type": "object", "required": ["patient"], "properties": {
  "patient": {"type": "string"}, "items": {"type": "array", "items": {"type": "object", "properties": {
  "count": {"type": "integer"}}}}}}"""

SERVICE = """
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    provider: {protocol: %s, endpoints: [{url: "http://lis.example"}]}
    operations:
      - name: Order
        form: %s
        soap: {element: "{urn:lab}Order", reply_element: "{urn:lab}OrderResponse", action: "urn:lab/Order"}
        checks: %s
"""
BY_XSD = "{request: {xsd: lab.xsd, gate: 'off'}, reply: {xsd: lab.xsd, gate: 'off'}}"

GOOD = '<Order xmlns="urn:lab">\n <patient>王晓东</patient>\n <count>1</count>\n</Order>'
BAD = GOOD.replace("<count>1", "<count>一次")
PLACED = '<OrderResponse xmlns="urn:lab">\n <no>1</no>\n</OrderResponse>'
SOAP_TYPE = "text/xml; charset=utf-8"


def snapshot(protocol: str = "soap11", form: str = "xml", checks: str = BY_XSD) -> Snapshot:
    files = {"lab.xsd": XSD, "lab.json": JSON_SCHEMA}
    return compile_catalogue(catalogue(SYSTEM, SERVICE % (protocol, form, checks), files=files), {}).snapshot


def record(door: str = "soap", detail: str = "", **bodies: Any) -> Record:
    """A record of these bodies; text is an envelope's payload, a pair is bytes with their content type."""
    made = []
    for stage, body in bodies.items():
        data, kind = body if isinstance(body, tuple) else (envelope(body).encode(), SOAP_TYPE)
        made.append(Body(stage.replace("_", "."), data, kind))
    return Record(
        id="m1", flow="f", parent="", door=door, consumer="kiosk", system="lis", service="lis", version="1",
        operation="Order", received_at=1.0, status="ok", detail=detail, bodies=tuple(made),
    )  # fmt: skip


def found(one: Record, known: Snapshot | None = None) -> list[tuple[str, str, str, int | None]]:
    """Side, stage, rule and line of every finding."""
    return [(each.side, each.stage, each.rule, each.line) for each in findings(one, known)]


def findings(one: Record, known: Snapshot | None = None) -> tuple[Finding, ...]:
    version = (known or snapshot()).services["lis"].versions["1"]
    return examine(one, version, version.operations["Order"]).findings


def test_an_exchange_that_keeps_the_contract_has_no_findings() -> None:
    assert findings(record(request=GOOD, reply=PLACED)) == ()


def test_a_caller_that_breaks_the_contract_is_named_with_line_and_path() -> None:
    (finding,) = findings(record(request=BAD, reply=PLACED))
    assert (finding.side, finding.stage, finding.line, finding.path) == ("caller", "request", 3, "/Order/count")
    assert "王" not in str(finding)
    assert "一次" not in str(finding)


def test_what_the_bus_passes_on_of_a_wrong_request_is_not_held_against_it() -> None:
    one = record(request=BAD, request_sent=BAD, reply=PLACED)
    assert [side for side, *_ in found(one)] == ["caller"]


def test_a_mapping_that_breaks_a_right_request_is_the_fault_of_the_bus() -> None:
    one = record(request=GOOD, request_sent=BAD, reply=PLACED)
    assert [(side, stage, line) for side, stage, _, line in found(one)] == [("bus", "request.sent", 3)]


def test_a_provider_is_named_whether_its_reply_was_changed_or_passed_on() -> None:
    wrong = PLACED.replace(">1<", ">A1<")
    assert [(side, stage) for side, stage, *_ in found(record(request=GOOD, reply=wrong))] == [
        ("provider", "reply.received")
    ]
    one = record(request=GOOD, reply_received=wrong, reply=wrong)
    assert [(side, stage) for side, stage, *_ in found(one)] == [("provider", "reply.received")]


def test_a_reply_that_only_the_bus_spoiled_is_the_fault_of_the_bus() -> None:
    one = record(request=GOOD, reply_received=PLACED, reply=PLACED.replace(">1<", ">A1<"))
    assert [(side, stage, line) for side, stage, _, line in found(one)] == [("bus", "reply", 2)]


def test_an_operation_called_through_a_message_server_is_held_against_the_document_in_its_string() -> None:
    held = "<action>A1</action><message><![CDATA[{}]]></message>"
    call = f'<HIPMessageServer xmlns="urn:hl7-org:v3">{held}</HIPMessageServer>'
    assert found(record(request=call.format(GOOD))) == []
    ((side, stage, _, _),) = found(record(request=call.format(BAD)))
    assert (side, stage) == ("caller", "request")


def test_json_findings_have_their_line_too() -> None:
    body = '{\n "patient": "王晓东",\n "items": [\n  {"count": 1},\n  {"count": "一"}\n ]\n}'
    known = snapshot("rest", "json", "{request: {json_schema: lab.json}}")
    (finding,) = findings(record("rest", request=(body.encode(), "application/json")), known)
    assert (finding.side, finding.path, finding.line) == ("caller", "/items/1/count", 5)


def test_a_field_that_is_missing_is_looked_for_where_it_should_stand() -> None:
    known = snapshot("rest", "json", "{request: {json_schema: lab.json}}")
    (finding,) = findings(record("rest", request=(b'\n{"items": []}', "application/json")), known)
    assert (finding.rule, finding.line) == ("required", 2)


def test_a_soap_request_to_a_contract_in_json_is_converted_and_its_line_is_that_of_the_xml() -> None:
    known = snapshot("rest", "json", "{request: {json_schema: lab.json}}")
    xml = '<Order xmlns="urn:lab">\n<patient>王</patient>\n<items><count>一</count></items></Order>'
    one = record(request=xml)
    assert all(side == "caller" for side, *_ in found(one, known))
    assert {line for *_, line in found(one, known)} == {3}


def test_the_provider_s_own_contract_holds_the_bus_to_what_it_sent() -> None:
    checks = "{request: {json_schema: lab.json}, reply: {json_schema: lab.json}, sent: {xsd: lab.xsd}}"
    known = snapshot("soap11", "json", checks)
    one = record("rest", request=(b'{"patient": "a"}', "application/json"), request_sent=BAD, reply_received=PLACED)
    assert ("bus", "request.sent") in [(side, stage) for side, stage, *_ in found(one, known)]


def test_a_gate_on_the_provider_s_side_is_refused_since_nothing_would_shut_it() -> None:
    text = SERVICE % ("soap11", "xml", "{sent: {xsd: lab.xsd, gate: warn}}")
    assert problems(SYSTEM, text, files={"lab.xsd": XSD})


@pytest.mark.parametrize(
    ("body", "kind", "rule"),
    [
        (envelope(GOOD).encode(), "text/plain", "content_type"),
        (envelope(GOOD).encode(), "", "content_type"),
        (envelope(GOOD, namespace=SOAP12).encode(), SOAP_TYPE, "soap_version"),
        (envelope(GOOD, namespace=SOAP11).encode("gbk"), SOAP_TYPE, "charset"),
        (envelope(GOOD.replace("urn:lab", "http://tempuri.org/")).encode(), SOAP_TYPE, "namespace"),
        (envelope(GOOD.replace(' xmlns="urn:lab"', "")).encode(), SOAP_TYPE, "namespace"),
        (b"<not", SOAP_TYPE, "unreadable"),
    ],
)
def test_what_breaks_the_protocol_is_found_in_the_request_and_in_the_reply(body: bytes, kind: str, rule: str) -> None:
    assert [(side, name) for side, _, name, _ in found(record(request=(body, kind)))] == [("caller", rule)]
    reply = body.replace(b"Order", b"OrderResponse").replace(b"patient>", b"no>")
    one = record(request=GOOD, reply_received=(reply, kind))
    assert ("provider", rule) in [(side, name) for side, _, name, _ in found(one)]


def test_a_payload_in_a_drifted_namespace_is_still_checked_against_the_contract() -> None:
    drifted = BAD.replace("urn:lab", "http://tempuri.org/")
    drift, violation = found(record(request=drifted))
    assert (drift[2:], violation[3]) == (("namespace", 1), 3)


def test_quirks_that_only_the_journal_saw_are_laid_at_their_door() -> None:
    detail = "; ".join(("something", note("soap_action", "missing"), note("fault_status", "a fault under HTTP 200")))
    assert [(side, rule) for side, _, rule, _ in found(record(detail=detail, request=GOOD))] == [
        ("caller", "soap_action"),
        ("provider", "fault_status"),
    ]


def test_a_reply_that_was_mirrored_on_purpose_is_not_a_drift_of_the_bus() -> None:
    mirrored = PLACED.replace("urn:lab", "http://tempuri.org/")
    detail = note("namespace", "its root not in the contract's")
    assert found(record(detail=detail, request=GOOD, reply_received=PLACED, reply=mirrored)) == []
    assert [side for side, *_ in found(record(request=GOOD, reply_received=PLACED, reply=mirrored))] == ["bus"]


def test_what_cannot_be_checked_is_said_and_blames_nobody() -> None:
    known = snapshot(checks="{}")
    version = known.services["lis"].versions["1"]
    examined = examine(record(request=BAD, request_sent=BAD), version, version.operations["Order"])
    assert examined.findings == ()
    assert dict(examined.unchecked) == {"request": "no_schema", "request.sent": "no_schema"}


def test_findings_are_counted_by_kind_with_one_example_each() -> None:
    records = [structs.replace(record(request=BAD, reply=PLACED), id=f"m{number}") for number in range(3)]
    records.append(structs.replace(record(request=GOOD), service="gone"))
    made = report(records, snapshot())
    assert (made.exchanges, made.unknown, made.total("caller"), made.total("provider")) == (3, 1, 3, 0)
    ((count),) = made.counts
    assert (count.count, count.example, count.consumer, count.operation) == (3, "m0", "kiosk", "Order")


def test_an_exchange_file_is_read_and_a_wrong_one_is_refused_by_its_key(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(
        '{"bodies": {"request": {"content_type": "text/xml", "text": "<a/>"}, "reply": {"base64": "PGEvPg=="}}}'
    )
    read = read_exchange(file, "lis", "Order")
    assert [(body.stage, body.data) for body in read.bodies] == [("request", b"<a/>"), ("reply", b"<a/>")]
    for text, says in (
        ("[]", "bodies"),
        ('{"bodies": {}, "x": 1}', "unknown key 'x'"),
        ('{"bodies": {"sent": {"text": ""}}}', "unknown stage 'sent'"),
        ('{"bodies": {"request": {}}}', 'either "text" or "base64"'),
        ('{"bodies": {"request": {"base64": "?"}}}', "neither text nor Base64"),
        ('{"bodies": {}, "door": "back"}', "door is soap or rest"),
        ("{", "one.json"),
    ):
        file.write_text(text)
        with pytest.raises(BadRequest, match=says):
            read_exchange(file, "lis", "Order")


def test_a_provider_s_refusal_over_rest_is_not_held_against_the_contract_of_its_answers() -> None:
    known = snapshot("rest", "json", "{reply: {json_schema: lab.json}}")
    one = record("rest", reply_received=(b"<html>no</html>", "text/html"))
    assert found(structs.replace(one, status="fault"), known) == []
    assert [side for side, *_ in found(one, known)] == ["provider", "provider"]


def test_a_mapping_answers_for_what_it_made_of_a_reply_that_no_schema_is_known_for() -> None:
    known = snapshot("rest", "json", "{reply: {json_schema: lab.json}}")
    service = known.services["lis"].versions["1"]
    mapped = replace(service.operations["Order"], reply=(lambda document: document,))
    received, reply = (b'{"any": 1}', "application/json"), (b'{"items": []}', "application/json")
    examined = examine(record("rest", reply_received=received, reply=reply), service, mapped)
    assert [(each.side, each.stage) for each in examined.findings] == [("bus", "reply")]
    assert dict(examined.unchecked) == {"reply.received": "no_schema"}


def test_a_caller_answers_for_what_only_conversion_made_of_a_request_in_the_address() -> None:
    known = snapshot()
    version = known.services["lis"].versions["1"]
    operation = replace(version.operations["Order"], http_path="/orders/{no}", http_method="PUT")
    one = record("rest", request=(b'{"count": "x"}', "application/json"), request_sent=BAD)
    examined = examine(one, version, operation)
    assert [(each.side, each.stage) for each in examined.findings] == [("caller", "request.sent")]


async def test_what_was_refused_before_its_operation_was_known_counts_for_the_one_it_names() -> None:
    text = (
        SERVICE % ("soap11", "xml", BY_XSD)
        + "      - name: Other\n        form: xml\n        soap: {element: '{urn:lab}Other'}\n"
    )
    files = {"lab.xsd": XSD}
    known = compile_catalogue(catalogue(SYSTEM, text, files=files), {}).snapshot
    journal = MemoryJournal()
    refused = structs.replace(record(request=(envelope(GOOD).encode(), "text/plain")), operation="", status="error")
    await journal.outcome(refused)
    await journal.outcome(structs.replace(record(request=GOOD), id="m2"))
    made = report(recorded(journal, Query(service="lis", operation="Order")), known, "Order")
    assert (made.exchanges, [each.finding.rule for each in made.counts]) == (2, ["content_type"])
    assert report(recorded(journal, Query(service="lis", operation="Other")), known, "Other").exchanges == 0
