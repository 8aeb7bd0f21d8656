"""The OpenAPI descriptions that the gateway publishes, read by a validator nobody here wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgi_caller import Response, call, gateway
from catalogues import SYSTEM, compiled, service
from openapi_spec_validator import validate
from twins import World

from bus.errors import MEANINGS
from bus.settings import Settings
from registry.contracts.openapi_errors import PROBLEM
from registry.contracts.openapi_publish import publish_openapi
from registry.model import Snapshot
from transformers.json_schema import compile_json_schema

ROOT = Path(__file__).parents[3]
CLINIC = {f"contracts/{path.name}": path.read_bytes() for path in (ROOT / "tests" / "descriptions").iterdir()}
LIS = {path.name: path.read_bytes() for path in (ROOT / "services" / "systems" / "lis" / "contracts").iterdir()}
BY_OPENAPI = """
kind: Service
name: clinic
system: lis
title: {zh: 门诊预约, en: Appointments}
versions:
  - version: "1"
    contract: {openapi: contracts/clinic.yaml}
    provider: {protocol: rest, endpoints: [{url: "http://clinic.example/api"}]}
"""
BY_WSDL = """
kind: Service
name: lis
system: lis
versions:
  - version: "2"
    contract: {wsdl: lis.wsdl}
    provider: {protocol: soap11, endpoints: [{url: "http://lis.example/"}]}
