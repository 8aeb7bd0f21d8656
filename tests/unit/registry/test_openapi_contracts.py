"""OpenAPI 3.0 and 3.1 as contracts: what is read of a description, and what of it cannot be carried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from catalogues import SYSTEM, compiled, problems

from registry.catalogue import Catalogue
from registry.contracts.openapi import OpenApiOperation, operation_name, read_openapi
from registry.errors import ManifestInvalid
from registry.model import ServiceVersion
from transformers.errors import Violation

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


@pytest.fixture(scope="module")
def version() -> ServiceVersion:
    return compiled(SYSTEM, SERVICE, files=FILES).snapshot.services["clinic"].versions["1"]


def described(paths: Any, dialect: str = "3.1.0", **parts: Any) -> Any:
    document = {"openapi": dialect, "info": {"title": "T", "version": "1"}, "paths": paths, **parts}
    return read_openapi(Catalogue({"x.json": json.dumps(document).encode()}), "x.json")


def one(operation: Any, path: str = "/a", method: str = "post", **options: Any) -> OpenApiOperation:
    found = described({path: {method: {"operationId": "Op", **operation}}}, **options)
    operation_: OpenApiOperation = found.operations["Op"]
    return operation_


def json_body(schema: Any, **more: Any) -> Any:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}, **more}}


def test_every_operation_of_the_description_is_offered_with_its_method_and_path(version: ServiceVersion) -> None:
    assert {name: (each.http_method, each.http_path, each.effect) for name, each in version.operations.items()} == {
        "getPatient": ("GET", "/patients/{patient_id}", "read"),
        "replacePatient": ("PUT", "/patients/{patient_id}", "write"),
        "findAppointments": ("GET", "/appointments", "read"),
        "book_appointment": ("POST", "/appointments", "write"),
        "postAppointmentsIdNotes": ("POST", "/appointments/{id}/notes", "write"),
    }


def test_what_cannot_be_carried_is_a_warning_that_says_why() -> None:
    warnings = [warning.message for warning in compiled(SYSTEM, SERVICE, files=FILES).warnings]
    assert warnings == [
        "GET /appointments/{id}/letter is left out: it answers application/pdf, and the bus carries JSON",
        "POST /photos is left out: it takes multipart/form-data, and the bus sends JSON",
    ]


def test_parameters_and_the_properties_of_the_body_are_one_object(version: ServiceVersion) -> None:
    schema = version.operations["book_appointment"].schema
    assert schema is not None
    assert list(schema["properties"]) == ["id", "day", "urgent", "fee", "query_id"]
    assert schema["required"] == ["id", "day"]


def test_a_body_that_is_no_plain_object_becomes_one_field(version: ServiceVersion) -> None:
    operation = version.operations["postAppointmentsIdNotes"]
    assert operation.http_form.body == "body"
    assert operation.schema is not None
    assert operation.schema["properties"]["body"] == {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        {"oneOf": [{"type": "object"}, {"type": "string"}]},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"allOf": [{"type": "object", "properties": {"a": {}}}, {"not": {"required": ["b"]}}]},
    ],
)
def test_a_body_stays_whole_where_fields_beside_its_own_would_break_its_schema(body: Any) -> None:
    parameter = {"name": "q", "in": "query", "schema": {"type": "integer"}}
    made = one({"parameters": [parameter], **json_body(body)})
    assert made.form.body == "body"
    assert made.request["required"] == ["body"]


def test_without_parameters_the_document_is_the_body_itself() -> None:
    made = one(json_body({"type": "array", "items": {"type": "integer"}}))
    assert made.request == {"type": "array", "items": {"type": "integer"}}
    assert made.form.body == ""


def test_a_query_object_in_exploded_form_is_its_properties() -> None:
    schema = {"type": "object", "properties": {"page": {"type": "integer"}, "size": {"type": "integer"}}}
    made = one({"parameters": [{"name": "paging", "in": "query", "schema": schema}]}, method="get")
    assert list(made.request["properties"]) == ["page", "size"]


def violations(version: ServiceVersion, name: str, document: Any, side: str = "request") -> list[Violation]:
    operation = version.operations[name]
    check = operation.request_check if side == "request" else operation.reply_check
    assert check is not None
    return list(check.validator(document))


def test_nullable_exclusive_bounds_and_enumerations_of_3_0_are_checked_as_meant(version: ServiceVersion) -> None:
    patient = {"patient-id": "P0001", "name": "张三", "birth_date": None, "contact": None, "weight": 0.5}
    assert violations(version, "replacePatient", patient) == []
    wrong = {**patient, "weight": 0, "birth_date": 7, "contact": {"fax": "1"}}
    assert {each.path for each in violations(version, "replacePatient", wrong)} >= {
        "/weight",
        "/birth_date",
        "/contact",
    }
    assert [each.path for each in violations(version, "findAppointments", {"days": 40, "status": ["lost"]})] == [
        "/days",
        "/status/0",
    ]


def test_a_read_only_property_is_due_in_the_reply_and_not_in_the_request(version: ServiceVersion) -> None:
    patient = {"patient-id": "P0001", "name": "张三"}
    assert violations(version, "replacePatient", patient) == []
    missing = violations(version, "getPatient", {"name": "张三"}, "reply")
    assert [each.message for each in missing] == ["id is missing"]


def test_a_schema_may_refer_to_itself_and_to_files_beside_it(version: ServiceVersion) -> None:
    nested = {"patient-id": "P0001", "name": "张三", "guardian": {"name": "李四", "guardian": {"name": 7}}}
    assert [each.path for each in violations(version, "replacePatient", nested)] == ["/guardian/guardian/name"]
    own = version.operations["book_appointment"].own
    assert own is not None
    refusal = own["responses"]["409"]["content"]["application/json"]["schema"]
    assert refusal == {"$ref": "#/components/schemas/Refusal"}
    assert version.components["Refusal"]["properties"]["because"]["items"] == {"$ref": "#/components/schemas/Reason"}


def test_a_pattern_that_could_take_for_ever_is_left_unchecked_and_noted() -> None:
    made = one(json_body({"type": "string", "pattern": "^(a+)+$"}))
    assert made.request == {"type": "string"}
    assert made.notes == ("the pattern '^(a+)+$' is not checked: no safe regular expression here",)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"parameters": [{"name": "s", "in": "cookie", "required": True}]}, "needs the cookie 's'"),
        ({"parameters": [{"name": "s", "in": "query", "style": "matrix"}]}, "in the style matrix"),
        ({"parameters": [{"name": "s", "in": "formData"}]}, "none of path, query, header, cookie"),
        (
            {"parameters": [{"name": "s", "in": "header", "schema": {"type": "object"}}]},
            "the object 's' in a header",
        ),
        (
            {"parameters": [{"name": "s", "in": "query", "schema": {"type": "array", "items": {"type": "array"}}}]},
            "the nested list 's'",
        ),
        ({"requestBody": {"content": {"text/csv": {}}}}, "takes text/csv"),
        ({"responses": {"200": {"description": "", "content": {"text/html": {}}}}}, "answers text/html"),
    ],
)
def test_each_thing_that_cannot_be_carried_is_named(operation: Any, reason: str) -> None:
    found = described({"/a": {"post": operation}, "/b": {"get": {}}})
    assert list(found.operations) == ["getB"]
    assert reason in found.left_out["POST /a"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"swagger": "2.0", "paths": {}}', "this is Swagger 2.0"),
        (b'{"openapi": "4.0.0", "paths": {}}', "not an OpenAPI 3 document"),
        (b'{"openapi": "3.1.0"}', "has no paths"),
        (b"[]", "its root is no object"),
        (b'{"openapi": ', "not JSON"),
        (b"openapi: 3.1.0\npaths: {/a: {get: {responses: *x}}}", "not YAML"),
        (
            b'{"openapi": "3.1.0", "paths": {"/a": {"$ref": "https://evil.example/x.json"}}}',
            "not among the contract's own",
        ),
        (b'{"openapi": "3.1.0", "paths": {"/a": {"$ref": "../../../etc/passwd"}}}', "not among the contract's own"),
        (b'{"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}}', "leads to itself"),
        (b'{"openapi": "3.1.0", "paths": {}}', "has no operation that the bus can carry"),
    ],
)
def test_a_description_that_cannot_be_used_says_what_is_wrong_with_it(content: bytes, says: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"x\.yaml") as refusal:
        read_openapi(Catalogue({"x.yaml": content}), "x.yaml")
    assert says in str(refusal.value)


def test_names_are_made_where_a_description_has_none_that_fit() -> None:
    assert operation_name("list pets!", "get", "/pets") == "list_pets"
    assert operation_name("", "get", "/pets/{pet-id}/photo.png") == "getPetsPetIdPhotoPng"
    assert operation_name("9lives", "put", "/cats") == "putCats"


def test_a_manifest_may_give_a_described_operation_another_rest_face() -> None:
    operations = SERVICE + "    operations: [{name: getPatient, http: {method: POST, path: /find}}]\n"
    found = compiled(SYSTEM, operations, files=FILES).snapshot.services["clinic"].versions["1"].operations["getPatient"]
    assert (found.http_method, found.http_path, found.call.method) == ("POST", "/find", "GET")
    assert found.own is None


def test_a_manifest_that_names_what_is_not_described_is_told_what_is() -> None:
    operations = SERVICE + "    operations: [{name: getPatients}]\n"
    assert problems(SYSTEM, operations, files=FILES) == [
        "m.yaml:11: contracts/clinic.yaml describes no operation 'getPatients' that the bus can carry "
        "(did you mean getPatient?)"
    ]


def test_checks_by_description_need_one() -> None:
    text = SERVICE.replace("    contract: {openapi: contracts/clinic.yaml}\n", "")
    found = problems(SYSTEM, text + "    operations: [{name: A, checks: {request: {openapi: true}}}]\n")
    assert found == ["m.yaml:10: openapi: true, but the version has no description (name it under contract)"]


def test_soap_callers_get_a_wsdl_of_all_described_operations(version: ServiceVersion) -> None:
    assert version.wsdl is not None
    text = version.wsdl.documents[version.wsdl.main]
    for name in version.operations:
        assert f'operation name="{name}"'.encode() in text


def test_an_operation_that_answers_a_bare_text_is_left_out_of_the_wsdl_and_no_other() -> None:
    text = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "string"}}}}}
    paths = {"/a": {"post": {"operationId": "Say", "responses": text}}, "/b": {"get": {"operationId": "Other"}}}
    document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths}
    made = compiled(
        SYSTEM, SERVICE.replace("clinic.yaml", "x.json"), files={"contracts/x.json": json.dumps(document).encode()}
    )
    version = made.snapshot.services["clinic"].versions["1"]
    assert [warning.message for warning in made.warnings] == [
        "not in the published WSDL, which has no word for them: Say"
    ]
    assert version.wsdl is not None
    assert b'operation name="Other"' in version.wsdl.documents[version.wsdl.main]
    assert b'operation name="Say"' not in version.wsdl.documents[version.wsdl.main]
