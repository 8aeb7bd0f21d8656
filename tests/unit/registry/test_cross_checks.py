"""Names that manifests use for each other, and settings that are right alone and wrong together."""

from __future__ import annotations

import textwrap

import pytest
from catalogues import SYSTEM, compiled, problems, service

GRANT = """
kind: Consumer
name: kiosk
system: app
grants: [{service: lis, operations: [PlaceOder, "*"]}, {service: lsi, operations: ["*"]}]
"""

JOURNEY = """
kind: Journey
name: outpatient
key: visit_no
milestones:
  - {name: ordered, operations: [lis.Place, his.Register]}
  - {name: ordered, operations: [lis.PlaceOrder]}
"""

WORKFLOW = """
kind: Workflow
name: exam
version: "1"
steps:
  - call: lis.PlaceOder
    undo: {call: lis.CancelOrder}
  - parallel: [[{call: lis.PlaceOrder, undo: {none: "a test"}}], [{run: billing}]]
    name: both
"""


def test_every_unknown_reference_is_found_with_a_hint() -> None:
    found = problems(SYSTEM, service("- {name: PlaceOrder}"), GRANT, JOURNEY, WORKFLOW)
    assert sorted(line.partition(": ")[2] for line in found) == [
        "a second milestone 'ordered'",
        "no Service 'his' (did you mean lis?)",
        "no Service 'lsi' (did you mean lis?)",
        "no System 'app' (known: lis)",
        "no Workflow 'billing' (known: exam)",
        "the service lis has no operation 'CancelOrder' (did you mean PlaceOrder?)",
        "the service lis has no operation 'Place' (did you mean PlaceOrder?)",
        "the service lis has no operation 'PlaceOder' (did you mean PlaceOrder?)",
        "the service lis has no operation 'PlaceOder' (did you mean PlaceOrder?)",
    ]


def test_the_line_of_a_reference_is_the_line_it_stands_on() -> None:
    found = problems(SYSTEM, service("- {name: PlaceOrder}"), WORKFLOW)
    assert [int(line.split(":")[1]) for line in found] == [18, 19, 20]


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ("- {name: A, starts: w, raises: lab.x}", "both starts a workflow and raises an event"),
        (
            "- {name: A, raises: lab.x, call: {path: /x}}",
            "raises and call contradict each other: no provider is called",
        ),
        ("- {name: A, raises: lab.x, mode: sync}", "raises is always asynchronous (drop mode)"),
        ("- {name: A, raises: lab.x, reply: [{jq: .}]}", "raises and reply contradict each other"),
        ("- {name: A, raises: lab.x, checks: {reply: {json_schema: order.json}}}", "raises has no reply to check"),
        ("- {name: A, starts: w}", "no Workflow 'w'"),
        ("- {name: A, checks: {request: {xsd: a.xsd}}}", "an XML Schema, but the contract speaks json"),
        ("- {name: A, checks: {request: {wsdl: true}}}", "wsdl: true, but the version has no contract"),
        ("- {name: A, http: {path: '/a/{x}/{x}'}}", "a field stands twice in the path"),
        ("- {name: A, checks: {request: {json_schema: oder.json}}}", "no file oder.json (did you mean order.json?)"),
        ("- {name: A, request: [{xslt: a.xslt}]}", "no file a.xslt"),
        ("- {name: A, request: [{codes: {table: sex, from: a, to: b, at: .sex}}]}", "no code table 'sex'"),
        ("- {name: A, request: [{jq: '.a | ('}]}", "the jq filter does not compile"),
        ("- {name: A, request: [{to_xml: {root: '{u}A'}}]}", "gives xml, but the rest provider takes json"),
        ("- {name: A, request: [{unwrap: //x}]}", "takes xml first, but the contract speaks json"),
        ("- {name: A, reply: [{to_json: true}]}", "takes xml first, but the rest provider answers json"),
        ("- {name: A, request: [{to_xml: {root: A}}, {jq: .}]}", "jq takes json, but to_xml before it gives xml"),
        ("- {name: A, request: [{to_xml: {root: '1 2'}}]}", "root: must be a qualified name"),
        ("- {name: A, form: xml, keys: {no: '//*[//*[//*]]'}}", "which can take for ever"),
        ("- {name: A, form: xml, masks: ['//a[b[.//c]]']}", "which can take for ever"),
        ("[{name: A}, {name: A}]", "a second operation 'A'"),
        (
            "[{name: A, http: {path: '/x/{a}'}}, {name: B, http: {path: '/x/{b}'}}]",
            "B and A have the same REST address",
        ),
        ("[{name: A, soap: {element: x}}, {name: B, soap: {element: x}}]", "B and A have the same SOAP element: x"),
    ],
)
def test_each_contradiction_is_said(operation: str, says: str) -> None:
    found = problems(SYSTEM, service(operation))
    assert any(says in line for line in found), found


