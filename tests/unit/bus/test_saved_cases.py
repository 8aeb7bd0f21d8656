"""Saved cases: what an integrator writes beside a manifest, and what ``meridian test`` says about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bus.cases.case import Expected
from bus.cases.comparing import differences
from bus.cases.reading import read_cases
from bus.commands.cases import test as command
from bus.registry import SHIPPED
from bus.settings import Settings
from registry.errors import ManifestInvalid
from transformers import xml

MANIFEST = """
kind: System
name: lis
title: {zh: 检验, en: Laboratory}
---
kind: Service
name: lis
system: lis
title: {zh: 检验, en: Laboratory}
versions:
  - version: "1"
    provider: {protocol: rest, endpoints: [{url: "http://lis.invalid"}], auth: {kind: bearer, secret: "${LIS_TOKEN}"}}
    operations:
      - name: Place
        effect: write
        call: {method: PUT, path: "/orders/{no}"}
        keys: {order_no: .no}
        request: [{jq: "{no, item: .code}"}]
        reply: [{fault: {when: '.state == "full"', code: .state, reason: .state}}, {jq: "{done: .state}"}]
      - name: Tell
        raises: lab.resulted
        request: [{jq: "{order: .no}"}]
"""

GOOD = """
operation: lis.Place
cases:
  - name: an order is placed under its number
    request: {json: {no: L1, code: XCG}}
    sent: {method: PUT, path: /orders/L1, json: {item: XCG}}
    answer: {json: {state: placed}}
    reply: {json: {done: placed}}
    keys: {order_no: [L1]}
  - name: a laboratory that is full says so
    request: {json: {no: L1, code: XCG}}
    answer: {json: {state: full}}
    error: provider-fault
  - name: a result becomes an event
    operation: lis.Tell
    request: {json: {no: L1}}
    sent: {json: {order: L1}}
"""


def catalogue(folder: Path, cases: str, manifest: str = MANIFEST) -> Path:
    (folder / "cases").mkdir(exist_ok=True)
    (folder / "manifest.yaml").write_text(manifest, encoding="utf-8")
    (folder / "cases" / "lis.yaml").write_text(cases, encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["-f", str(folder), *arguments], obj=Settings())


def test_cases_run_through_the_hops_without_server_provider_or_secret(tmp_path: Path) -> None:
    done = run(catalogue(tmp_path, GOOD), "-v")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "3 passed, 0 failed, 0 skipped")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{item: XCG}", "{item: GLU}", 'sent /item: expected "GLU", found "XCG"'),
        ("{item: XCG}", "{item: XCG, more: 1}", "sent /more: expected 1, found nothing"),
        ("method: PUT", "method: POST", "sent method: expected POST, found PUT"),
        ("path: /orders/L1", "path: /orders/L2", "sent path: expected /orders/L2, found /orders/L1"),
        ("{done: placed}", "{}", 'reply /done: expected nothing, found "placed"'),
        ("order_no: [L1]", "order_no: [L2]", "keys order_no: expected L2, found L1"),
        ("error: provider-fault", "error: contract", "error: expected contract, found provider-fault"),
        ("{state: placed}", "{state: full}", "error: found provider-fault"),
        ("{order: L1}", "{order: L2}", 'sent /order: expected "L2", found "L1"'),
        ("answer: {json: {state: full}}", "answer: {json: {state: ok}}", "but the call succeeded"),
        ("operation: lis.Tell", "operation: lis.Tel", "did you mean Tell?"),
    ],
)
def test_a_case_that_does_not_hold_says_where_what_came_out_differs(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in GOOD
    done = run(catalogue(tmp_path, GOOD.replace(old, new)))
    assert done.exit_code == 1
    assert words in done.output
    assert "cases/lis.yaml:" in done.output


def test_a_changed_mapping_makes_its_case_fail(tmp_path: Path) -> None:
    done = run(catalogue(tmp_path, GOOD, MANIFEST.replace("{no, item: .code}", "{no, item: .kode}")))
    assert done.exit_code == 1
    assert "found null" in done.output


def test_a_part_of_an_answer_is_enough_where_the_case_says_so(tmp_path: Path) -> None:
    cases = GOOD.replace("{method: PUT, path: /orders/L1, json: {item: XCG}}", "{partly: true, json: {}}")
    assert run(catalogue(tmp_path, cases)).exit_code == 0
    whole = GOOD.replace("{method: PUT, path: /orders/L1, json: {item: XCG}}", "{json: {}}")
    assert run(catalogue(tmp_path, whole)).exit_code == 1


def test_a_case_without_an_answer_of_the_provider_is_skipped_and_says_why(tmp_path: Path) -> None:
    cases = GOOD.replace("    answer: {json: {state: placed}}\n", "")
    done = run(catalogue(tmp_path, cases))
    assert done.exit_code == 0
    assert "no answer of the provider" in done.output
    assert "2 passed, 0 failed, 1 skipped" in done.output


def test_cases_are_picked_by_service_or_operation(tmp_path: Path) -> None:
    folder = catalogue(tmp_path, GOOD)
    assert "1 passed" in run(folder, "lis.Tell").output
    assert "3 passed" in run(folder, "lis").output
    assert run(folder, "his").exit_code == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cases: [{name: x, request: {json: 1}}]", "of which operation"),
        ("operation: lis.Place\ncases:\n- {name: x, request: {}}", "cases/lis.yaml:3:"),
        ("operation: lis.Place\ncases:\n- {name: x, request: {xml: '<a>'}}", "cannot be read"),
        ("operation: lis.Place\ncases:\n- {name: x, request: {file: gone.xml}}", "No such file"),
        ("operation: lis.Place\ncases:\n- {name: x, request: {json: 1}, replay: {}}", "did you mean reply?"),
    ],
)
def test_a_case_file_with_a_mistake_is_refused_with_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"lis\.yaml:") as refused:
        read_cases(catalogue(tmp_path, text))
    assert words in str(refused.value)


def test_every_case_of_the_shipped_hospital_passes() -> None:
    done = run(SHIPPED)
    assert done.exit_code == 0, done.output
    assert " 0 failed, 0 skipped" in done.output


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_documents_are_told_apart_exactly_when_they_differ(one: object, other: object) -> None:
    found = differences(Expected(one, True), other)  # type: ignore[arg-type]
    assert bool(found) is (repr(_sorted(one)) != repr(_sorted(other)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('<a xmlns="u"><b>1</b></a>', '<x:a xmlns:x="u">\n  <x:b>1</x:b>\n</x:a>', True),
        ('<a p="1" q="2"/>', '<a q="2" p="1"/>', True),
        ("<a><b>1</b></a>", "<a><b>1 </b></a>", False),
        ("<a><b/></a>", "<a><b/><b/></a>", False),
        ('<a p="1"/>', "<a/>", False),
        ("<a>x<b/></a>", "<a><b/></a>", False),
        ("<a/>", '<a xmlns="u"/>', False),
    ],
)
def test_xml_is_compared_by_what_it_says(one: str, other: str, same: bool) -> None:
    assert (differences(Expected(xml.parse(one.encode()), True), xml.parse(other.encode())) == []) is same
