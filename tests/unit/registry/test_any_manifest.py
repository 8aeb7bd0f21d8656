"""Whatever somebody writes into a manifest, the answer is a snapshot or a list of problems."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from catalogues import ORDER_SCHEMA
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.catalogue import Catalogue
from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid, Problem

MANIFESTS = """
kind: System
name: lis
title: {zh: 检验}
---
kind: CodeTable
name: sex
columns: [his, gbt]
rows: [["M", "1"]]
unmapped: {gbt: "9"}
---
kind: Service
name: lis
system: lis
faces: [soap11, rest]
versions:
  - version: "1"
    default: true
    provider:
      protocol: soap11
      charset: gbk
      auth: {kind: basic, username: u, secret: "${PW}"}
      endpoints: [{url: "${URL:-http://lis.example}/x", weight: 1, health: /h}]
    namespaces: {l: "urn:l"}
    policy: {timeout: 5}
    operations:
      - name: Place
        effect: write
        soap: {element: "{urn:l}Place", action: "urn:l/Place"}
        http: {method: POST, path: "/orders/{order_no}"}
        keys: {order_no: .order_no, id_no: {path: ".items[].code", identity: true}}
        checks: {request: {json_schema: order.json, gate: warn}, reply: {json_schema: order.json}}
        request:
          - codes: {table: sex, from: his, to: gbt, at: .sex}
          - to_xml: {root: "{urn:l}Order"}
          - wrap: {root: "{urn:l}Call", into: Text, children: {Code: "1"}}
        reply: [{unwrap: "//l:Text"}, {to_json: true}, {jq: "{lab_no: .no}"}]
        masks: [.patient.name]
      - {name: Done, raises: lab.done}
---
kind: Workflow
name: exam
version: "1"
steps:
  - {call: lis.Place, with: .input, undo: {call: lis.Place}}
  - {wait: lab.done, match: {order_no: .vars.x}}
---
kind: Consumer
name: kiosk
credentials: [{kind: api-key, secret: "${PW}"}]
grants: [{service: lis, operations: [Place]}]
rate: {per_second: 5}
---
kind: Journey
name: outpatient
key: order_no
milestones: [{name: ordered, operations: [lis.Place]}]
"""
DOCUMENTS = list(yaml.safe_load_all(MANIFESTS))


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*place, key))


PLACES = [place for place in places(DOCUMENTS) if len(place) > 1]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.text("a甲/{}[].$:|\"' ", max_size=6),
    st.sampled_from(["{urn:l}", "${", "${NO}", "//", "..", "/", "*", "order.json", "lis.Place", "1", "xml", "rest"]),
    st.lists(st.sampled_from(["a", 1, {}, []]), max_size=2),
    st.dictionaries(st.sampled_from(["file", "path", "jq", "root", "a"]), st.sampled_from(["x", 1, []]), max_size=2),
)


def altered(place: tuple[str | int, ...], value: Any, remove: bool) -> list[Any]:
    documents = copy.deepcopy(DOCUMENTS)
    around: Any = documents
    for step in place[:-1]:
        around = around[step]
    if remove:
        del around[place[-1]]
    else:
        around[place[-1]] = value
    return documents


def problems_of(documents: list[Any]) -> tuple[Problem, ...] | None:
    """None when the documents compile."""
    text = yaml.safe_dump_all(documents, allow_unicode=True)
    try:
        compile_catalogue(Catalogue({"m.yaml": text.encode(), "order.json": ORDER_SCHEMA}), {"PW": "x"})
    except ManifestInvalid as error:
        return error.problems
    return None


def test_the_unaltered_manifests_compile() -> None:
    assert problems_of(DOCUMENTS) is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), ODD, st.booleans())
def test_any_alteration_gives_a_snapshot_or_problems_with_places(place: Any, value: Any, remove: bool) -> None:
    found = problems_of(altered(place, value, remove))
    assert found is None or found
    assert all(problem.line >= 1 and problem.message for problem in found or ())
