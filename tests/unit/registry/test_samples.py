"""Documents made up from a JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import services
from registry.samples import sample

CONTRACTS = sorted(Path(services.__file__).parent.glob("systems/*/contracts/*.json"))

texts: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda least: {"type": "string", "minLength": least, "maxLength": least + 3}, st.integers(0, 9)),
    st.sampled_from(
        [
            {"type": "string", "pattern": "^[A-Z]{2}[0-9]{3,5}$"},
            {"type": "string", "pattern": "^(男|女)$"},
            {"type": "string", "pattern": "^\\d{4}-\\d{2}$"},
            {"type": "string", "enum": ["a", "b"]},
            {"type": ["string", "null"]},
            {"const": 7},
        ]
    ),
)
numbers: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda low, span, kind: {"type": kind, "minimum": low, "maximum": low + span},
    st.integers(-50, 50),
    st.integers(0, 9),
    st.sampled_from(["integer", "number"]),
)


def wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects, arrays and alternatives of these."""
    names = st.sampled_from(["a", "b", "名"])
    objects = st.builds(
        lambda properties, required: {
            "type": "object",
            "properties": properties,
            "required": sorted(set(required) & properties.keys()),
            "additionalProperties": False,
        },
        st.dictionaries(names, inner, max_size=3),
        st.lists(names, max_size=3),
    )
    arrays = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)
    )
    either = st.builds(lambda one, other: {"anyOf": [{"type": "null"}, one, other]}, inner, inner)
    return objects | arrays | either


@given(st.recursive(texts | numbers | st.just({"type": "boolean"}), wider, max_leaves=8))
def test_a_sample_is_always_a_document_that_its_schema_allows(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(sample(schema))
    referred = {"$ref": "#/$defs/it", "$defs": {"it": schema}}
    assert sample(referred) == sample(schema)


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_shipped_contract_allows_its_own_sample(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(sample(schema))


def test_the_same_schema_gives_the_same_sample_every_time() -> None:
    schema = {"type": "object", "properties": {"no": {"type": "string", "pattern": "^[A-Z0-9]{12}$"}}}
    assert sample(schema) == sample(schema)


@pytest.mark.parametrize("key", ["const", "default", "example"])
def test_what_the_schema_itself_gives_as_an_example_is_taken(key: str) -> None:
    assert sample({"type": "string", key: "V1"}) == "V1"
    assert sample({"type": "string", "examples": ["V2", "V3"]}) == "V2"


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}, "all": {"type": "array", "items": {"$ref": "#"}}}}
    Draft202012Validator(schema).validate(sample(schema))


def test_parts_and_alternatives_are_put_together() -> None:
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
            {"properties": {"b": {"const": 2}}, "required": ["b"]},
        ],
        "oneOf": [{"required": ["c"], "properties": {"c": {"const": 3}}}],
    }
    assert sample(schema) == {"a": 1, "b": 2, "c": 3}
