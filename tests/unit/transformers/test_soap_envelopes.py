"""Envelopes of both versions are opened strictly, sealed in the caller's charset, and told apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers import ns
from transformers.errors import EnvelopeInvalid, HeaderNotUnderstood, VersionMismatch
from transformers.soap import (
    Envelope,
    Fault,
    SoapVersion,
    check_must_understand,
    open_envelope,
    read_fault,
    reversion,
    seal,
    seal_fault,
    version_of_media_type,
)
from transformers.xml import parse, serialise

BOTH = pytest.mark.parametrize("version", list(SoapVersion))
NOTHING: frozenset[str] = frozenset()


def envelope(inside: str, version: SoapVersion = SoapVersion.V11) -> Envelope:
    return open_envelope(parse(f'<s:Envelope xmlns:s="{version.value}">{inside}</s:Envelope>'.encode()))


@BOTH
def test_an_envelope_gives_its_headers_and_its_payload(version: SoapVersion) -> None:
    opened = envelope("<s:Header><a/><b/></s:Header><s:Body> <p/> </s:Body>", version)
    assert opened.version is version
    assert [block.tag for block in opened.headers] == ["a", "b"]
    assert opened.payload is not None
    assert opened.payload.tag == "p"


@BOTH
@pytest.mark.parametrize("body", ["<s:Body/>", "<s:Body></s:Body>", "<s:Body>\n</s:Body>"])
def test_an_empty_body_is_an_envelope_without_payload(version: SoapVersion, body: str) -> None:
    assert envelope(body, version).payload is None


@BOTH
@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<s:Header/>",
        "<s:Body/><s:Body/>",
        "<s:Body><a/><b/></s:Body>",
        "<s:Body/><s:Header/>",
        "<s:Header/><s:Header/><s:Body/>",
        "<s:Body/><extra/>",
        "<Body/>",
        '<x:Body xmlns:x="urn:other"/>',
        "<s:Body>text</s:Body>",
        "<s:Body><a/>text</s:Body>",
    ],
)
def test_anything_but_one_body_with_one_child_is_refused(version: SoapVersion, inside: str) -> None:
    with pytest.raises(EnvelopeInvalid):
        envelope(inside, version)


def test_an_envelope_of_an_unknown_namespace_is_a_version_mismatch() -> None:
    with pytest.raises(VersionMismatch):
        open_envelope(parse(b'<Envelope xmlns="urn:soap:9"><Body/></Envelope>'))


def test_a_body_of_the_other_version_is_refused() -> None:
    with pytest.raises(EnvelopeInvalid):
        envelope(f'<x:Body xmlns:x="{ns.SOAP12}"/>', SoapVersion.V11)


def test_a_document_that_is_no_envelope_is_told_so() -> None:
    with pytest.raises(EnvelopeInvalid, match="not a SOAP Envelope"):
        open_envelope(parse(b"<order/>"))


@pytest.mark.parametrize(
    ("content_type", "version"),
    [
        ("text/xml; charset=utf-8", SoapVersion.V11),
        ("TEXT/XML", SoapVersion.V11),
        ('application/soap+xml;charset=GBK;action="a"', SoapVersion.V12),
        ("application/json", None),
        ("", None),
    ],
)
def test_the_content_type_tells_the_version(content_type: str, version: SoapVersion | None) -> None:
    assert version_of_media_type(content_type) is version


@BOTH
@pytest.mark.parametrize("truth", ["1", "true", " 1 "])
def test_a_mandatory_header_that_nobody_knows_is_refused_by_name(version: SoapVersion, truth: str) -> None:
    opened = envelope(
        f'<s:Header><q:Tx xmlns:q="u:q" s:mustUnderstand="{truth}">张三</q:Tx></s:Header><s:Body/>', version
    )
    with pytest.raises(HeaderNotUnderstood, match="Tx") as caught:
        check_must_understand(opened, NOTHING)
    assert "张三" not in str(caught.value)
    check_must_understand(opened, frozenset({"{u:q}Tx"}))


@BOTH
def test_headers_that_are_optional_or_for_others_are_passed_over(version: SoapVersion) -> None:
    role = "actor" if version is SoapVersion.V11 else "role"
    check_must_understand(
        envelope(
            f'<s:Header><a s:mustUnderstand="0"/><b s:mustUnderstand="1" s:{role}="urn:someone"/></s:Header><s:Body/>',
            version,
        ),
        NOTHING,
    )


@pytest.mark.parametrize(
    ("version", "attribute"),
    [
        (SoapVersion.V11, f's:actor="{ns.SOAP11_ACTOR_NEXT}"'),
        (SoapVersion.V12, f's:role="{ns.SOAP12_ROLE_NEXT}"'),
        (SoapVersion.V12, f's:role="{ns.SOAP12_ROLE_ULTIMATE}"'),
    ],
)
def test_headers_for_the_next_node_are_for_us(version: SoapVersion, attribute: str) -> None:
    opened = envelope(f'<s:Header><a s:mustUnderstand="1" {attribute}/></s:Header><s:Body/>', version)
    with pytest.raises(HeaderNotUnderstood):
        check_must_understand(opened, NOTHING)


@BOTH
@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb2312", "gb18030", "utf-16"])
def test_a_sealed_envelope_is_in_the_charset_that_it_declares(version: SoapVersion, charset: str) -> None:
    data = seal(parse("<a>张三𠮷</a>".encode()), version, [parse(b"<h/>")], charset)
    opened = open_envelope(etree.fromstring(data))
    assert opened.version is version
    assert len(opened.headers) == 1
    assert opened.payload is not None
    assert opened.payload.text == "张三𠮷"


@BOTH
def test_sealing_nothing_makes_an_empty_body(version: SoapVersion) -> None:
    assert open_envelope(parse(seal(None, version))).payload is None


def test_sealing_does_not_move_the_payload_out_of_its_document() -> None:
    root = parse(b"<a><b/></a>")
    seal(root[0], SoapVersion.V11)
    assert len(root) == 1


def test_a_payload_keeps_prefixes_that_only_its_values_use() -> None:
    opened = envelope('<s:Body xmlns:q="u:q"><a type="q:T"/></s:Body>')
    again = open_envelope(parse(seal(opened.payload, SoapVersion.V12))).payload
    assert again is not None
    assert again.nsmap["q"] == "u:q"


@pytest.mark.parametrize(
    ("version", "code", "word"),
    [
        (SoapVersion.V11, "caller", "Client"),
        (SoapVersion.V11, "server", "Server"),
        (SoapVersion.V12, "caller", "Sender"),
        (SoapVersion.V12, "server", "Receiver"),
        (SoapVersion.V11, "version", "VersionMismatch"),
        (SoapVersion.V12, "understand", "MustUnderstand"),
    ],
)
def test_fault_codes_are_in_the_words_of_their_version(version: SoapVersion, code: str, word: str) -> None:
    data = seal_fault(version, Fault(code, "不行"))  # type: ignore[arg-type]
    assert f"soap:{word}<".encode() in data


@BOTH
def test_a_fault_read_back_says_what_was_written(version: SoapVersion) -> None:
    fault = Fault(
        "caller", "报文不符合契约", subcode="contract", detail=parse(b"<d xmlns='u:d'>x</d>"), actor="urn:bus"
    )
    read = read_fault(open_envelope(parse(seal_fault(version, fault, "utf-8"))))
    assert read is not None
    assert (read.code, read.reason, read.actor) == ("caller", "报文不符合契约", "urn:bus")
    assert read.detail is not None
    assert (read.detail.tag, read.detail.text) == ("{u:d}d", "x")
    assert read.subcode == ("contract" if version is SoapVersion.V12 else "")


def test_a_soap12_reason_names_its_language() -> None:
    assert b'xml:lang="en"' in seal_fault(SoapVersion.V12, Fault("server", "down"), lang="en")


@pytest.mark.parametrize(
    ("inside", "code", "subcode", "reason"),
    [
        (
            "<faultcode>s:Client.Authentication</faultcode><faultstring>no</faultstring>",
            "caller",
            "Authentication",
            "no",
        ),
        ("<faultcode>ns1:Oops</faultcode><faultstring> x </faultstring>", "server", "Oops", "x"),
        ("<s:faultcode>s:Server</s:faultcode>", "server", "", ""),
        ("", "server", "", ""),
    ],
)
def test_faults_of_other_stacks_are_understood(inside: str, code: str, subcode: str, reason: str) -> None:
    read = read_fault(envelope(f"<s:Body><s:Fault>{inside}</s:Fault></s:Body>"))
    assert read is not None
    assert (read.code, read.subcode, read.reason) == (code, subcode, reason)


def test_bare_text_in_a_detail_is_kept() -> None:
    read = read_fault(
        envelope("<s:Body><s:Fault><faultcode>s:Server</faultcode><detail>ORA-1</detail></s:Fault></s:Body>")
    )
    assert read is not None
    assert read.detail is not None
    assert read.detail.text == "ORA-1"
    assert b"<detail>ORA-1</detail>" in seal_fault(SoapVersion.V11, read)


def test_an_ordinary_payload_is_no_fault() -> None:
    assert read_fault(envelope("<s:Body><Fault/></s:Body>")) is None
    assert read_fault(envelope("<s:Body/>")) is None


@BOTH
def test_turning_an_envelope_over_keeps_payload_and_header_meaning(version: SoapVersion) -> None:
    other = SoapVersion.V12 if version is SoapVersion.V11 else SoapVersion.V11
    role = "actor" if version is SoapVersion.V11 else "role"
    opened = envelope(
        f'<s:Header><h s:mustUnderstand="1" s:{role}="urn:x"/></s:Header>'
        '<s:Body xmlns:q="u:q"><p t="q:x">1</p></s:Body>',
        version,
    )
    turned = open_envelope(parse(serialise(reversion(opened, other).root)))
    assert turned.version is other
    assert turned.payload is not None
    assert turned.payload.text == "1"
    assert turned.payload.nsmap["q"] == "u:q"
    with pytest.raises(HeaderNotUnderstood):
        check_must_understand(open_envelope(parse(serialise(turned.root).replace(b"urn:x", b""))), NOTHING)
    assert len(opened.root) == 2, "the original stays as it was"


@BOTH
def test_turning_a_fault_over_puts_it_in_the_other_versions_words(version: SoapVersion) -> None:
    other = SoapVersion.V12 if version is SoapVersion.V11 else SoapVersion.V11
    opened = open_envelope(parse(seal_fault(version, Fault("caller", "坏"))))
    read = read_fault(reversion(opened, other))
    assert read is not None
    assert (read.code, read.reason) == ("caller", "坏")


@BOTH
def test_an_envelope_of_the_right_version_is_answered_as_it_is(version: SoapVersion) -> None:
    opened = envelope("<s:Body/>", version)
    assert reversion(opened, version) is opened


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(list(SoapVersion)),
    st.sampled_from(["caller", "server", "version", "understand"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20).map(
        str.strip
    ),
    st.sampled_from(["utf-8", "gbk", "utf-16"]),
)
def test_any_reason_survives_in_any_version_and_charset(
    version: SoapVersion, code: str, reason: str, charset: str
) -> None:
    data = seal_fault(version, Fault(code, reason), charset)  # type: ignore[arg-type]
    read = read_fault(open_envelope(etree.fromstring(data)))
    assert read is not None
    assert (read.code, read.reason) == (code, reason.strip())


@BOTH
def test_turning_an_envelope_over_leaves_the_old_versions_prefix_behind_unless_it_is_used(version: SoapVersion) -> None:
    other = SoapVersion.V12 if version is SoapVersion.V11 else SoapVersion.V11
    unused = reversion(envelope('<s:Body><q:Op xmlns:q="urn:q" kind="q:T"/></s:Body>', version), other)
    assert version.value.encode() not in etree.tostring(unused.root)
    assert unused.payload is not None
    assert unused.payload.nsmap["q"] == "urn:q"
    used = reversion(envelope('<s:Body><Op s:encodingStyle="x"/></s:Body>', version), other)
    assert used.payload is not None
    assert used.payload.get(f"{{{version.value}}}encodingStyle") == "x"


def test_a_fault_in_the_words_of_11_is_read_in_an_envelope_of_12() -> None:
    inner = "<s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>坏</faultstring></s:Fault></s:Body>"
    read = read_fault(envelope(inner, SoapVersion.V12))
    assert read is not None
    assert (read.code, read.reason) == ("caller", "坏")
