"""The console's words in Chinese and English, from one table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class Words:
    """The table of ``words.yaml``, read once."""

    def __init__(self, path: Path) -> None:
        self._table: Mapping[str, Mapping[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def say(self, key: str, language: Language) -> str:
        """The word for ``key``; a missing one shows as its key, so that no page fails for it."""
        return self._table.get(key, {}).get(language, key)

    @property
    def table(self) -> Mapping[str, Mapping[str, str]]:
        """Every key with its words."""
        return self._table


WORDS = Words(Path(__file__).with_name("words.yaml"))


def title_of(title: Mapping[str, str], language: Language, fallback: str = "") -> str:
    """A registry title in this language, or in the other, or the fallback."""
    return title.get(language) or next((text for text in title.values() if text), fallback)


def choose(asked: str | None, accepted: str | None) -> Language:
    """The language of a page: the one asked for, else the browser's, else Chinese."""
    return next((one for wanted in (asked, accepted) for one in LANGUAGES if one == wanted), "zh")
