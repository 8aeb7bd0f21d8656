"""No secret of a WS-Security header survives on its way to the journal, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.scrub import scrub

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SECRET = "s3cret-of-the-kiosk"
TOKEN = f'<{{p}}Security xmlns{{q}}="{WSSE}"><{{p}}Password>{SECRET}</{{p}}Password></{{p}}Security>'


def message(prefix: str = "wsse") -> str:
    token = TOKEN.format(p=f"{prefix}:" if prefix else "", q=f":{prefix}" if prefix else "")
    return f"<e><h>{token}</h><b>王晓东 V1</b></e>"


@pytest.mark.parametrize("prefix", ["wsse", "o", "", "安全"])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_password_goes_and_the_rest_stays_in_every_charset(prefix: str, charset: str) -> None:
    left = scrub(message(prefix).encode(charset)).decode(charset)
    assert SECRET not in left
    assert "<b>王晓东 V1</b></e>" in left


@pytest.mark.parametrize(
    "body",
    [
        f'<w:Security xmlns:w="{WSSE}"><w:Password>{SECRET}',
        f'<w:Security xmlns:w="{WSSE}"><!-- </w:Security> --><w:Password>{SECRET}</w:Password></w:Security>',
        f'<w:Security xmlns:w="{WSSE}"/><w:Security><w:Password>{SECRET}</w:Password></w:Security>',
        f'<w:Security xmlns:w="{WSSE}"></w:Security><o:Security xmlns:o="{WSSE}">{SECRET}</o:Security>',
    ],
)
def test_broken_and_tricky_markup_keeps_no_secret_either(body: str) -> None:
    assert SECRET not in scrub(body.encode()).decode()


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_a_stray_byte_in_front_does_not_hide_a_header(charset: str) -> None:
    body = b" " + message("安全").encode(charset)
    assert SECRET.encode(charset) not in scrub(body)


@pytest.mark.parametrize("body", [b"", b"<a>Security</a>", b"<Security><Guard>x</Guard></Security>", b"\x00\x01\x02"])
def test_a_body_without_such_a_header_is_the_very_same_object(body: bytes) -> None:
    assert scrub(body) is body


@settings(max_examples=100)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_stands_around_a_header_its_secret_is_gone(before: bytes, after: bytes) -> None:
    assert SECRET.encode() not in scrub(before + b">" + message().encode() + after)
