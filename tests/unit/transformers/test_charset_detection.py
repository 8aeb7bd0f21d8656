"""Bytes are read by what they are; what they claim decides only how they are answered."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.charset import codec_of, encode, read, read_lenient, wire_name
from transformers.errors import CharsetMismatch
from transformers.xml import parse


def xml(encoding: str, text: str = "张三") -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'


def test_plain_utf8_is_answered_without_a_copy() -> None:
    body = xml("utf-8").encode()
    assert read(body).text_utf8 is body


@pytest.mark.parametrize("declared", ["GBK", "gb2312", "utf-16", "ISO-8859-1", "UTF-32"])
def test_utf8_with_chinese_stays_utf8_whatever_it_declares(declared: str) -> None:
    decoded = read(xml(declared).encode())
    assert (decoded.charset, decoded.lied) == ("utf-8", True)
    assert parse(decoded.text_utf8).text == "张三"


@pytest.mark.parametrize("declared", ["utf-8", "GBK", "GB2312", "gb18030", "utf-16", "nonsense"])
def test_gbk_is_read_rightly_whatever_it_declares(declared: str) -> None:
    decoded = read(xml(declared, "朱镕基").encode("gbk"))
    assert parse(decoded.text_utf8).text == "朱镕基"
    assert decoded.lied is (declared in ("utf-8", "utf-16", "nonsense"))


@pytest.mark.parametrize(
    ("declared", "answer"), [("GBK", "gbk"), ("GB2312", "gb2312"), ("GB18030", "gb18030"), ("", "gb18030")]
)
def test_chinese_legacy_callers_are_answered_in_the_charset_that_they_named(declared: str, answer: str) -> None:
    decoded = read("<a>镕</a>".encode("gbk"), declared)
    assert decoded.charset == answer
    assert codecs.lookup(decoded.charset)


def test_pure_ascii_takes_the_declared_charset_for_its_answer() -> None:
    assert read(b"<a/>", "GBK").charset == "gbk"
    assert read(xml("GB2312", "x").encode()).charset == "gb2312"
    assert read(b"<a/>").charset == "utf-8"
    assert read(b"<a/>", "utf-16").lied


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_decides_and_is_taken_off(codec: str) -> None:
    decoded = read(("\ufeff" + xml("GBK")).encode(codec))
    assert decoded.charset == codec
    assert parse(decoded.text_utf8).text == "张三"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_charsets_are_known_by_their_nuls_without_a_mark(codec: str) -> None:
    decoded = read(xml("whatever").encode(codec))
    assert decoded.charset == codec
    assert parse(decoded.text_utf8).text == "张三"


def test_a_utf8_mark_before_gbk_is_seen_through() -> None:
    decoded = read(codecs.BOM_UTF8 + xml("GBK").encode("gbk"))
    assert parse(decoded.text_utf8).text == "张三"


def test_the_http_charset_goes_before_the_one_in_the_document() -> None:
    assert read("<?xml version='1.0' encoding='utf-8'?><a>一乙</a>".encode("big5"), "Big5").text.endswith("一乙</a>")


def test_a_servers_latin1_default_does_not_hide_what_the_document_says() -> None:
    decoded = read(xml("GBK").encode("gbk"), "ISO-8859-1")
    assert parse(decoded.text_utf8).text == "张三"


def test_declared_latin1_is_honoured_where_nothing_speaks_against_it() -> None:
    assert parse(read(xml("ISO-8859-1", "José").encode("latin-1")).text_utf8).text == "José"


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "idna", "rot13", "zlib", "nonsense"])
def test_codecs_that_could_smuggle_markup_are_not_believed(name: str) -> None:
    assert codec_of(name) == ""
    assert read(b"+ADw-a+AD4-", name).text == "+ADw-a+AD4-"


def test_bytes_of_no_charset_are_refused_and_kept_readable_for_quarantine() -> None:
    body = b"<a>\xff\xff\x80</a>"
    with pytest.raises(CharsetMismatch):
        read(body)
    decoded = read_lenient(body)
    assert decoded.replaced
    assert decoded.text.startswith("<a>")


def test_a_nul_in_utf8_is_left_for_the_parser_to_refuse() -> None:
    assert b"\0" in read(b"<a>\0\0\0xxx\0</a>").text_utf8


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("GB 18030-2000", "gb18030"),
        ('"gbk"', "gbk"),
        ("UTF8", "utf-8"),
        ("cp936", "gbk"),
    ],
)
def test_names_that_hospitals_use_for_charsets_are_known(name: str, codec: str) -> None:
    assert codec_of(name) == codec


def test_every_codec_has_a_name_for_the_wire_that_is_read_back() -> None:
    for codec in ("utf-8", "gbk", "gb2312", "gb18030", "big5", "latin-1", "ascii", "cp1252"):
        assert codec_of(wire_name(codec)) == codec


@pytest.mark.parametrize("charset", ["gbk", "gb2312", "latin-1", "ascii", "utf-8"])
def test_json_characters_that_a_charset_lacks_become_escapes(charset: str) -> None:
    import orjson

    data = encode('{"姓名":"张𠮷"}', charset)
    assert orjson.loads(data.decode(charset)) == {"姓名": "张𠮷"}


def test_json_keeps_every_character_that_its_charset_has() -> None:
    assert encode('"张𠮷"', "gbk") == '"张\\ud842\\udfb7"'.encode("gbk")


_NAMES = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12)


@settings(max_examples=120, deadline=None)
@given(
    _NAMES,
    st.sampled_from(["utf-8", "gbk", "gb18030", "utf-16-le", "utf-16-be"]),
    st.sampled_from(["", "GBK", "utf-16"]),
)
def test_every_chinese_name_comes_through_every_charset(name: str, codec: str, declared: str) -> None:
    document = f"<patient><name>{name}</name></patient>"
    body = document.encode(codec)
    if codec in ("gbk", "gb18030"):
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            assert read(body, declared).text == document
        return
    assert read(body, declared).text == document


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["", "gbk", "utf-16", "utf-8", "x"]))
def test_any_bytes_are_read_or_refused_with_our_own_error(body: bytes, declared: str) -> None:
    try:
        decoded = read(body, declared)
    except CharsetMismatch:
        decoded = read_lenient(body, declared)
    decoded.text_utf8.decode("utf-8")
