"""The page of foreign stacks promises what the suite holds."""

from __future__ import annotations

from interop.page import render
from markdown import page


def test_the_page_of_foreign_stacks_is_what_the_suite_holds() -> None:
    assert page("docs/interop.md").text == render(), "write it anew with: PYTHONPATH=.:tests python -m interop.page"
