"""What is wrong with a manifest alone, said in an integrator's words."""

from __future__ import annotations

import textwrap

import pytest
from catalogues import SYSTEM, problems, service


def test_all_problems_of_all_manifests_come_at_once_in_order() -> None:
    found = problems(
        """
        kind: System
        nmae: lis
        """,
        """
        kind: Servcie
        name: lis
        """,
        """
        kind: Consumer
        name: Kiosk
        grants: [{service: lis}]
        """,
    )
    assert found == [
        "m.yaml:1: 'name' is missing",
        "m.yaml:2: unknown key 'nmae' (did you mean name?)",
        "m.yaml:4: unknown kind 'Servcie' (did you mean Service?)",
        "m.yaml:8: name: must be a name of lower-case letters, digits and hyphens, at most 63",
        "m.yaml:9: grants[0]: 'operations' is missing",
    ]


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("- {name: A, effect: wirte}", "operations[0].effect: must be one of read, write (did you mean write?)"),
        ("- {name: A, policy: {timeout: 0}}", "operations[0].policy.timeout: must be more than 0"),
        ("- {name: A, policy: {retries: '2'}}", "operations[0].policy.retries: must be a whole number"),
        ("- {name: A, checks: {request: {gate: warn}}}", "needs exactly one of json_schema, xsd, wsdl"),
        (
            "- {name: A, request: [{jq: ., xslt: a.xslt}]}",
            "needs one of xslt, jq, to_json, to_xml, codes, unwrap, wrap",
        ),
        ("- {name: A, http: {pth: /orders}}", "operations[0].http: unknown key 'pth' (did you mean path?)"),
        ("- {name: A, http: {path: orders}}", "must be a path that starts with /"),
        ("- {name: 1st}", "must be a name that starts with a letter"),
        ("- {name: A, masks: [7]}", "operations[0].masks[0]: must be text (put it in quotes)"),
        ("- {name: A, keys: {Visit: .a}}", "must be a key's name: lower-case letters, digits and underscores"),
    ],
)
def test_each_kind_of_mistake_is_said_with_its_place(operation: str, says: str) -> None:
    found = problems(SYSTEM, service(operation))
    assert len(found) == 1
    assert says in found[0]


def test_a_version_that_is_a_number_should_be_put_in_quotes() -> None:
    found = problems(SYSTEM, service("- {name: A}").replace('version: "1"', "version: 1"))
    assert found == [
        'm.yaml:8: versions[0].version: must be a version such as "1" or "2.1" (quoted) (put it in quotes)'
    ]


def test_a_wrong_secret_is_never_quoted_in_the_problem() -> None:
    found = problems(
        """
        kind: Consumer
        name: kiosk
        credentials: [{kind: api-key, sha256: hunter2-hunter2}, {kind: basic, secret: hunter2}]
        """
    )
    assert len(found) >= 2
    assert "hunter2" not in "".join(found)


def test_a_second_object_of_the_same_name_is_a_problem() -> None:
    assert problems(SYSTEM, SYSTEM) == ["m.yaml:5: a second System 'lis' (first in m.yaml:2)"]


def test_a_document_without_a_kind_is_a_problem() -> None:
    assert problems("name: lis\n")[0].startswith("m.yaml:1: a manifest needs a 'kind' (one of System, Service")


def test_a_broken_service_does_not_make_its_callers_look_broken() -> None:
    consumer = textwrap.dedent("""
        kind: Consumer
        name: kiosk
        grants: [{service: lis, operations: [Anything]}]
    """)
    found = problems(SYSTEM, service("- {name: A, effect: raed}"), consumer)
    assert len(found) == 1
    assert "effect" in found[0]


def test_an_unknown_key_hides_nothing_else_that_is_wrong_with_the_service() -> None:
    found = problems(
        SYSTEM,
        service("""
            - {name: A, efect: read, checks: {request: {json_schema: none.json}}}
            - name: B
              requst:
                - {codes: {table: none, from: a, to: b, at: .x}}
              banana: 1
        """),
    )
    assert found == [
        "m.yaml:12: no file none.json (did you mean order.json?)",
        "m.yaml:12: versions[0].operations[0]: unknown key 'efect' (did you mean effect?)",
        "m.yaml:14: versions[0].operations[1]: unknown key 'requst' (did you mean request?)",
        "m.yaml:15: no code table 'none'",
        "m.yaml:16: versions[0].operations[1]: unknown key 'banana'",
    ]


def test_a_key_of_two_spellings_is_read_once_and_the_wrong_one_is_told() -> None:
    found = problems(SYSTEM, service("- {name: A, effect: read, efect: raed}"))
    assert found == ["m.yaml:12: versions[0].operations[0]: unknown key 'efect' (did you mean effect?)"]
