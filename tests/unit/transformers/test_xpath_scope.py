"""XPath of the configuration sees one document, even while that hangs in its envelope."""

from __future__ import annotations

import pytest

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
