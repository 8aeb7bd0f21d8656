"""Fields of paths, queries and headers, read by schema and written by OpenAPI's styles."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.errors import MappingFailed
from transformers.http_fields import FieldUnreadable, HttpField, Style, compile_reader, kinds_of
from transformers.http_form import WHOLE, HttpForm


def read(schema: Any, *texts: str, style: Style = "form", explode: bool = True, root: Any = None) -> Any:
    reader = compile_reader(schema, root if root is not None else schema, style, explode=explode)
    return reader([("", text) for text in texts])


@pytest.mark.parametrize(
    ("schema", "texts", "value"),
    [
        ({"type": "integer"}, ["3"], 3),
        ({"type": "integer"}, ["-0012"], -12),
        ({"type": "number"}, ["5.60"], 5.6),
        ({"type": "number"}, ["7"], 7),
        ({"type": "boolean"}, ["true"], True),
        ({"type": "boolean"}, ["False"], False),
        ({"type": "boolean"}, ["0"], False),
        ({"type": ["integer", "null"]}, [""], None),
        ({"type": "string"}, ["007"], "007"),
        ({"type": ["integer", "string"]}, ["7"], "7"),
        ({"enum": [1, 2]}, ["2"], 2),
        ({"const": True}, ["true"], True),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, ["4"], 4),
        ({"allOf": [{"type": "integer"}, {"minimum": 2}]}, ["4"], 4),
        ({"type": "array", "items": {"type": "integer"}}, ["1", "2"], [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, ["1,2"], [1, 2]),
        ({"type": "array", "items": {"type": "string"}}, ["a,b"], ["a,b"]),
        ({"type": "array"}, ["a"], ["a"]),
        ({}, ["a"], "a"),
        ({}, ["a", "b"], ["a", "b"]),
    ],
)
def test_what_a_text_means_is_what_its_schema_says(schema: Any, texts: list[str], value: Any) -> None:
    found = read(schema, *texts)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("style", "text"), [("form", "1,2"), ("spaceDelimited", "1 2"), ("pipeDelimited", "1|2"), ("simple", "1,2")]
)
def test_each_style_splits_a_list_at_its_own_delimiter(style: Style, text: str) -> None:
    assert read({"type": "array", "items": {"type": "string"}}, text, style=style, explode=False) == ["1", "2"]


@pytest.mark.parametrize(
    ("schema", "texts", "says"),
    [
        ({"type": "integer"}, ["three"], "must be an integer"),
        ({"type": "integer"}, ["3.5"], "must be an integer"),
        ({"type": "integer"}, ["9" * 30], "must be an integer"),
        ({"type": "number"}, ["1e999"], "must be a number"),
        ({"type": "number"}, ["NaN"], "must be a number"),
        ({"type": "boolean"}, ["maybe"], "must be true or false"),
        ({"type": "integer"}, ["1", "2"], "is given 2 times and takes one value"),
        ({"type": "array", "items": {"type": "integer"}}, ["1", "x"], "must be an integer"),
        ({"type": "object"}, ["x"], "must be given in the body"),
    ],
)
def test_a_text_of_another_kind_is_refused_and_not_quoted(schema: Any, texts: list[str], says: str) -> None:
    with pytest.raises(FieldUnreadable) as refusal:
        read(schema, *texts)
    assert str(refusal.value) == says


def test_a_reference_into_the_schema_is_followed_to_the_kind() -> None:
    root = {"$defs": {"days": {"$ref": "#/$defs/whole"}, "whole": {"type": "integer"}}}
    assert kinds_of({"$ref": "#/$defs/days"}, root) == {"integer"}
    assert read({"$ref": "#/$defs/days"}, "3", root=root) == 3


def test_a_reference_that_leads_to_itself_ends_without_a_kind() -> None:
    root = {"$defs": {"loop": {"$ref": "#/$defs/loop"}}}
    assert kinds_of({"$ref": "#/$defs/loop"}, root) == frozenset()


SCALARS = st.integers(-(1 << 63), (1 << 63) - 1) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
KIND = {bool: "boolean", int: "integer", float: "number"}


@given(st.lists(SCALARS, min_size=1, max_size=5), st.booleans(), st.sampled_from(["form", "pipeDelimited"]))
def test_what_is_written_into_a_query_reads_back_as_the_same(values: list[Any], explode: bool, style: Style) -> None:
    kind = KIND[type(values[0])]
    same: list[Any] = [value for value in values if KIND[type(value)] == kind]
    schema = {"type": "array", "items": {"type": kind}}
    field = HttpField("wörd", "wörd", "query", compile_reader(schema, schema, style, explode=explode), style, explode)
    found, violations = HttpForm((field,)).gather({}, parse_qsl("&".join(field.pieces(same))), {})
    assert violations == ()
    assert found == {"wörd": same}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_query_of_a_deep_object(key: str, text: str) -> None:
    schema: Any = {"type": "object", "properties": {key: {"type": "string"}}}
    field = HttpField("filter", "filter", "query", compile_reader(schema, schema, "deepObject"), "deepObject")
    pairs = parse_qsl("&".join(field.pieces({key: text})), keep_blank_values=True)
    assert HttpForm((field,)).gather({}, pairs, {}) == ({"filter": {key: text}}, ())


def test_every_unreadable_field_is_named_with_the_place_where_it_stood() -> None:
    whole = {"type": "integer"}
    fields = tuple(
        HttpField(each, each, place, compile_reader(whole, whole))
        for each, place in (("a", "path"), ("b", "query"), ("c", "header"))
    )  # type: ignore[arg-type]
    _, violations = HttpForm(fields).gather({"a": "x"}, [("b", "y")], {"c": "z"})
    assert [(each.path, each.message) for each in violations] == [
        ("/a", "must be an integer (in the path)"),
        ("/b", "must be an integer (in the query)"),
        ("/c", "must be an integer (in the header)"),
    ]


def test_fields_that_nobody_declared_stay_text_in_both_directions() -> None:
    assert WHOLE.gather({"id": "1"}, [("a", "2"), ("a", "3")], {}) == ({"id": "1", "a": ["2", "3"]}, ())
    split = HttpForm(has_body=False).split({"a": ["2", "3"], "b": None, "c": "x y"})
    assert (split.query, split.body) == ("a=2&a=3&c=x%20y", None)


def test_a_nested_value_cannot_be_written_where_only_text_stands() -> None:
    field = HttpField("a", "a", "query", compile_reader({}, {}))
    for value in ({"b": 1}, [[1]]):
        with pytest.raises(MappingFailed, match="'a'"):
            HttpForm((field,)).split({"a": value})
