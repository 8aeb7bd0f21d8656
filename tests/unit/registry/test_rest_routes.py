"""REST faces: templates that match what they say and nothing else."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.routes import compile_template, template_fault

SEGMENT = st.text(min_size=1, max_size=12).filter(lambda text: text[0] < "\ud800" or text[0] > "\udfff")
ENCODABLE = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(ENCODABLE, ENCODABLE)
def test_whatever_a_caller_puts_into_a_field_comes_out_unchanged(order: str, item: str) -> None:
    match = compile_template("/orders/{order_no}/items/{item}")
    path = f"/orders/{quote(order, safe='')}/items/{quote(item, safe='')}"
    assert match(path) == {"order_no": order, "item": item}


@pytest.mark.parametrize(
    "path", ["/orders", "/orders/", "/orders/1/", "/orders/1/2", "orders/1", "/orders/%ff", "/Orders/1"]
)
def test_other_paths_match_nothing(path: str) -> None:
    assert compile_template("/orders/{order_no}")(path) is None


def test_an_encoded_slash_stays_inside_its_field() -> None:
    assert compile_template("/orders/{order_no}")("/orders/a%2Fb") == {"order_no": "a/b"}


def test_fixed_parts_are_compared_decoded() -> None:
    assert compile_template("/检验/{n}")(quote("/检验/7")) == {"n": "7"}


@pytest.mark.parametrize(
    ("template", "says"),
    [("/a/{x}/{x}", "twice"), ("/a/{x}.json", "whole part"), ("/a//b", "empty part"), ("/a/{x", "whole part")],
)
def test_templates_that_cannot_be_matched_are_refused(template: str, says: str) -> None:
    assert says in template_fault(template)


def test_ordinary_templates_have_no_fault() -> None:
    assert [template_fault(each) for each in ("/", "/a", "/a/{x}/b/{y}", "/患者/{编号}")] == ["", "", "", ""]
