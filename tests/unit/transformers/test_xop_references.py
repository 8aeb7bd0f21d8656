"""References of documents to their attachments: taken off the wire, put back, filled in and taken out."""

from __future__ import annotations

from base64 import b64encode
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from transformers.errors import DocumentTooLarge, PackageInvalid
from transformers.xop import (
    Attachment,
    blanked,
    extract,
    extract_urls,
    filled,
    put_includes,
    references,
    take_includes,
)

XOP = "http://www.w3.org/2004/08/xop/include"


def document(inner: str) -> Any:
    return etree.fromstring(f'<d xmlns:x="{XOP}">{inner}</d>')


def include(url: str) -> str:
    return f'<x:Include href="{url}"/>'


def names() -> Any:
    numbers = count(1)
    return lambda: f"{next(numbers)}@t"


def test_an_include_becomes_a_reference_and_an_include_again() -> None:
    root = document(f"<a>{include('cid:one%40x')}</a><b>cid:other@x</b>")
    take_includes(root)
    assert root.findtext("a") == "cid:one@x"
    assert references(root) == {"one@x", "other@x"}
    put_includes(root, frozenset({"one@x"}))
    assert root.find("a")[0].get("href") == "cid:one@x"
    assert root.findtext("b") == "cid:other@x"


@pytest.mark.parametrize(
    "inner",
    [
        f"<a>{include('http://10.0.0.1/x')}</a>",
        f"<a>{include('file:///etc/passwd')}</a>",
        "<a><x:Include/></a>",
        f"<a>text{include('cid:p')}</a>",
        f"<a>{include('cid:p')}text</a>",
        f"<a>{include('cid:p')}{include('cid:q')}</a>",
        f"<a>{include('cid:p&apos;]')}</a>",
    ],
)
def test_an_include_that_xop_does_not_know_is_refused(inner: str) -> None:
    with pytest.raises(PackageInvalid):
        take_includes(document(inner))


def test_one_part_in_many_places_is_bounded_by_what_it_makes() -> None:
    root = document("<a>cid:p</a>" * 10_000)
    with pytest.raises(DocumentTooLarge):
        filled(root, {"p": Attachment("image/png", b"x" * 1000)}, urls=False, limit=1_000_000)


def test_a_reference_without_a_part_and_a_part_without_a_reference_are_refused() -> None:
    with pytest.raises(PackageInvalid, match="not there"):
        filled(document("<a>cid:p</a>"), {}, urls=False, limit=100)
    with pytest.raises(PackageInvalid, match="no place"):
        filled({"a": "cid:p"}, {key: Attachment("a/b", b"") for key in "pq"}, urls=False, limit=100)


def test_a_schema_sees_nothing_where_something_is_attached() -> None:
    root = document("<a href='cid:p'>cid:p</a><b>cid: no url</b>")
    assert etree.tostring(blanked(root)).count(b"cid:p") == 0  # type: ignore[arg-type]
    assert root.findtext("a") == "cid:p"
    assert blanked({"a": ["cid:p", "b"]}) == {"a": ["", "b"]}


@given(st.binary(min_size=1, max_size=300), st.booleans())
def test_content_taken_out_and_filled_in_again_is_the_same(data: bytes, url: bool) -> None:
    text = b64encode(data).decode()
    root = document(f"<a>{'data:image/png;base64,' if url else ''}{text}</a>")
    before = root.findtext("a")
    parts = extract_urls(root, names()) if url else extract(root.findall("a"), 1, names())
    assert parts["1@t"].data == data
    again: Any = filled(root, parts, urls=url, limit=1000)
    assert again.findtext("a") == before


def test_what_is_small_or_not_canonical_stays_in_the_document() -> None:
    root = document("<a>QUJD</a><a>QUJ D</a><a>QUJ=D</a><a>not base64</a><a>data:x</a>")
    assert extract(root.findall("a"), 100, names()) == {}
    assert list(extract(root.findall("a"), 1, names())) == ["1@t"]
    assert [a.text for a in root.findall("a")][1:] == ["QUJ D", "QUJ=D", "not base64", "data:x"]


def test_a_content_type_in_the_document_goes_with_its_part() -> None:
    root = etree.fromstring('<d xmlns:m="http://www.w3.org/2005/05/xmlmime"><a m:contentType="image/png">QUJD</a></d>')
    assert extract(root.findall("a"), 1, names())["1@t"].content_type == "image/png"
