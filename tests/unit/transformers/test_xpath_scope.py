"""XPath of the configuration sees one document, even while that hangs in its envelope."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers.errors import MappingFailed, TransformerInvalid
from transformers.json_path import compile_path
from transformers.masking_paths import hidden_path
from transformers.xml import Limits, parse, serialise
from transformers.xpath import compile_replace, compile_xpath, text_of
from transformers.xpath_cost import MOST

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


#: Documents that are as large as messages may be: many small parts, and as deep as libxml2 goes.
_LARGE = {
    "pairs": "<r>" + "<a><b>1</b></a>" * 99_000 + "</r>",
    "deep": "<r>" + ("<a>" * 249 + "<b/>" + "</a>" * 249) * 790 + "</r>",
}

_STEPPING_DOWN = [
    "//b", "//a/b", "//a[b='1']/b", "//*[local-name()='b']/@x", "string(//b)", "concat(//a, '-', //b)", "//a[last()]",
    "//a[not(b)][1]/text()", ".//b", "//text()", "//@*", "//b[contains(., '9')]",
]  # fmt: skip

_SEARCHING = [
    "//a//b", "//a//a//a", "//a | //b", "//a/..", "//b/ancestor::a", "//a/following-sibling::b", "//a[b = a]",
    "//a[.//b]", "//a[//b]", "//a[../b = '2']", "//a[parent::*/b]",
    "//*[count(preceding::*) > 3]", "//*[string(/) = '']",
]  # fmt: skip


@pytest.fixture(scope="module", params=_LARGE)
def large(request: pytest.FixtureRequest) -> etree._Element:
    return parse(_LARGE[request.param].encode(), Limits(nodes=200_000))


@pytest.mark.parametrize("expression", _STEPPING_DOWN)
def test_an_expression_that_steps_down_is_run_on_the_largest_message_in_bounded_time(
    large: etree._Element, expression: str
) -> None:
    began = time.thread_time()
    compile_xpath(expression)(large)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize("expression", _SEARCHING)
def test_an_expression_that_searches_is_not_run_on_a_large_message(large: etree._Element, expression: str) -> None:
    began = time.thread_time()
    path, replace = compile_xpath(expression), compile_replace(expression)
    with pytest.raises(MappingFailed, match="could take too long"):
        path(large)
    with pytest.raises(MappingFailed, match="could take too long"):
        replace(large, str)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("expression", _SEARCHING)
def test_an_expression_that_searches_is_run_on_ordinary_messages_in_bounded_time(expression: str) -> None:
    for text in ("<a/><b>1</b>" * (MOST // 2 - 1), ("<a>" * 249 + "<b/>" + "</a>" * 249) * (MOST // 250 - 1)):
        began = time.thread_time()
        compile_xpath(expression)(parse(f"<r>{text}</r>".encode()))
        assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    "expression", ["//*[//*[//*]]", "//a[b[.//c]]", "//a[b[preceding::c[d]]]", "count(//*[*[/r/a = .]])"]
)
def test_an_expression_that_could_take_for_ever_does_not_compile(expression: str) -> None:
    for compile_it in (compile_xpath, compile_replace):
        with pytest.raises(TransformerInvalid, match="can take for ever"):
            compile_it(expression)


def test_what_stands_in_a_literal_is_no_search() -> None:
    path = compile_xpath("//b[. != '//a | //b[..]'] [. != \"x[//*[//*]]\"]")
    assert len(path(parse(f"<r>{'<b>1</b>' * (MOST + 1)}</r>".encode()))) == MOST + 1


def test_a_mask_that_cannot_be_looked_for_in_a_large_document_hides_all_of_it() -> None:
    hidden = hidden_path("//a//b", {}).xml(parse(f"<r k='1'>{'<a><b>2</b></a>' * MOST}</r>".encode()))
    assert hidden.get("k") == "***"
    assert {each.text for each in hidden.iter("b")} == {"***"}
