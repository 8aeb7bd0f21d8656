"""XML inside a string is taken out and put in however the other side writes it, through the same hardened parser."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers.embedded import unwrap, wrap
from transformers.errors import DocumentError, MappingFailed, UnsafeDocument
from transformers.xml import parse, serialise

MESSAGE = "//*[local-name()='message']"


@pytest.mark.parametrize(
    "held",
    [
        "<![CDATA[<in>张三</in>]]>",
        "&lt;in&gt;张三&lt;/in&gt;",
        "<in>张三</in>",
        "\n  <in>张三</in>\n",
        '<![CDATA[<?xml version="1.0" encoding="GBK"?>\n<in>张三</in>]]>',
        '<![CDATA[  <?xml version="1.0" encoding="utf-16"?><in>张三</in>  ]]>',
        '&lt;?xml version="1.0" encoding="gb2312"?&gt;&lt;in&gt;张三&lt;/in&gt;',
    ],
)
@pytest.mark.parametrize(
    "shell",
    ["<m:S xmlns:m='u:s'><action>1</action><message>{}</message></m:S>", "<S xmlns='u:s'><message>{}</message></S>"],
)
def test_the_inner_document_comes_out_however_it_is_held(shell: str, held: str) -> None:
    document = parse(shell.format(held).encode())
    inner = unwrap(document, MESSAGE)
    assert inner.text == "张三"
    assert inner.getparent() is None
    assert (inner.tail or "").strip() == ""


def test_an_attribute_may_hold_a_document_too() -> None:
    assert unwrap(parse(b'<a m="&lt;in/&gt;"/>'), "//@m").tag == "in"


@pytest.mark.parametrize("held", ["", "  ", "<a/><b/>"])
def test_nothing_or_too_much_fails_in_words(held: str) -> None:
    with pytest.raises(MappingFailed):
        unwrap(parse(f"<s><message>{held}</message></s>".encode()), MESSAGE)


@pytest.mark.parametrize("document", [b"<s/>", b"<s><message>&lt;a/&gt;</message><message>&lt;a/&gt;</message></s>"])
def test_exactly_one_holder_is_expected(document: bytes) -> None:
    with pytest.raises(MappingFailed, match="exactly one"):
        unwrap(parse(document), MESSAGE)


def test_a_doctype_in_the_inner_document_is_refused() -> None:
    inner = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    with pytest.raises(UnsafeDocument):
        unwrap(parse(f"<s><message><![CDATA[{inner}]]></message></s>".encode()), MESSAGE)


def test_broken_inner_text_is_refused_without_being_quoted() -> None:
    with pytest.raises(DocumentError) as caught:
        unwrap(parse("<s><message>姓名=张三丰</message></s>".encode()), MESSAGE)
    assert "张三丰" not in str(caught.value)


def test_a_document_is_wrapped_as_the_old_asmx_services_expect() -> None:
    made = wrap(
        parse("<Req><a>张</a></Req>".encode()),
        "{http://tempuri.org/}HIS_Interface",
        "InputParameter",
        {"TradeCode": "1001"},
    )
    assert serialise(made).decode() == (
        '<HIS_Interface xmlns="http://tempuri.org/"><TradeCode>1001</TradeCode>'
        "<InputParameter><![CDATA[<Req><a>张</a></Req>]]></InputParameter></HIS_Interface>"
    )


def test_children_may_be_unqualified_as_the_platform_standard_has_them() -> None:
    made = parse(
        serialise(
            wrap(parse(b"<r/>"), "{urn:hl7-org:v3}HIPMessageServer", "message", {"action": "S0001"}, qualified=False)
        )
    )
    assert [child.tag for child in made] == ["action", "message"]
    assert made.tag == "{urn:hl7-org:v3}HIPMessageServer"


def test_text_may_be_escaped_and_may_start_with_a_declaration() -> None:
    data = serialise(wrap(parse(b"<r/>"), "s", "m", cdata=False, declaration=True))
    assert data == b'<s><m>&lt;?xml version="1.0"?&gt;&lt;r/&gt;</m></s>'


def test_a_document_that_holds_cdata_ends_itself_is_escaped() -> None:
    inner = etree.Element("r")
    inner.text = "x"
    inner.append(parse(b"<c><![CDATA[a]]]]><![CDATA[>b]]></c>"))
    made = parse(serialise(wrap(inner, "s", "m")))
    assert unwrap(made, "//m")[0].text == "a]]>b"


def test_a_wrapped_document_can_be_wrapped_again() -> None:
    once = wrap(parse(b"<r><c>x</c></r>"), "inner", "m")
    data = serialise(wrap(once, "outer", "m"))
    assert b"CDATA[<inner" not in data, "old readers look for the first end of a section: this one is escaped"
    received = parse(data)
    assert serialise(unwrap(unwrap(received, "//m"), "//m")) == b"<r><c>x</c></r>"


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


@settings(max_examples=80, deadline=None)
@given(_TEXT, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["utf-8", "gbk"]))
def test_what_is_wrapped_comes_out_the_same(
    text: str, cdata: bool, qualified: bool, declaration: bool, charset: str
) -> None:
    inner = etree.Element("{u:i}r", k=text)
    inner.text = text
    made = wrap(inner, "{u:s}S", "M", {"A": text}, cdata=cdata, qualified=qualified, declaration=declaration)
    received = parse(serialise(made, charset).decode(charset).encode())
    out = unwrap(received, "//*[local-name()='M']")
    assert (out.tag, out.get("k"), out.text or "") == ("{u:i}r", text, text)
