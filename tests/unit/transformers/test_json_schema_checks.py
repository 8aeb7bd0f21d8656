"""A JSON Schema check answers every violation with its path, quotes nothing, fetches nothing and ends soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from transformers.document import Json
from transformers.errors import TransformerInvalid
from transformers.json_schema import MAX_VIOLATIONS
from transformers.schemas import compile_json_schema

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order_no", "visit_no"],
    "additionalProperties": False,
    "properties": {
        "order_no": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "maxLength": 12},
        "visit_no": {"type": "string"},
        "sex": {"enum": ["1", "2", "9"]},
        "amount": {"type": "number", "minimum": 0},
        "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {
        "item": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "minLength": 1}}}
    },
}


def test_a_valid_document_has_no_violations() -> None:
    assert compile_json_schema(ORDER)({"order_no": "LB1", "visit_no": "1", "items": [{"code": "A"}]}) == ()


def test_a_check_adds_no_defaults_to_the_document() -> None:
    document: dict[str, Any] = {}
    assert (
        compile_json_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})(document) == ()
    )
    assert document == {}


def test_all_violations_are_told_at_once_each_with_its_pointer() -> None:
    found = compile_json_schema(ORDER)(
        {"order_no": "张三丰", "sex": "男", "amount": -1, "items": [{"code": ""}, {"kode": 1}, 7], "extra": 1}
    )
    assert {(violation.path, violation.rule) for violation in found} == {
        ("", "required"),
        ("", "additionalProperties"),
        ("/order_no", "pattern"),
        ("/sex", "enum"),
        ("/amount", "minimum"),
        ("/items/0/code", "minLength"),
        ("/items/1", "required"),
        ("/items/2", "type"),
    }


def test_messages_name_the_rule_and_never_the_value() -> None:
    found = compile_json_schema(ORDER)(
        {"order_no": "张三丰", "visit_no": 110105194912310029, "sex": "男子", "张三丰110105194912310029": 1}
    )
    text = " ".join(violation.path + violation.message for violation in found)
    assert "张三丰" not in text
    assert "男子" not in text
    assert "110105" not in text
    assert "must be string" in text


def test_a_missing_property_and_an_unknown_one_are_named() -> None:
    found = compile_json_schema(ORDER)({"order_no": "LB1", "vist_no": "1"})
    assert {violation.message for violation in found} == {
        "visit_no is missing",
        "has properties that the schema does not name: vist_no",
    }


def test_of_alternatives_the_closest_one_is_explained() -> None:
    schema: Json = {
        "oneOf": [
            {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "integer"}}},
            {"type": "string"},
        ]
    }
    found = compile_json_schema(schema)({"a": "x", "b": 1})
    assert ("/a", "must be integer") in {(violation.path, violation.message) for violation in found}


def test_pointers_escape_what_rfc_6901_says() -> None:
    schema: Json = {"properties": {"a/b": {"properties": {"c~d": {"type": "null"}}}}}
    (violation,) = compile_json_schema(schema)({"a/b": {"c~d": 1}})
    assert violation.path in ("/a~1b/c~0d", "/…/…")


def test_a_very_wrong_document_does_not_answer_without_end() -> None:
    found = compile_json_schema({"type": "array", "items": {"type": "integer"}})(["x"] * 5_000)  # type: ignore[arg-type]
    assert len(found) == MAX_VIOLATIONS + 1
    assert "more than" in found[-1].message


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:9/schema.json", "file:///etc/passwd", "other.json", "#/$defs/none", "https://json-schema.org/x"],
)
def test_references_to_anywhere_else_do_not_compile(reference: str) -> None:
    with pytest.raises(TransformerInvalid):
        compile_json_schema({"properties": {"a": {"$ref": reference}}})


def test_references_into_files_that_came_along_are_followed() -> None:
    check = compile_json_schema(
        {"properties": {"a": {"$ref": "common.json#/$defs/n"}}},
        {"common.json": {"$defs": {"n": {"$ref": "#/$defs/m"}, "m": {"type": "integer"}}}},
    )
    assert check({"a": 1}) == ()
    assert [violation.path for violation in check({"a": "x"})] == ["/a"]


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(a*)*$",
        r"^(\w+\s?)*$",
        "^(a|a)*$",
        "(x+x+)+y",
        "^((a+)b?)*$",
        r"(\d+)*x",
        "^([a-z]x|[a-f]x)+$",
    ],
)
def test_patterns_that_backtrack_without_bound_do_not_compile(pattern: str) -> None:
    with pytest.raises(TransformerInvalid, match="pattern"):
        compile_json_schema({"properties": {"a": {"type": "string", "pattern": pattern}}})
    with pytest.raises(TransformerInvalid, match="pattern"):
        compile_json_schema({"patternProperties": {pattern: {"type": "string"}}})


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{2}\d{4,12}$",
        r"^\d+(,\d+)*$",
        r"^([a-z]+\.)+[a-z]+$",
        "^(男|女|未知)$",
        "^a*b*$",
        r"^(\d{3}-)*\d+$",
        r"^[^@]+@[^@]+$",
        "(?:ab|cd)+",
    ],
)
def test_ordinary_patterns_with_repetitions_do_compile(pattern: str) -> None:
    check = compile_json_schema({"type": "string", "pattern": pattern})
    started = time.perf_counter()
    check("a" * 3_000 + "!")
    assert time.perf_counter() - started < 2


def test_unique_items_need_a_bound_on_their_number() -> None:
    with pytest.raises(TransformerInvalid, match="maxItems"):
        compile_json_schema({"type": "array", "uniqueItems": True})
    check = compile_json_schema({"type": "array", "uniqueItems": True, "maxItems": 50})
    assert check([1, 1]) != ()


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"properties": []}, {"pattern": "("}, [], "x", {"$ref": "#"}, {"minimum": "1"}]
)
def test_what_is_no_schema_does_not_compile(schema: Json) -> None:
    with pytest.raises(TransformerInvalid):
        compile_json_schema(schema)


def test_a_document_deeper_than_its_recursive_schema_can_go_is_a_violation() -> None:
    check = compile_json_schema({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["b"]})
    deep: Json = {}
    for _ in range(5_000):
        deep = {"a": deep}
    (violation, *_) = check(deep)
    assert violation.path == "" or violation.path.startswith("/a")


@pytest.mark.parametrize(
    ("schema", "bad"),
    [
        ({"enum": [1, 2]}, True),
        ({"const": 0}, False),
        ({"type": "integer"}, True),
        ({"prefixItems": [{"type": "integer"}]}, ["x"]),
        ({"unevaluatedProperties": False, "properties": {"a": {}}}, {"b": 1}),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
        ({"properties": {"a": {"$ref": "#/$defs/s", "maxLength": 1}}, "$defs": {"s": {"type": "string"}}}, {"a": "xx"}),
        ({"contains": {"type": "integer"}}, ["x"]),
        ({"propertyNames": {"maxLength": 1}}, {"xx": 1}),
        ({"not": {"type": "string"}}, "x"),
        (False, 1),
    ],
)
def test_rules_of_the_2020_draft_that_the_fast_check_lacks_still_hold(schema: Json, bad: Json) -> None:
    assert compile_json_schema(schema)(bad) != ()


_ALIKE: list[Json] = [1, 1.0, True, 0, False, 0.0, None, "1", [1], [True], {"a": 1}, {"a": True}]


@pytest.mark.parametrize("listed", _ALIKE)
def test_true_is_never_taken_for_one_nor_false_for_nothing(listed: Json) -> None:
    for schema in ({"enum": [listed]}, {"const": listed}):
        check = compile_json_schema(schema)  # type: ignore[arg-type]
        for value in _ALIKE:
            assert (check(value) == ()) == Draft202012Validator(schema).is_valid(value)


_VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "张三", 1.0, 1.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)
_LEAVES = st.sampled_from(
    [
        {"type": "string"}, {"type": ["string", "null"]}, {"type": "integer"}, {"type": "number", "minimum": 0},
        {"maxLength": 1}, {"enum": ["a", "ab"]}, {"const": "张三"}, {"type": "boolean"}, {}, {"pattern": "^a"},
        {"minItems": 1}, {"enum": [1, None]}, {"type": "number", "exclusiveMaximum": 1}, {"minProperties": 1},
        {"format": "date"},
    ]
)  # fmt: skip
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.fixed_dictionaries(
            {"properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)},
            optional={
                "required": st.just(["a"]),
                "additionalProperties": st.just(False) | inner,
                "type": st.just("object"),
            },
        )
        | st.fixed_dictionaries({"items": inner}, optional={"type": st.just("array"), "maxItems": st.just(2)})
        | st.lists(inner, min_size=1, max_size=2).flatmap(
            lambda parts: st.sampled_from(["anyOf", "oneOf", "allOf"]).map(lambda word: {word: parts})
        )
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(_SCHEMAS, st.lists(_VALUES, min_size=1, max_size=6))
def test_the_fast_verdict_and_the_standard_always_agree(schema: dict[str, Any], values: list[Json]) -> None:
    check = compile_json_schema(schema)
    standard = Draft202012Validator(schema)
    for value in values:
        assert (check(value) == ()) == standard.is_valid(value)
