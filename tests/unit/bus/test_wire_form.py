"""Paths and queries for REST providers say exactly what the document says, and can say nothing more."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import operation

from bus.errors import BadRequest
from bus.hops.wire import filled, query
from transformers.errors import MappingFailed

OPERATION = operation()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=100)
@given(TEXT)
def test_any_text_stays_one_segment_and_comes_back_as_it_was(text: str) -> None:
    if text in (".", ".."):
        with pytest.raises(BadRequest):
            filled("/a/{x}/b", {"x": text}, OPERATION)
        return
    path, rest = filled("/a/{x}/b", {"x": text, "y": 1}, OPERATION)
    start, segment, end = path[1:].split("/")
    assert (start, unquote(segment), end, rest) == ("a", text, "b", {"y": 1})
    assert not set("?#&\r\n ") & set(path)


@settings(max_examples=100)
@given(st.dictionaries(TEXT, TEXT, max_size=5))
def test_any_flat_object_comes_back_from_its_query(document: dict[str, str]) -> None:
    assert dict(parse_qsl(query(dict(document), OPERATION), keep_blank_values=True)) == document


def test_lists_repeat_nulls_vanish_and_truth_is_lower_case() -> None:
    assert query({"a": [1, 2], "b": None, "c": True, "d": 5.6}, OPERATION) == "a=1&a=2&c=true&d=5.6"


@pytest.mark.parametrize("document", [{"a": {"b": 1}}, {"a": [{"b": 1}]}, [1]])
def test_what_is_nested_cannot_stand_in_a_query(document: Any) -> None:
    with pytest.raises(MappingFailed):
        query(document, OPERATION)


def test_a_missing_field_is_named_without_the_document() -> None:
    with pytest.raises(BadRequest, match="'order_no'"):
        filled("/orders/{order_no}", {"name": "张三"}, OPERATION)
