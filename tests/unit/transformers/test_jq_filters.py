"""jq filters see the document they are given and nothing else, in any number of threads."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.document import Json
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.jq import compile_jq, compile_jq_all


def test_the_first_output_is_the_answer() -> None:
    assert compile_jq("{no: .a.b, n: (.l | length)}")({"a": {"b": "张"}, "l": [1, 2]}) == {"no": "张", "n": 2}
    assert compile_jq(".[]")([3, 4]) == 3


def test_all_outputs_come_in_their_order() -> None:
    assert compile_jq_all(".orders[].no")({"orders": [{"no": "A"}, {"no": "B"}]}) == ("A", "B")
    assert compile_jq_all("empty")({}) == ()


def test_a_filter_without_output_fails() -> None:
    with pytest.raises(MappingFailed, match="no output"):
        compile_jq("empty")({})


@pytest.mark.parametrize(
    "expression", [".name + 1", "error(.name)", ".name | tonumber", '.name | error("bad: " + .)', ".name.x"]
)
@pytest.mark.parametrize("compiler", [compile_jq, compile_jq_all])
def test_a_failing_filter_never_quotes_the_document(compiler: object, expression: str) -> None:
    with pytest.raises(MappingFailed) as caught:
        compiler(expression)({"name": "张三丰"})  # type: ignore[operator]
    assert "张三丰" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "expression",
    [
        "env",
        "$ENV",
        "$ENV.PATH",
        "$ ENV",
        "{a: env}",
        "[env]",
        "{(env | tostring): 1}",
        '"\\(env)"',
        '"\\("\\(env.PATH)")"',
        '"a" + "\\($ENV)" + "b"',
        "{$ENV}",
        "input",
        "[inputs]",
        "input_filename",
        "debug",
        ". | stderr",
        "halt",
        "halt_error(1)",
        "get_search_list",
        '"x" | modulemeta',
        'import "a" as a; .',
        'include "a" {search: "/etc"}; .',
        "def f: env; f",
        "# comment\nenv",
        ".a, env",
        "if env then 1 else 2 end",
        "{a: 1} | env",
        "[{a: 1}, env]",
    ],
)
def test_whatever_reaches_out_of_the_document_does_not_compile(expression: str) -> None:
    with pytest.raises(TransformerInvalid, match="may not use"):
        compile_jq(expression)


@pytest.mark.parametrize(
    "expression",
    [
        ".env",
        "{env: 1}",
        "{input: .input}",
        "{a: 1, env}",
        '"env"',
        "# env\n.",
        '{"env": 2}',
        ".input.env",
        '.["env"]',
        '"a \\(.env) env"',
        "$__loc__",
    ],
)
def test_fields_and_keys_may_have_any_name(expression: str) -> None:
    compile_jq(expression)({"env": 1, "input": {"env": 2}})


def test_the_environment_is_empty_even_behind_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.jq.refuse_unsafe", lambda expression: None)
    assert compile_jq("[$ENV, env]")(None) == [{}, {}]


@pytest.mark.parametrize("expression", [".a |", "{", "nope(1)", ". as [$a", '"unclosed', "\\(", ")"])
def test_a_filter_that_does_not_compile_says_so_in_one_line(expression: str) -> None:
    with pytest.raises(TransformerInvalid) as caught:
        compile_jq(expression)
    assert "\n" not in str(caught.value)


def test_the_line_of_a_mistake_counts_from_the_filters_own_first_line() -> None:
    with pytest.raises(TransformerInvalid) as caught:
        compile_jq(".a\n| nope")
    assert caught.value.line == 2
    with pytest.raises(TransformerInvalid) as caught:
        compile_jq(".a |\n\n env")
    assert caught.value.line == 3


@pytest.mark.parametrize("number", [110105194912310029, -(2**53) - 1, 2**60])
def test_an_integer_that_jq_would_round_is_refused(number: int) -> None:
    with pytest.raises(MappingFailed, match="string"):
        compile_jq(".")({"id": [number]})


@pytest.mark.parametrize(
    "value", ["110105194912310029", ":110105194912310029", '"[110105194912310029', 2**53, 12.5, 0.1]
)
def test_long_numbers_in_texts_and_safe_numbers_pass(value: Json) -> None:
    assert compile_jq(".a")({"a": value}) == value


def test_eight_threads_share_a_filter_and_get_their_own_answers() -> None:
    first = compile_jq("{id: .id, n: (.l | map(. + 1) | add)}")
    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(200):
            got = first({"id": f"{number}-{turn}", "l": list(range(20))})
            if got != {"id": f"{number}-{turn}", "n": 210}:
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(_JSON)
def test_the_identity_filter_changes_nothing(value: Json) -> None:
    assert compile_jq(".")(value) == value
