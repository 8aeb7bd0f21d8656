"""Packages arrive in blocks of any size, and nothing about their framing or their Content-IDs is guessed."""

from __future__ import annotations

from base64 import encodebytes
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.cid import is_reference, key_of_header, key_of_url, url_of
from transformers.errors import DocumentTooLarge, PackageInvalid
from transformers.form_data import read_form
from transformers.multipart import Event, Limits, MultipartReader, Part
from transformers.related import RelatedReader, RelatedWriter

MTOM = 'multipart/related; type="application/xop+xml"; start="<r>"; start-info="text/xml"; boundary="b"'
ROOT = 'Content-Type: application/xop+xml; charset=utf-8; type="text/xml"\r\nContent-ID: <r>'


def package(*parts: tuple[str, bytes], boundary: str = "b", end: bool = True) -> bytes:
    framed = b"".join(
        f"--{boundary}\r\n{head}\r\n\r\n".encode("latin-1") + data + b"\r\n" for head, data in parts
    )  # fmt: skip
    return framed + (f"--{boundary}--\r\n".encode() if end else b"")


def read(content_type: str, body: bytes, step: int = 1 << 20, **limits: int) -> list[tuple[Part, bytes]]:
    reader = RelatedReader(content_type, Limits(**limits))
    events: list[Event] = []
    for at in range(0, len(body), step):
        events += reader.feed(body[at : at + step])
    reader.close()
    return gathered(events)


def gathered(events: list[Event]) -> list[tuple[Part, bytes]]:
    found: list[tuple[Part, bytes]] = []
    for event in events:
        if isinstance(event, Part):
            found.append((event, b""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + event)
    return found


@given(
    root=st.binary(max_size=200),
    parts=st.lists(st.binary(max_size=300) | st.sampled_from([b"\r\n--", b"\r\n", b"--", b"\n--b"]), max_size=5),
    cuts=st.lists(st.integers(0, 4000), max_size=30),
    style=st.sampled_from(["mtom", "swa"]),
)
def test_what_was_written_is_read_again_however_the_blocks_fall(
    root: bytes, parts: list[bytes], cuts: list[int], style: str
) -> None:
    writer = RelatedWriter(style, "text/xml; charset=utf-8")  # type: ignore[arg-type]
    sizes = [(f"{number}@x", {"content-type": "image/png"}, len(data)) for number, data in enumerate(parts)]
    body = writer.root() + root
    for (key, headers, _), data in zip(sizes, parts, strict=True):
        body += writer.part(key, headers) + data
    body += writer.end()
    assert len(body) == writer.length(root, sizes)
    reader = RelatedReader(writer.content_type)
    events: list[Event] = []
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    for start, end in pairwise(edges):
        events += reader.feed(body[start:end])
    reader.close()
    found = gathered(events)
    assert [data for _, data in found] == [root, *parts]
    assert (reader.style, reader.root_type) == (style, "text/xml; charset=utf-8")


@given(body=st.binary(max_size=400), at=st.integers(0, 200))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes, at: int) -> None:
    good = package((ROOT, b"<a/>"), ("Content-ID: <p>", b"data"))
    mixed = good[:at] + body + good[at:]
    with suppress(PackageInvalid, DocumentTooLarge):
        read(MTOM, mixed, step=7)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 13, 1000])
def test_line_ends_of_perl_are_read_where_the_first_boundary_has_them(step: int) -> None:
    body = package((ROOT, b"<a/>"), ("Content-ID: <p>", b"one\r\ntwo")).replace(b"\r\n", b"\n")
    assert [data for _, data in read(MTOM, body, step)] == [b"<a/>", b"one\ntwo"]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    ("encoding", "sent", "meant"),
    [
        ("base64", encodebytes(bytes(range(256))), bytes(range(256))),
        ("BASE64", b"", b""),
        ("quoted-printable", b"a=3Db=\r\nc=E4=BD=A0", "a=bc你".encode()),
        ("8bit", "病历".encode(), "病历".encode()),
    ],
)
def test_transfer_encodings_are_undone(step: int, encoding: str, sent: bytes, meant: bytes) -> None:
    head = f"Content-ID: <p>\r\nContent-Transfer-Encoding: {encoding}"
    assert read(MTOM, package((ROOT, b"<a/>"), (head, sent)), step)[1][1] == meant


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([(ROOT, b""), ("Content-Type: image/png", b"")], "no Content-ID"),
        ([(ROOT, b""), ("Content-ID: <p>", b""), ("Content-ID: <p>", b"")], "same Content-ID"),
        ([(ROOT, b""), ("Content-ID: <a%40x>", b""), ("Content-ID: <a@x>", b"")], "same Content-ID"),
        ([(ROOT, b""), ("Content-ID: <r>", b"")], "same Content-ID"),
        ([(ROOT, b""), ("Content-ID: <a'b>", b"")], "quote"),
        ([(ROOT, b""), ('Content-ID: <a"b>', b"")], "quote"),
        ([(ROOT, b""), ("Content-ID: <a%22b>", b"")], "quote"),
        ([(ROOT, b""), ("Content-ID: <a%0d%0aX: y>", b"")], "control"),
        ([(ROOT, b""), ("Content-ID: <a\x01b>", b"")], "control"),
        ([(ROOT, b""), ("Content-ID: <>", b"")], "empty"),
        ([(ROOT, b""), (f"Content-ID: <{'a' * 300}>", b"")], "too long"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nContent-ID: <q>", b"")], "twice"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nnonsense", b"")], "none"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nContent-Type: multipart/mixed; boundary=c", b"")], "multipart"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nContent-Transfer-Encoding: x-zip", b"")], "unknown"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nContent-Transfer-Encoding: base64", b"a*b=")], "base64"),
        ([(ROOT, b""), ("Content-ID: <p>\r\nContent-Transfer-Encoding: base64", b"YQ==\r\nYQ==")], "base64"),
        ([("Content-ID: <p>", b""), (ROOT, b"")], "root document first"),
        ([("Content-Type: text/xml\r\nContent-ID: <r>", b"")], "not the one that type announces"),
        ([("Content-Type: application/xop+xml\r\nContent-ID: <r>", b"")], ""),
        ([], "no parts"),
    ],
)
def test_a_package_that_readers_would_not_agree_about_is_refused(parts: list[tuple[str, bytes]], words: str) -> None:
    if not words:  # its start-info says what its type does not
        assert read(MTOM, package(*parts))[0][1] == b""
        return
    with pytest.raises(PackageInvalid, match=words):
        read(MTOM, package(*parts), step=11)


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("multipart/related; type=x", "without a boundary"),
        ('multipart/related; boundary=""', "boundary is missing"),
        (f"multipart/related; boundary={'b' * 71}", "longer than 70"),
        ('multipart/related; boundary="b\x01"', "may not"),
        ("multipart/related; boundary=b; boundary=c", "twice"),
        ("multipart/related; boundary=b; type=\"application/xop+xml\"", "SOAP version"),
        ("multipart/related; boundary=c", "wrong"),
    ],
)  # fmt: skip
def test_a_content_type_that_does_not_lead_to_the_root_is_refused(content_type: str, words: str) -> None:
    body = package(("Content-Type: application/xop+xml\r\nContent-ID: <r>", b"<a/>"))
    with pytest.raises(PackageInvalid, match=words):
        read(content_type, body)


