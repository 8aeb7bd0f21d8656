"""YAML that remembers its lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.located import read_yaml

SCALARS = st.one_of(st.booleans(), st.integers(-999, 999), st.text("abc甲乙 :#'\"-", max_size=8), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abc-", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_every_place_knows_the_line_it_stands_on() -> None:
    (source,), problems = read_yaml("m.yaml", b"a: 1\nb:\n  - x\n  - c: {d: 2}\n")
    assert problems == ()
    assert source.value == {"a": 1, "b": ["x", {"c": {"d": 2}}]}
    assert [source.line(place) for place in (("a",), ("b",), ("b", 0), ("b", 1, "c", "d"))] == [1, 2, 3, 4]


def test_a_place_that_is_missing_has_the_line_of_what_is_around_it() -> None:
    (source,), _ = read_yaml("m.yaml", b"a: 1\nb:\n  - x\n")
    assert source.line(("b", 7, "nothing")) == 2
    assert source.problem(("b",), "wrong", "mend it").line == 2


def test_documents_of_one_file_keep_the_lines_of_the_file() -> None:
    sources, _ = read_yaml("m.yaml", b"a: 1\n---\nb: 2\n---\n")
    assert [source.line(("b",)) for source in sources] == [1, 3]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"a: 1\na: 2\n", 2, "the key 'a' stands here twice"),
        (b"a: !!python/object/apply:os.system [echo]\n", 1, "is not allowed here"),
        (b"x: 1\na: !secret b\n", 2, "the tag !secret is not allowed"),
        (b"base: &b {x: 1}\na:\n  <<: *b\n", 3, "a key must be a plain word"),
        (b"a: [1\nb: 2\n", 2, "not YAML"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: &a [*a]\n", 1, "unfolds into itself"),
    ],
)
def test_what_is_unsafe_or_broken_is_a_problem_with_its_line(text: bytes, line: int, says: str) -> None:
    _, problems = read_yaml("m.yaml", text)
    assert [problem.line for problem in problems] == [line]
    assert says in problems[0].message


def test_aliases_that_unfold_without_end_are_stopped_early() -> None:
    layers = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 9)]
    _, problems = read_yaml("m.yaml", b"\n".join(layers))
    assert "unfolds" in problems[0].message


def test_codes_and_dates_are_not_turned_into_something_else() -> None:
    (source,), problems = read_yaml("m.yaml", b"day: 2026-11-23\ncode: '01'\nyes: 1\n")
    assert source.value == {"day": "2026-11-23", "code": "01", "yes": 1}
    assert problems == ()


@settings(max_examples=60)
@given(st.dictionaries(st.text("abcdef-", min_size=1, max_size=5), VALUES, min_size=1, max_size=4))
def test_any_plain_value_is_read_as_yaml_means_it(value: dict[str, object]) -> None:
    import yaml

    (source,), problems = read_yaml("m.yaml", yaml.safe_dump(value, allow_unicode=True).encode())
    assert (source.value, problems) == (value, ())
