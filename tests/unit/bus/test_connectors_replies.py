"""Reading what a provider says about itself: charsets, dates."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.connectors.http import origin
from bus.connectors.replies import retry_after
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
