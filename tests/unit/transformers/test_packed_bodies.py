"""Bodies packed with gzip or deflate: unpacked whole, however they are cut, and never beyond the limit."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.errors import DocumentTooLarge, MalformedDocument
from transformers.packed import Unpacker


def packed(data: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(data) + packer.flush()


@settings(max_examples=50)
@given(
    data=st.binary(max_size=2000),
    step=st.integers(1, 500),
    kind=st.sampled_from([("gzip", 31), ("deflate", 15), ("deflate", -15), ("x-gzip", 31)]),
)
def test_a_packed_body_comes_out_as_it_went_in_however_it_is_cut(data: bytes, step: int, kind: tuple[str, int]) -> None:
    wire = packed(data, kind[1])
    unpacker = Unpacker(kind[0], 2000)
    for start in range(0, len(wire), step):
        unpacker.feed(wire[start : start + step])
    assert unpacker.finish() == data


def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not() -> None:
    exact = Unpacker("gzip", 1000)
    exact.feed(packed(bytes(1000), 31))
    assert exact.finish() == bytes(1000)
    with pytest.raises(DocumentTooLarge, match="1000 bytes"):
        Unpacker("gzip", 1000).feed(packed(bytes(1001), 31))


def test_a_bomb_never_takes_much_more_memory_than_the_limit() -> None:
    bomb = packed(bytes(50_000_000), 31)
    tracemalloc.start()
    with pytest.raises(DocumentTooLarge):
        Unpacker("gzip", 1000).feed(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_packed_body_that_ends_early_is_refused() -> None:
    unpacker = Unpacker("gzip", 1000)
    unpacker.feed(packed(b"some text that is long enough", 31)[:-9])
    with pytest.raises(MalformedDocument, match="ends early"):
        unpacker.finish()


def test_bytes_behind_the_end_of_a_packed_body_are_refused_and_never_dropped() -> None:
    wire = packed(b"one", 31) + packed(b"two", 31)
    with pytest.raises(MalformedDocument, match="more bytes follow"):
        Unpacker("gzip", 1000).feed(wire)
    cut = Unpacker("gzip", 1000)
    cut.feed(packed(b"one", 31))
    with pytest.raises(MalformedDocument, match="more bytes follow"):
        cut.feed(b"x")


def test_bytes_that_are_not_packed_as_announced_are_refused() -> None:
    with pytest.raises(MalformedDocument, match="not gzip"):
        Unpacker("gzip", 1000).feed(b"<plain/>")