"""
FIND: dict[str, Any] = {
    "type": "object",
    "required": ["ward", "days"],
    "properties": {
        "ward": {"type": "integer"},
        "days": {"type": "integer"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        "deep": {"type": "object"},
    },
    "$defs": {"tag": {"type": "string", "enum": ["a", "b"]}},
}
OTHER = {"type": "object", "properties": {"tag": {"$ref": "#/$defs/tag"}}, "$defs": {"tag": {"type": "integer"}}}
BY_SCHEMAS = service(
    """
    - {name: Find, title: {zh: 查询, en: Find beds}, http: {method: GET, path: "/wards/{ward}/beds"},
       checks: {request: {json_schema: find.json}, reply: {json_schema: find.json}}}
    - {name: Set, http: {method: PUT, path: "/wards/{ward}"}, checks: {request: {json_schema: find.json}}}
    - {name: Tell, mode: async, checks: {request: {json_schema: other.json}}}
    """,
    name="beds",
)
FILES = {
    **CLINIC,
    **LIS,
    "find.json": json.dumps(FIND).encode(),
    "other.json": json.dumps(OTHER).encode(),
}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return compiled(SYSTEM, BY_OPENAPI, BY_WSDL, BY_SCHEMAS, files=FILES).snapshot


@pytest.fixture
def world(snapshot: Snapshot) -> World:
    return World(snapshot, settings=Settings(public_url="https://bus.example/"))


async def fetched(world: World, path: str, **headers: str) -> Response:
    return await call(gateway(world), "GET", path, b"", headers)


async def read(world: World, path: str) -> Any:
    response = await fetched(world, path)
    assert response.status == 200, response.body
    document = json.loads(response.body)
    validate(document)
    assert document["openapi"].startswith("3.1")
    return document


@pytest.mark.parametrize("service_", ["clinic", "lis", "beds"])
async def test_every_kind_of_contract_is_published_as_valid_openapi_3_1(world: World, service_: str) -> None:
    document = await read(world, f"/rest/{service_}/openapi.json")
    assert document == await read(world, f"/rest/{service_}?openapi")
    assert document["security"] == [{"apiKey": []}, {"basic": []}]


async def test_the_address_is_that_of_the_settings_whatever_host_a_caller_names(world: World) -> None:
    response = await fetched(world, "/rest/lis/v/2/openapi.json", host="evil.example")
    assert json.loads(response.body)["servers"] == [{"url": "https://bus.example/rest/lis/v/2"}]
    assert b"evil" not in response.body


async def test_a_wsdl_becomes_one_post_per_operation_with_its_json_forms(world: World) -> None:
    document = await read(world, "/rest/lis/openapi.json")
    assert set(document["paths"]) == {"/PlaceOrder", "/CancelOrder", "/QueryOrder"}
    body = document["paths"]["/PlaceOrder"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/PlaceOrderRequest"}
    items = document["components"]["schemas"]["PlaceOrderRequest"]["properties"]["items"]
    assert items["properties"]["item"]["type"] == "array"


async def test_json_schemas_become_parameters_of_the_path_and_the_query(world: World) -> None:
    paths = (await read(world, "/rest/beds/openapi.json"))["paths"]
    find = paths["/wards/{ward}/beds"]["get"]
    assert [(each["name"], each["in"], each.get("required", False)) for each in find["parameters"]] == [
        ("ward", "path", True),
        ("days", "query", True),
        ("tags", "query", False),
    ]
    assert "requestBody" not in find


async def test_a_field_of_the_path_is_no_field_of_the_body(world: World) -> None:
    document = await read(world, "/rest/beds/openapi.json")
    body = document["components"]["schemas"]["SetRequest"]
    assert "ward" not in body["properties"]
    assert body["required"] == ["days"]


async def test_definitions_of_one_name_that_differ_are_kept_apart(world: World) -> None:
    schemas = (await read(world, "/rest/beds/openapi.json"))["components"]["schemas"]
    assert (schemas["tag"], schemas["tag_2"]) == (FIND["$defs"]["tag"], {"type": "integer"})
    assert schemas["TellRequest"]["properties"]["tag"] == {"$ref": "#/components/schemas/tag_2"}


async def test_an_asynchronous_operation_answers_202_with_the_message_id(world: World) -> None:
    document = await read(world, "/rest/beds/openapi.json")
    responses = document["paths"]["/Tell"]["post"]["responses"]
    assert [code for code in responses if code.startswith("2")] == ["202"]
    assert "message_id" in document["components"]["schemas"]["Accepted"]["properties"]


async def test_a_description_keeps_its_words_and_gets_the_problems_of_the_bus(world: World) -> None:
    document = await read(world, "/rest/clinic/openapi.json")
    book = document["paths"]["/appointments"]["post"]
    assert (book["operationId"], book["summary"], book["tags"]) == (
        "book_appointment",
        "Book an appointment",
        ["appointments"],
    )
    conflict = book["responses"]["409"]["content"]["application/problem+json"]["schema"]["properties"]
    assert conflict["provider"]["properties"]["detail"] == {"$ref": "#/components/schemas/Refusal"}
    assert list(book["requestBody"]["content"]) == ["application/json"]
    birth = document["components"]["schemas"]["Person"]["properties"]["birth_date"]
    assert birth["type"] == ["string", "null"]


async def test_an_operation_of_the_same_address_is_not_hidden_by_the_description(world: World) -> None:
    text = service("- {name: Own, http: {method: GET, path: /openapi.json}}")
    one = World(compiled(SYSTEM, text).snapshot)
    assert (await fetched(one, "/rest/lis/openapi.json")).status == 401


async def test_a_service_without_a_rest_face_says_so_instead(world: World) -> None:
    text = BY_WSDL.replace("system: lis", "system: lis\nfaces: [soap11]")
    one = World(compiled(SYSTEM, text, files=LIS).snapshot)
    response = await fetched(one, "/rest/lis/openapi.json")
    assert (response.status, json.loads(response.body)["code"]) == (404, "face-not-offered")
    assert (await fetched(one, "/rest/none/openapi.json")).status == 404


async def test_a_problem_is_what_its_published_schema_says(world: World) -> None:
    response = await call(gateway(world), "GET", "/rest/beds/wards/x/beds?days=1", b"", {"x-api-key": "kiosk"})
    assert response.status == 400
    assert compile_json_schema(dict(PROBLEM))(json.loads(response.body)) == ()


def test_every_status_that_is_published_is_one_that_the_bus_answers(snapshot: Snapshot) -> None:
    document = publish_openapi(snapshot.services["lis"].versions["2"], "http://bus.example")
    assert document is not None
    statuses = set(document["paths"]["/PlaceOrder"]["post"]["responses"]) - {"200", "default"}
    assert statuses <= {str(row.status) for row in MEANINGS.values()}
