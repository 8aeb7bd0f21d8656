"""A path in a document leads to the line that a person has to look at."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from transformers.lines import line_in_json, line_in_xml, steps


def test_an_xpath_and_a_json_pointer_are_the_same_steps() -> None:
    assert steps("/Order/item[2]/code/@id") == ("Order", "item", "1", "code", "@id")
    assert steps("/items/1/a~1b~0c") == ("items", "1", "a/b~c")
    assert steps("") == ()


def test_a_twin_element_is_found_in_its_place_and_a_missing_one_at_its_parent() -> None:
    root = etree.fromstring('<a xmlns="urn:x">\n<b/>\n<b>\n<c/></b></a>')
    assert line_in_xml(root, ("b", "1", "c")) == 4
    assert line_in_xml(root, ("b", "1", "d")) == 3
    assert line_in_xml(root, ("b", "7")) == 2
    assert line_in_xml(root, ("z",)) == 1


def test_a_json_value_is_found_behind_strings_that_look_like_structure() -> None:
    text = '{\n "a{": "}\\"[",\n "b": [\n  1,\n  {"c": [], "d": {\n   "e": 2}}]}'
    assert line_in_json(text, ("b", "1", "d", "e")) == 6
    assert line_in_json(text, ("b", "1", "d", "missing")) == 5
    assert line_in_json(text, ("a{",)) == 2
    assert line_in_json(text, ("b", "9")) == 3


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_every_path_of_a_document_leads_to_the_line_where_its_value_begins(value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    lines = text.split("\n")

    def walk(inner: object, path: tuple[str, ...]) -> None:
        line = line_in_json(text, path)
        assert line is not None
        begins = json.dumps(inner, indent=1, ensure_ascii=False).split("\n")[0]
        assert lines[line - 1].rstrip(",").endswith(begins)
        if isinstance(inner, dict):
            for name, member in inner.items():
                walk(member, (*path, name))
        elif isinstance(inner, list):
            for number, item in enumerate(inner):
                walk(item, (*path, str(number)))

    walk(value, ())
