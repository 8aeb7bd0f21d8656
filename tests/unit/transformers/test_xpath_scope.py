"""XPath of the configuration sees one document, even while that hangs in its envelope."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers.errors import MappingFailed, TransformerInvalid
from transformers.json_path import compile_path
from transformers.xml import parse, serialise
from transformers.xpath import compile_replace, compile_xpath, text_of

ENVELOPE = parse(b"<e><h><no>secret</no></h><b><q:o xmlns:q='u:q' k='7'><no>1</no><no>2</no></q:o></b></e>")
PAYLOAD = ENVELOPE[1][0]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("//no/text()", ["1", "2"]),
        ("/q:o/@k", ["7"]),
        ("count(//no)", ["2"]),
        ("string(/q:o/no[1])", ["1"]),
        ("boolean(//none)", ["false"]),
        ("//none", []),
        ("no", ["1", "2"]),
        ("string(//none)", []),
    ],
)
def test_a_payload_is_searched_as_a_document_of_its_own(expression: str, found: list[str]) -> None:
    path = compile_xpath(expression, {"q": "u:q"})
    assert [text_of(item) for item in path(PAYLOAD)] == found


@pytest.mark.parametrize("expression", ["//[", "//x:no", "unknown()", "count(", ""])
def test_expressions_that_cannot_work_do_not_compile(expression: str) -> None:
    with pytest.raises((TransformerInvalid, MappingFailed)):
        compile_xpath(expression)


def test_replacing_works_on_a_copy_for_elements_attributes_and_texts() -> None:
    before = serialise(PAYLOAD)
    changed = compile_replace("//no | //@k | //no[2]/text()", {"q": "u:q"})(PAYLOAD, lambda text: f"<{text}>")
    assert changed.get("k") == "<7>"
    assert changed[0].text == "<1>"
    assert serialise(PAYLOAD) == before


@pytest.mark.parametrize(
    ("path", "after"),
    [
        (".a.b", {"a": {"b": "X"}, "l": [{"c": 1}, {"c": 2}, 3]}),
        (".l[].c", {"a": {"b": 0}, "l": [{"c": "X"}, {"c": "X"}, 3]}),
        (".none.x", {"a": {"b": 0}, "l": [{"c": 1}, {"c": 2}, 3]}),
        ('.["a"]["b"]', {"a": {"b": "X"}, "l": [{"c": 1}, {"c": 2}, 3]}),
        (".a[]", {"a": {"b": 0}, "l": [{"c": 1}, {"c": 2}, 3]}),
        (".", "X"),
    ],
)
def test_a_dotted_path_replaces_what_is_there_and_passes_over_the_rest(path: str, after: object) -> None:
    value = {"a": {"b": 0}, "l": [{"c": 1}, {"c": 2}, 3]}
    assert compile_path(path)(value, lambda _: "X") == after  # type: ignore[arg-type]
    assert value["a"] == {"b": 0}


@pytest.mark.parametrize("path", ["", "a.b", "..", ".a[0]", ".a b", '.["x"'])
def test_what_is_no_dotted_path_does_not_compile(path: str) -> None:
    with pytest.raises(TransformerInvalid):
        compile_path(path)


_STEPS = st.sampled_from(
    ["a", "b", "*", "q:a", "@k", "text()", "a[1]", "b[2]/a", "*[local-name()='a']", "a[@k]", "b[a='1']", "b/.."]
)


@st.composite
def _documents(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(st.sampled_from(["a", "b", "q:a"]))
    inside = (
        "".join(draw(st.lists(_documents(depth=depth - 1), max_size=3))) if depth else draw(st.sampled_from(["", "1"]))
    )
    return f"<{name} k='{draw(st.integers(0, 2))}'>{inside}</{name}>"


@settings(max_examples=150, deadline=None)
@given(
    _documents(), st.sampled_from(["/", "//"]), st.lists(_STEPS, min_size=1, max_size=3), st.sampled_from(["/", "//"])
)
def test_a_payload_in_its_envelope_gives_what_the_same_document_alone_gives(
    document: str, start: str, steps: list[str], between: str
) -> None:
    envelope = parse(f"<a xmlns:q='u:q' k='9'><b>{document}<a>1</a></b></a>".encode())
    alone = parse(document.replace(" k", " xmlns:q='u:q' k", 1).encode())
    path = compile_xpath(start + between.join(steps), {"q": "u:q"})
    shown = [
        [item if isinstance(item, str) else (item.tag, text_of(item)) for item in path(at)]
        for at in (alone, envelope[0][0])
    ]
    assert shown[0] == shown[1]


@given(
    steps=st.lists(st.sampled_from(["a", "n:a", "n:b", "b"]), min_size=1, max_size=3),
    document=st.recursive(
        st.builds(lambda tag: f"<{tag}>x</{tag}>", st.sampled_from(["a", "n:a", "b", "n:b"])),
        lambda inner: st.builds(
            lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
            st.sampled_from(["a", "n:a", "b", "n:b"]),
            st.lists(inner, max_size=3),
        ),
        max_leaves=12,
    ),
)
def test_a_path_of_plain_steps_finds_what_its_xpath_finds(steps: list[str], document: str) -> None:
    root = etree.fromstring(f'<root xmlns:n="urn:n">{document}</root>')
    expression = "/".join(steps)
    expected = root.xpath(expression, namespaces={"n": "urn:n"})
    assert compile_xpath(expression, {"n": "urn:n"})(root) == expected