def test_a_message_that_breaks_off_is_refused() -> None:
    with pytest.raises(PackageInvalid, match="closing boundary"):
        read(MTOM, package((ROOT, b"<a/>"), ("Content-ID: <p>", b"half"), end=False))


def test_text_behind_a_boundary_on_its_line_is_refused() -> None:
    with pytest.raises(PackageInvalid, match="other text"):
        read(MTOM, package((ROOT, b"<a/>")).replace(b"--b--", b"--bc"))


def test_ten_thousand_parts_are_refused_at_the_limit() -> None:
    body = package((ROOT, b"<a/>"), *((f"Content-ID: <{n}>", b"") for n in range(10_000)))
    with pytest.raises(DocumentTooLarge, match="256 parts"):
        read(MTOM, body, step=65536)


@pytest.mark.parametrize(
    "head", ["Content-ID: <p>\r\nX: " + "y" * 9000, "\r\n".join(f"X-{n}: y" for n in range(40))]
)  # fmt: skip
def test_heads_without_measure_are_refused(head: str) -> None:
    with pytest.raises(DocumentTooLarge, match="headers"):
        read(MTOM, package((ROOT, b"<a/>"), (head, b"")), step=100)


def test_text_around_the_parts_is_skipped_and_bounded() -> None:
    body = b"This is a multi-part message.\r\n" + package((ROOT, b"<a/>")) + b"bye"
    assert len(read(MTOM, body, step=1)) == 1
    with pytest.raises(PackageInvalid, match="around"):
        read(MTOM, b"x" * 100_000, step=1000)
    with pytest.raises(PackageInvalid, match="around"):
        read(MTOM, body + b"x" * 100_000, step=1000)


def test_a_reader_holds_no_more_than_a_block_and_a_boundary() -> None:
    reader = MultipartReader("b")
    reader.feed(b"--b\r\n\r\n")
    for _ in range(100):
        assert sum(len(event) for event in reader.feed(b"x" * 1000) if isinstance(event, bytes)) >= 1000 - 10


@given(st.text("abcXYZ019@.:/%-_+=&", min_size=1, max_size=40).filter(lambda key: "%" not in key))
def test_a_key_and_its_url_lead_to_each_other(key: str) -> None:
    assert key_of_url(url_of(key)) == key == key_of_header(f"<{key}>")
    assert is_reference(url_of(key))


@pytest.mark.parametrize("url", ["http://x/y", "file:///etc/passwd", "cid:", "cid:a b", "cid:a'b", "cid:%00", ""])
def test_nothing_but_a_plain_cid_url_is_followed(url: str) -> None:
    with pytest.raises(PackageInvalid):
        key_of_url(url)


def test_a_form_becomes_a_document_with_its_files_in_base64() -> None:
    body = package(
        ('Content-Disposition: form-data; name="document"\r\nContent-Type: application/json', b'{"visit_no":"V1"}'),
        ('Content-Disposition: form-data; name="title"', "报告".encode()),
        ('Content-Disposition: form-data; name="scan"; filename="a.png"\r\nContent-Type: image/png', b"\x00\xff"),
        ('Content-Disposition: form-data; name="tag"', b"a"),
        ('Content-Disposition: form-data; name="tag"', b"b"),
    )
    document = {"visit_no": "V1", "title": "报告", "scan": "AP8=", "tag": ["a", "b"]}
    assert read_form("multipart/form-data; boundary=b", body) == document


@pytest.mark.parametrize(
    ("head", "data"),
    [
        ("Content-Type: text/plain", b""),
        ('Content-Disposition: attachment; name="x"', b""),
        ('Content-Disposition: form-data; name="x"', b"\xff"),
    ],
)
def test_a_form_whose_parts_have_no_names_or_no_text_is_refused(head: str, data: bytes) -> None:
    with pytest.raises(PackageInvalid):
        read_form("multipart/form-data; boundary=b", package((head, data)))
