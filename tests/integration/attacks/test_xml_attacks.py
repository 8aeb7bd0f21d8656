"""XML made to read files, to reach the network, or to cost more than it weighs (OWASP XML Security Cheat Sheet)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import pytest
from target import MOST, NUMBER, PATIENT, SOAP11, Target, envelope, order

pytestmark = pytest.mark.integration

#: The address of the provider that nobody may ever ask for.
CANARY = "{canary}"

DOCTYPES = {
    "an external entity of a file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    "an external entity over HTTP": f'<!DOCTYPE x [<!ENTITY e SYSTEM "{CANARY}">]>',
    "a parameter entity": f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{CANARY}"> %p;]>',
    "an external document type": f'<!DOCTYPE x SYSTEM "{CANARY}">',
    "a billion laughs": "<!DOCTYPE x ["
    + '<!ENTITY l0 "ha">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + '<!ENTITY e "&l9;">]>',
    "a quadratic blowup": f'<!DOCTYPE x [<!ENTITY e "{"a" * 50_000}">]>',
    "an innocent document type": "<!DOCTYPE x>",
}


@pytest.mark.parametrize("kind", DOCTYPES)
def test_any_document_type_is_refused_and_nothing_is_fetched(target: Target, kind: str) -> None:
    prolog = DOCTYPES[kind].replace(CANARY, f"{target.hostile.url}/canary-xml")
    entity = "" if kind == "an innocent document type" else "&e;"
    answer = target.refused(lambda: target.soap(prolog + envelope(order(f"<item>{entity}</item>"))), "unsafe")
    assert "DOCTYPE" in answer.words
    assert "root:" not in answer.words
    assert target.hostile.asked("canary-xml") == []


def test_an_xinclude_stays_text_and_breaks_the_contract(target: Target) -> None:
    include = '<i:include xmlns:i="http://www.w3.org/2001/XInclude" parse="text" href="file:///etc/passwd"/>'
    answer = target.refused(lambda: target.soap(envelope(order(include))), "contract")
    assert "root:" not in answer.words


@pytest.mark.parametrize("depth", [257, 3_000, 300_000])
def test_a_document_nested_too_deep_is_refused(target: Target, depth: int) -> None:
    nested = "<a>" * depth + "</a>" * depth
    target.refused(lambda: target.soap(envelope(order(nested))), "too-large", status=413)


@pytest.mark.parametrize("count", [50_000, 200_000])
def test_thousands_of_attributes_are_refused(target: Target, count: int) -> None:
    flood = "<item " + " ".join(f'a{n}=""' for n in range(count)) + "/>"
    target.refused(lambda: target.soap(envelope(order(flood))), "too-large", status=413)


def test_two_hundred_thousand_namespaces_are_refused(target: Target) -> None:
    flood = "<item " + " ".join(f'xmlns:a{n}="u"' for n in range(200_000)) + "/>"
    target.refused(lambda: target.soap(envelope(order(flood))), "too-large", status=413)


def test_a_flood_of_empty_elements_is_refused(target: Target) -> None:
    target.refused(lambda: target.soap(envelope(order("<a/>" * 1_000_000))), "too-large", status=413)


def test_a_text_of_ten_megabytes_is_refused_unread(target: Target) -> None:
    target.refused(lambda: target.soap(envelope(order("x" * 10_500_000))), "too-large", status=413)


def test_a_million_ever_new_element_names_do_not_fill_the_memory(target: Target) -> None:
    names = iter(range(1_000_000))
    target.refused(lambda: target.soap(_flood(names, 50_000)), "contract")  # what is made once is made now
    before, began = target.memory(), time.monotonic()
    for _ in range(19):
        target.refused(lambda: target.soap(_flood(names, 50_000)), "contract")
    assert next(names, None) is None
    assert target.memory() - before < MOST
    assert time.monotonic() - began < 60


def test_a_million_element_names_in_one_document_are_refused(target: Target) -> None:
    target.refused(lambda: target.soap(_flood(iter(range(1_000_000)), 1_000_000)), "too-large", status=413)


def _flood(names: Iterator[int], count: int) -> str:
    """An order with so many elements, each of a name that was never seen before."""
    return envelope(order("".join(f"<n{name}/>" for name in islice(names, count))))


WRONG = {
    "UTF-16 that calls itself UTF-8": (envelope(order()).encode("utf-16-be"), "text/xml; charset=utf-8"),
    "UTF-7": (b"+ADw-s:Envelope/+AD4-", "text/xml; charset=utf-7"),
    "a NUL in the middle": (envelope(order("\0")).encode(), "text/xml; charset=utf-8"),
    "bytes of no charset": (b"<s:Envelope>\xff\xfe\x81\xff\xff</s:Envelope>", "text/xml; charset=utf-8"),
    "a broken surrogate": (b"\xff\xfe<\x00\x00\xd8<\x00", "text/xml; charset=utf-16"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_bytes_that_are_not_what_they_say_are_read_rightly_or_refused(target: Target, kind: str) -> None:
    body, media = WRONG[kind]
    answer = target.soap(body, Content_Type=media)
    target.quiet(answer)
    if answer.status != 200:
        assert answer.code in ("charset", "malformed", "envelope"), answer.words
        record = target.record(answer)
        assert record is not None
        assert record.error == answer.code


def test_a_byte_order_mark_does_no_harm(target: Target) -> None:
    answer = target.soap(b"\xef\xbb\xbf" + envelope(order()).encode())
    assert answer.status == 200, answer.words


def test_a_comment_inside_a_value_does_not_cut_it_short(target: Target) -> None:
    answer = target.soap(envelope(order(visit="V7<!-- x -->77<?p i?>7")))
    assert answer.status == 200, answer.words
    record = target.record(answer)
    assert record is not None
    assert dict(record.keys)["visit_no"] == "V7777"


def test_markup_in_cdata_stays_text(target: Target) -> None:
    answer = target.soap(envelope(order(visit="<![CDATA[V8</visitNo><visitNo>V9]]>")))
    assert answer.status == 200, answer.words
    record = target.record(answer)
    assert record is not None
    assert dict(record.keys)["visit_no"] == "V8</visitNo><visitNo>V9"


def test_a_substituted_type_that_the_schema_does_not_know_breaks_the_contract(target: Target) -> None:
    item = (
        '<item xmlns:x="http://www.w3.org/2001/XMLSchema-instance" xmlns:o="urn:other" x:type="o:Admin">'
        "<code>A</code><name>B</name></item>"
    )
    target.refused(lambda: target.soap(envelope(order(item))), "contract")


def test_an_encoded_array_that_claims_a_billion_items_costs_nothing(target: Target) -> None:
    item = (
        '<item xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" e:arrayType="e:string[1000000000]">'
        "<code>A</code><name>B</name></item>"
    )
    target.refused(lambda: target.soap(envelope(order(item))), "contract")


def test_no_error_quotes_the_document_it_is_about(target: Target) -> None:
    broken = envelope(order()).replace("</item>", f"<{PATIENT}>{NUMBER}</item>")
    answer = target.refused(lambda: target.soap(broken), "malformed")
    assert "line" in answer.words or "行" in answer.words
    assert SOAP11 in answer.words
