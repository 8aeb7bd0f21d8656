"""Texts in columns of a terminal, where a Chinese character takes two."""

from __future__ import annotations

import unicodedata


def wide(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def fit(text: str, columns: int) -> str:
    """Exactly this many columns of it."""
    short = cut(text, columns)
    return short + " " * (columns - wide(short))


def cut(text: str, columns: int) -> str:
    """At most this many columns of it; what is cut is marked."""
    if wide(text) <= columns:
        return text
    while wide(text) >= columns:
        text = text[:-1]
    return f"{text}…"
