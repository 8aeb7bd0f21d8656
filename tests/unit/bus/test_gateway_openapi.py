"""A REST provider known by its OpenAPI description, called over REST and over SOAP through the whole gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgi_caller import Response, call, gateway
from catalogues import SYSTEM, compiled, service
from gateway_worlds import JSON, SOAP, replying
from twins import CannedConnector, World, envelope

DESCRIPTIONS = Path(__file__).parents[2] / "descriptions"
FILES = {f"contracts/{path.name}": path.read_bytes() for path in DESCRIPTIONS.iterdir()}
SERVICE = """
kind: Service
name: clinic
system: lis
versions:
  - version: "1"
    contract: {openapi: contracts/clinic.yaml}
    provider: {protocol: rest, endpoints: [{url: "http://clinic.example/api"}]}
"""
CLINIC = compiled(SYSTEM, SERVICE, files=FILES).snapshot
NS = "urn:meridian:clinic:1"
BOOKED = {"id": "P0001", "day": "2026-11-24", "number": 7, "status": "booked"}


def world(answer: Any, status: int = 200) -> World:
    body = b"" if answer is None else json.dumps(answer).encode()
    return World(CLINIC, connector=replying(body, "application/json" if body else "", status))


async def rest(one: World, method: str, path: str, body: Any = None, **headers: str) -> Response:
    given = {**JSON, **{name.replace("_", "-"): text for name, text in headers.items()}}
    data = b"" if body is None else json.dumps(body).encode()
    return await call(gateway(one), method, f"/rest/clinic{path}", data, given)


async def soap(one: World, inner: str) -> Response:
    return await call(gateway(one), "POST", "/soap/clinic", envelope(inner).encode(), SOAP)


def sent(one: World) -> tuple[str, str, dict[str, str], Any]:
    """Method, path with query, headers and JSON body of the one call to the provider."""
    assert isinstance(one.connector, CannedConnector)
    (message,) = one.connector.sent
    assert message.wire is not None
    body = json.loads(message.body) if message.body else None
    return message.wire.method, message.wire.path, dict(message.wire.headers), body


async def test_fields_of_path_query_and_headers_go_back_where_the_provider_wants_them() -> None:
    one = world([BOOKED])
    answer = await rest(
        one,
        "GET",
        "/appointments?days=3&status=booked&status=arrived&room=4,5&filter[urgent]=true",
        x_request_source="ward 7",
    )
    assert (answer.status, json.loads(answer.body)) == (200, [BOOKED])
    assert sent(one) == (
        "GET",
        "/appointments?days=3&status=booked&status=arrived&room=4,5&filter%5Burgent%5D=true",
        {"x-request-source": "ward 7"},
        None,
    )


async def test_the_document_of_a_call_is_typed_before_it_is_checked_and_journaled() -> None:
    one = world([BOOKED])
    await rest(one, "GET", "/appointments?days=3&room=4,5&filter[urgent]=true")
    (message,) = one.connector.sent
    assert message.content is not None
    assert message.content.document == {"days": 3, "room": [4, 5], "filter": {"urgent": True}}


async def test_a_parameter_of_the_wrong_type_is_a_problem_that_names_the_field() -> None:
    one = world([])
    answer = await rest(one, "GET", "/appointments?days=soon&room=4,x")
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (400, "parameter")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["violations"] == [
        {"path": "/days", "message": "must be an integer (in the query)"},
        {"path": "/room", "message": "must be an integer (in the query)"},
    ]
    assert "soon" not in answer.body.decode()
    assert one.connector.sent == []


async def test_a_value_that_breaks_the_description_is_refused_before_the_provider_hears_of_it() -> None:
    one = world([])
    answer = await rest(one, "GET", "/appointments?days=99")
    assert (answer.status, json.loads(answer.body)["violations"][0]["path"]) == (422, "/days")
    assert one.connector.sent == []


async def test_a_parameter_and_a_body_property_of_one_name_do_not_meet() -> None:
    one = world(BOOKED, 201)
    answer = await rest(one, "POST", "/appointments?id=44", {"id": "P0001", "day": "2026-11-24"})
    assert answer.status == 201
    assert sent(one) == ("POST", "/appointments?id=44", {}, {"id": "P0001", "day": "2026-11-24"})


async def test_a_body_that_is_an_array_stays_one_on_its_way() -> None:
    one = world({"count": 2})
    answer = await rest(one, "POST", "/appointments/12/notes", ["a", "b"])
    assert json.loads(answer.body) == {"count": 2}
    assert sent(one) == ("POST", "/appointments/12/notes", {}, ["a", "b"])


async def test_a_soap_caller_calls_the_same_operation_in_one_element() -> None:
    one = world([BOOKED, BOOKED])
    answer = await soap(
        one,
        f'<findAppointments xmlns="{NS}"><days>3</days><status>booked</status><room>4</room>'
        "<filter><urgent>true</urgent></filter></findAppointments>",
    )
    assert answer.status == 200, answer.body
    assert sent(one)[:2] == ("GET", "/appointments?days=3&status=booked&room=4&filter%5Burgent%5D=true")
    root = answer.xml[0][0]
    assert root.tag == f"{{{NS}}}findAppointmentsResponse"
    assert [item.findtext(f"{{{NS}}}number") for item in root] == ["7", "7"]


async def test_a_soap_caller_gets_the_replys_element_where_the_provider_answers_nothing() -> None:
    one = world(None, 204)
    answer = await soap(
        one, f'<replacePatient xmlns="{NS}"><patient-id>P0001</patient-id><name>张三</name></replacePatient>'
    )
    assert answer.status == 200, answer.body
    assert sent(one) == ("PUT", "/patients/P0001", {}, {"name": "张三", "allergies": []})
    assert answer.xml[0][0].tag == f"{{{NS}}}replacePatientResponse"


async def test_a_rest_caller_is_answered_the_nothing_that_the_provider_answered() -> None:
    one = world(None, 204)
    answer = await rest(one, "PUT", "/patients/P0001", {"name": "张三"})
    assert (answer.status, answer.body) == (204, b"")


async def test_the_providers_own_error_document_reaches_the_caller_as_a_problems_part() -> None:
    one = world({"code": "taken", "because": [{"field": "day"}]}, 409)
    answer = await rest(one, "POST", "/appointments", {"id": "P0001", "day": "2026-11-24"})
    problem = json.loads(answer.body)
    assert answer.status == 409
    assert problem["provider"]["detail"] == {"code": "taken", "because": [{"field": "day"}]}


async def test_a_path_field_with_a_slash_stays_one_part_of_the_providers_path() -> None:
    text = SERVICE + "    operations: [{name: getPatient}]\n"
    one = World(compiled(SYSTEM, text, files=FILES).snapshot, connector=replying(b"{}", "application/json"))
    await rest(one, "GET", "/patients/a%2Fb%20c")
    assert sent(one)[1] == "/patients/a%2Fb%20c"


@pytest.mark.parametrize("field", ["..", "."])
async def test_a_dot_segment_never_reaches_the_providers_path(field: str) -> None:
    text = SERVICE + "    operations: [{name: getPatient}]\n"
    one = World(compiled(SYSTEM, text, files=FILES).snapshot, connector=replying(b"{}", "application/json"))
    answer = await soap(one, f'<getPatient xmlns="{NS}"><patient-id>{field}</patient-id></getPatient>')
    assert answer.status == 500
    assert one.connector.sent == []


SCHEMA = {
    "type": "object",
    "required": ["days"],
    "properties": {
        "days": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "wards": {"type": "array", "items": {"$ref": "#/$defs/ward"}},
        "ward": {"$ref": "#/$defs/ward"},
    },
    "$defs": {"ward": {"type": "integer"}},
}


def by_json_schema(http: str) -> World:
    operation = f"- {{name: Find, http: {http}, checks: {{request: {{json_schema: find.json}}}}}}"
    made = compiled(SYSTEM, service(operation), files={"find.json": json.dumps(SCHEMA).encode()})
    return World(made.snapshot, connector=replying(b"{}", "application/json"))


async def test_fields_are_typed_by_the_json_schema_of_a_service_too() -> None:
    one = by_json_schema("{method: GET, path: '/wards/{ward}/beds'}")
    answer = await call(gateway(one), "GET", "/rest/lis/wards/7/beds?days=3&urgent=true&wards=1&wards=2", b"", JSON)
    assert answer.status == 200, answer.body
    (message,) = one.connector.sent
    assert message.wire is not None
    assert message.wire.path == "/wards/7/beds?days=3&urgent=true&wards=1&wards=2"
    refused = await call(gateway(one), "GET", "/rest/lis/wards/x/beds?days=3.5", b"", JSON)
    assert refused.status == 400
    assert [each["path"] for each in json.loads(refused.body)["violations"]] == ["/ward", "/days"]


async def test_a_field_given_in_the_query_and_in_the_body_must_say_the_same() -> None:
    one = by_json_schema("{method: POST, path: /find}")
    same = await call(gateway(one), "POST", "/rest/lis/find?days=3", b'{"days": 3}', JSON)
    other = await call(gateway(one), "POST", "/rest/lis/find?days=3", b'{"days": 4}', JSON)
    assert (same.status, other.status) == (200, 400)
