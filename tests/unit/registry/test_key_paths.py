"""Business keys found in documents, whichever way their path is written."""

from __future__ import annotations

import jq
import pytest
from catalogues import SYSTEM, operation_of, problems, service
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from registry.findings import Spot
from registry.keys import compile_path
from registry.located import Source
from registry.manifest import Manifest
from registry.paths import parse_path, values

SPOT = Spot(Manifest("Service", "lis", Source("m.yaml", {}, {}), sound=True))
LEAVES = st.one_of(st.none(), st.integers(0, 99), st.text("ab", max_size=2))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=12,
)


def test_a_dotted_path_finds_every_item_of_every_list() -> None:
    find = compile_path(".orders[].items[].code", "json", {}, SPOT)
    document = {"orders": [{"items": [{"code": "A"}, {"code": "B"}]}, {"items": []}, {}, {"items": [{"code": "A"}]}]}
    assert find(document) == ("A", "B")


@pytest.mark.parametrize(
    "document", [{}, None, [], "text", {"visit_no": None}, {"visit_no": {"deep": 1}}, {"visit_no": " "}]
)
def test_a_key_that_is_not_there_is_simply_not_found(document: object) -> None:
    assert compile_path(".visit_no", "json", {}, SPOT)(document) == ()  # type: ignore[arg-type]
    assert compile_path(".visit_no | select(. != null) | tostring | ascii_downcase", "json", {}, SPOT) is not None


def test_numbers_become_texts_and_truth_values_do_not() -> None:
    find = compile_path(".a[]", "json", {}, SPOT)
    assert find({"a": [7, 1.5, True, None, " x "]}) == ("7", "1.5", "x")


def test_jq_is_used_where_a_dotted_path_is_not_enough() -> None:
    find = compile_path('.ids[] | select(.type == "visit") | .value', "json", {}, SPOT)
    assert find({"ids": [{"type": "visit", "value": "V1"}, {"type": "bed", "value": "B1"}]}) == ("V1",)
    assert find({"other": 1}) == ()


def test_an_xpath_finds_elements_attributes_and_texts() -> None:
    find = compile_path("//l:order/@no | //l:patient/l:id", "xml", {"l": "urn:lab"}, SPOT)
    document = etree.fromstring(
        '<r xmlns="urn:lab"><order no="7"/><order no="8"/><patient><id> 110 </id></patient></r>'
    )
    assert find(document) == ("7", "8", "110")


@settings(max_examples=80)
@given(JSON, st.lists(st.sampled_from([".a", ".b", ".c", "[]"]), min_size=1, max_size=4))
def test_the_fast_way_finds_what_jq_finds(document: object, parts: list[str]) -> None:
    text = "".join(parts)
    path = text if text.startswith(".") else f".{text}"
    parsed = parse_path(path)
    assert parsed is not None
    # jq stops at what is no list or object and iterates over both; a key passes over what does not fit
    asked = {
        "[]": 'if type == "array" then .[] else empty end',
        **{f".{name}": f'if type == "object" and has("{name}") then .{name} else empty end' for name in "abc"},
    }
    wanted = jq.compile(" | ".join(f"({asked[part]})" for part in parts)).input_value(document).all()
    assert list(values(document, parsed)) == wanted  # type: ignore[arg-type]


def test_a_path_of_the_other_form_is_explained() -> None:
    found = problems(SYSTEM, service("- {name: A, keys: {visit_no: //visit}}"))
    assert found == ["m.yaml:12: an XPath, but the contract speaks JSON (write a jq path, or set form: xml)"]


def test_a_prefix_that_nobody_declared_is_a_problem() -> None:
    operation = "- {name: A, form: xml, soap: {element: '{urn:l}A'}, keys: {visit_no: //lab:visit}}"
    found = problems(SYSTEM, service(operation, protocol="soap11", head="namespaces: {l: 'urn:l'}"))
    assert len(found) == 1
    assert "prefixes of this version: l" in found[0]


def test_identity_keys_are_marked_for_their_canonical_form() -> None:
    operation = operation_of("- {name: A, keys: {id_no: {path: .id_no, identity: true}, visit_no: .v}}")
    assert [(key.name, key.identity) for key in operation.keys] == [("id_no", True), ("visit_no", False)]
