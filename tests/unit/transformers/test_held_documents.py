"""A document inside another comes out and goes back the way its sender writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers.document import is_xml
from transformers.errors import ContractViolation
from transformers.held import Holder, Manner
from transformers.xml import parse, serialise

MESSAGE = Holder(("message",), root="{u:s}Call", children={"action": "S0001"})


def received(outer: Any, charset: str = "utf-8") -> tuple[etree._Element, bool]:
    """The outer document as the other side parses it, and whether its bytes held CDATA."""
    data = serialise(outer, charset)
    return parse(data.decode(charset).encode()), "<![CDATA[" in data.decode(charset)


@pytest.mark.parametrize(
    ("held", "cdata", "style"),
    [
        ("<![CDATA[<in>张三</in>]]>", True, "cdata"),
        ("&lt;in&gt;张三&lt;/in&gt;", False, "escaped"),
        ("<in>张三</in>", False, "child"),
        ('<![CDATA[ <?xml version="1.0" encoding="utf-16"?>\n<in>张三</in> ]]>', True, "cdata"),
    ],
)
@pytest.mark.parametrize(
    "shell", ["<Call><message>{}</message></Call>", "<c:Call xmlns:c='u:c'><c:message>{}</c:message></c:Call>"]
)
def test_the_document_comes_out_with_the_manner_of_its_sender(shell: str, held: str, cdata: bool, style: str) -> None:
    document, manner = MESSAGE.open(parse(shell.format(held).encode()), cdata=cdata)
    assert is_xml(document)
    assert document.text == "张三"  # type: ignore[union-attr]
    assert manner.style == style
    assert manner.qualified is ("c:" in shell)


def test_a_declaration_is_written_back_as_it_was_and_believed_by_nobody() -> None:
    outer = parse(
        '<Call><message><![CDATA[<?xml version="1.0" encoding="GBK"?><in>张</in>]]></message></Call>'.encode()
    )
    document, manner = MESSAGE.open(outer, cdata=True)
    made = serialise(MESSAGE.around(document, manner)).decode()
    assert '<![CDATA[<?xml version="1.0" encoding="GBK"?><in>张</in>]]>' in made


def test_the_outer_document_is_written_again_as_it_came() -> None:
    data = "<Call><a>1</a><message><![CDATA[<in>张</in>]]></message></Call>".encode()
    outer = parse(data)
    MESSAGE.open(outer, cdata=True)
    assert serialise(outer) == data


@pytest.mark.parametrize(
    ("outer", "says"),
    [
        ("<Call/>", "there is no message"),
        ("<Call><message/><message/></Call>", "there are several message"),
        ("<Call><message> </message></Call>", "is empty"),
        ("<Call><message><a/><b/></message></Call>", "holds elements where one document was expected"),
        ("<Call><message>张三</message></Call>", "no usable document"),
        ("<Call><message>&lt;!DOCTYPE a&gt;&lt;a/&gt;</message></Call>", "DOCTYPE"),
    ],
)
def test_what_holds_no_document_is_refused_where_it_is_without_being_quoted(outer: str, says: str) -> None:
    with pytest.raises(ContractViolation, match=says) as caught:
        MESSAGE.open(parse(outer.encode()))
    (violation,) = caught.value.violations
    assert (violation.path, violation.rule) == ("message", "inside")
    assert "张三" not in str(caught.value)


def test_a_document_may_be_json_in_a_text_and_deep_below_the_root() -> None:
    holder = Holder(("Req", "Body"), json=True, root="{u:s}Call")
    document, manner = holder.open(parse(b'<Call><Req><Body>{"a": "5.60"}</Body></Req></Call>'))
    assert serialise(holder.around(document, manner)) == (
        b'<Call xmlns="u:s"><Req><Body>{"a":"5.60"}</Body></Req></Call>'.replace(
            b'<Call xmlns="u:s"><Req>', b'<m:Call xmlns:m="u:s"><Req>'
        ).replace(b"</Call>", b"</m:Call>")
    )
    with pytest.raises(ContractViolation, match="JSON as text"):
        holder.open(parse(b"<Call><Req><Body><a/></Body></Req></Call>"))


def test_a_new_outer_document_has_its_fixed_children_before_the_holder() -> None:
    made = serialise(MESSAGE.around(parse(b"<in/>"), Manner("escaped")))
    assert made == b'<Call xmlns="u:s"><action>S0001</action><message>&lt;in/&gt;</message></Call>'


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
_NAME = st.from_regex(r"[A-Za-z_\u4e00-\u9fa5][A-Za-z0-9_\u4e00-\u9fa5]{0,8}", fullmatch=True)


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    """Any small document: namespaces, attributes, mixed content, CDATA."""
    namespace = draw(st.sampled_from(["", "u:a", "urn:hl7-org:v3"]))
    name = draw(_NAME)
    element = etree.Element(
        f"{{{namespace}}}{name}" if namespace else name, nsmap={None: namespace} if namespace else None
    )
    for attribute in draw(st.lists(_NAME, max_size=2, unique=True)):
        element.set(attribute, draw(_TEXT))
    text = draw(_TEXT)
    element.text = etree.CDATA(text) if draw(st.booleans()) and "]]>" not in text else text
    for _ in range(draw(st.integers(0, 2)) if depth else 0):
        child = draw(documents(depth=depth - 1))
        child.tail = draw(_TEXT)
        element.append(child)
    return element


def plain(document: Any) -> bytes:
    """Exclusive canonical XML: prefixes that the document does not use are not its own."""
    return etree.tostring(parse(serialise(document)), method="c14n", exclusive=True)


@settings(max_examples=80, deadline=None)
@given(
    documents(),
    st.sampled_from(["cdata", "escaped", "child"]),
    st.sampled_from(["", '<?xml version="1.0" encoding="gb2312"?>', "<?xml version='1.0'?>\n"]),
    st.booleans(),
    st.sampled_from(["utf-8", "gbk", "gb18030", "utf-16"]),
)
def test_any_document_in_any_manner_and_charset_comes_out_and_goes_back_the_same(
    inner: etree._Element, style: Any, prolog: str, qualified: bool, charset: str
) -> None:
    made = MESSAGE.around(inner, Manner(style, prolog, qualified))
    outer, cdata = received(made, charset)
    document, manner = MESSAGE.open(outer, cdata=cdata)
    assert plain(document) == plain(inner)
    assert manner.qualified is qualified
    again, still = received(MESSAGE.around(document, manner, outer), charset)
    document, same = MESSAGE.open(again, cdata=still)
    assert plain(document) == plain(inner)
    assert same == manner
    if "]]>" not in etree.tostring(inner, encoding="unicode") and charset != "gbk":
        assert manner.style == style
    if style != "child":
        assert manner.prolog == prolog
