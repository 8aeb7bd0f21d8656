"""JSON that two readers might understand differently is refused, and no number is altered in silence."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.document import Json
from transformers.errors import DocumentError, DocumentTooLarge, MalformedDocument, MappingFailed
from transformers.json_text import dumps, loads


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "[1e999]", '["\\ud800"]', "{'a': 1}", "[1,]", "", "[1] x", "{a: 1}", "[01]", '"\t"']
)
def test_text_that_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(MalformedDocument):
        loads(text.encode())


def test_a_mistake_is_told_with_line_and_column_and_no_words_of_the_document() -> None:
    with pytest.raises(MalformedDocument) as caught:
        loads('{"name":\n "张三丰" "x"}'.encode())
    assert caught.value.line == 2
    assert caught.value.column
    assert "张三丰" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '[{"x":{"b" : 1, "b"\n:2}}]',
        '{"a" :1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"a":1,"a":2,"s":"\\":"}',
        '{"a":1,"a":2,"s":"\\u0022:"}',
        '{"a":1,"a":2,"s":"\\" :"}',
    ],
)
def test_the_same_name_twice_is_refused_however_it_is_spelt(text: str) -> None:
    with pytest.raises(MalformedDocument, match="twice"):
        loads(text.encode())


@pytest.mark.parametrize(
    "text", ['{"a":"\\":\\":"}', '{"a":{"a":1},"b":[{"a":1},{"a":2}]}', '{"x":"\\"a\\":1,\\"a\\":2"}', '{"": 1}']
)
def test_names_that_only_look_repeated_are_accepted(text: str) -> None:
    assert loads(text.encode()) == json.loads(text)


def test_nesting_is_counted_exactly_at_its_limit() -> None:
    loads(b"[" * 200 + b"]" * 200)
    for depth in (201, 900, 5_000):
        with pytest.raises((DocumentTooLarge, MalformedDocument)):
            loads(b"[" * depth + b"]" * depth)
    with pytest.raises(DocumentTooLarge):
        loads(b'{"a":' * 201 + b"1" + b"}" * 201)
    assert len(loads(b"[" + b"[]," * 500 + b"[]]")) == 501  # type: ignore[arg-type]


def test_nesting_deeper_than_the_reader_itself_goes_is_too_large_rather_than_malformed() -> None:
    with pytest.raises(DocumentTooLarge):
        loads(b"[" * 5000 + b"]" * 5000)


def test_more_bytes_than_allowed_are_refused_unread() -> None:
    with pytest.raises(DocumentTooLarge):
        loads(b"[1, 2, 3]", max_bytes=5)


@pytest.mark.parametrize("text", ["12345678901234567890123", "[-9223372036854775809]", '{"a": 99999999999999999999}'])
def test_an_integer_beyond_sixty_four_bits_is_refused_rather_than_rounded(text: str) -> None:
    with pytest.raises(MalformedDocument, match="64 bits"):
        loads(text.encode())


@pytest.mark.parametrize(
    "text", ["18446744073709551615", '"12345678901234567890123"', "[-9223372036854775808]", "[12345678901234567.5]"]
)
def test_integers_of_sixty_four_bits_and_long_texts_are_kept(text: str) -> None:
    assert loads(text.encode()) == json.loads(text)


@settings(max_examples=150, deadline=None)
@given(st.decimals(min_value=-(10**11), max_value=10**11, places=4, allow_nan=False))
def test_money_with_four_places_keeps_its_value_through_a_round_trip(amount: Decimal) -> None:
    again = dumps(loads(f'{{"a":{amount:f}}}'.encode()))
    assert json.loads(again, parse_float=Decimal, parse_int=Decimal)["a"] == amount


def test_what_json_cannot_hold_is_refused_on_the_way_out() -> None:
    for value in (1 << 70, object(), {"a": {1, 2}}):
        with pytest.raises(MappingFailed):
            dumps(value)  # type: ignore[arg-type]


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(_JSON, st.booleans())
def test_every_value_survives_being_written_and_read(value: Json, spaced: bool) -> None:
    assert loads(dumps(value)) == value
    assert loads(json.dumps(value, indent=1 if spaced else None).encode()) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]":,\\ 01aé', max_size=40).map(str.encode))
def test_bytes_of_any_kind_are_read_or_refused_with_our_own_error(data: bytes) -> None:
    try:
        loads(data)
    except DocumentError:
        return