def test_a_step_that_does_not_compile_does_not_make_the_one_after_it_look_misplaced() -> None:
    found = problems(SYSTEM, service("- {name: A, form: xml, request: [{xslt: a.xslt}, {jq: .}]}"))
    assert any("no file a.xslt" in line for line in found), found
    assert [line for line in found if "takes json first" in line] == []


def test_an_operation_must_end_somewhere() -> None:
    text = "\n".join(line for line in service("- {name: A}").splitlines() if "provider" not in line)
    assert problems(SYSTEM, text) == [
        "m.yaml:11: A has nowhere to go (give the version a provider, or the operation starts or raises)"
    ]


def test_several_versions_need_exactly_one_default() -> None:
    def versions(first: str, second: str) -> str:
        return textwrap.dedent(f"""
            kind: Service
            name: lis
            system: lis
            versions:
              - {{version: "1", {first} operations: [{{name: A, raises: x}}]}}
              - {{version: "2", {second} operations: [{{name: A, raises: x}}]}}
        """)

    assert problems(SYSTEM, versions("default: true,", "")) == []
    assert "several versions and no default" in problems(SYSTEM, versions("", ""))[0]
    assert "a second default version" in problems(SYSTEM, versions("default: true,", "default: true,"))[0]


def test_retries_of_a_write_that_may_not_be_repeated_are_warned_of() -> None:
    made = compiled(SYSTEM, service("- {name: A, effect: write, policy: {retries: 3}}"))
    assert ["retries of a write that is not idempotent" in each.message for each in made.warnings] == [True]
    quiet = compiled(SYSTEM, service("- {name: A, effect: write, policy: {retries: 3, idempotent: true}}"))
    assert quiet.warnings == ()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://lis/x", "not an http:// or https:// address"),
        ("http://user:pw@lis/x", "an address may not hold a password"),
        ("http://lis/x?y=1", "has no query"),
        ("${LIS_URL}/x", "needs the environment variable LIS_URL"),
    ],
)
def test_addresses_that_cannot_be_called_are_problems(url: str, says: str) -> None:
    found = problems(SYSTEM, service("- {name: A}").replace("http://lis.example/api", url))
    assert len(found) == 1
    assert says in found[0]
    assert "pw" not in found[0]


def test_workflow_problems_stand_at_their_own_lines() -> None:
    found = problems(
        SYSTEM,
        service("- {name: PlaceOrder}"),
        """
        kind: Workflow
        name: exam
        version: "1"
        steps:
          - call: lis.PlaceOrder
            with: '.input | ('
        """,
    )
    assert len(found) == 1
    assert found[0].startswith("m.yaml:19: ")


def test_waiting_for_an_event_that_nobody_raises_is_warned_of() -> None:
    workflow = """
        kind: Workflow
        name: exam
        version: "1"
        steps: [{wait: lab.reslted}, {wait: lab.resulted}]
    """
    made = compiled(SYSTEM, service("- {name: Result, raises: lab.resulted}"), workflow)
    assert [str(each) for each in made.warnings] == [
        "m.yaml:17: waits for lab.reslted, which no operation raises (did you mean lab.resulted?)"
    ]
