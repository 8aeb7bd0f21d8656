"""Reading what a provider says about itself: charsets, dates, packed bodies."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.connectors.http import origin
from bus.connectors.replies import retry_after
from bus.connectors.unpack import Unpacker
from bus.errors import ProviderLied, ReplyTooLarge
from bus.resilience.endpoints import without_credentials


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 0.0), ("7", 7.0), (" 120 ", 120.0), ("-1", 0.0), ("soon", 0.0), ("1.5", 0.0), ("٣", 0.0)],
)
def test_retry_after_in_seconds_is_read_and_nonsense_is_none(header: str, seconds: float) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date_is_the_time_until_then() -> None:
    assert 55.0 < retry_after(formatdate(time.time() + 60, usegmt=True)) <= 60.0
    assert retry_after(formatdate(time.time() - 60, usegmt=True)) == 0.0


@given(st.text())
@settings(max_examples=50)
def test_no_retry_after_header_breaks_the_reader(header: str) -> None:
    assert retry_after(header) >= 0.0


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
    unpacker = Unpacker(kind[0], 2000, endpoint="http://lis")
    for start in range(0, len(wire), step):
        unpacker.feed(wire[start : start + step])
    assert unpacker.finish() == data


def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not() -> None:
    exact = Unpacker("gzip", 1000, endpoint="")
    exact.feed(packed(bytes(1000), 31))
    assert exact.finish() == bytes(1000)
    with pytest.raises(ReplyTooLarge, match="1000 bytes"):
        Unpacker("gzip", 1000, endpoint="").feed(packed(bytes(1001), 31))


def test_a_bomb_never_takes_much_more_memory_than_the_limit() -> None:
    bomb = packed(bytes(50_000_000), 31)
    tracemalloc.start()
    with pytest.raises(ReplyTooLarge):
        Unpacker("gzip", 1000, endpoint="").feed(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_packed_body_that_ends_early_is_a_lie() -> None:
    unpacker = Unpacker("gzip", 1000, endpoint="")
    unpacker.feed(packed(b"some text that is long enough", 31)[:-9])
    with pytest.raises(ProviderLied, match="ends early"):
        unpacker.finish()


@pytest.mark.parametrize(
    ("url", "shown", "root"),
    [
        ("http://user:p%40ss@lis:80/a/b?key=x", "http://lis:80/a/b", "http://lis:80"),
        ("https://lis/a", "https://lis/a", "https://lis"),
        ("http://u@lis?x=1", "http://lis", "http://lis"),
        ("lis/a?x", "lis/a", "://"),
    ],
)
def test_an_address_is_shown_without_credentials_and_query(url: str, shown: str, root: str) -> None:
    assert without_credentials(url) == shown
    assert origin(url) == root
