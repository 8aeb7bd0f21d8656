"""Reads a documentation page as its tests need it: headings, links, tables, fenced examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the project's root."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """All of it but the fenced examples."""
        return _FENCE.sub("", self.text)

    def links(self) -> list[str]:
        """The targets of its links and pictures, in order."""
        return _LINK.findall(self.prose)

    def headings(self) -> list[int]:
        """The levels of its headings, in order."""
        return [len(marks) for marks in re.findall(r"^(#+) ", self.prose, re.MULTILINE)]

    def anchors(self) -> set[str]:
        """The anchors that its headings make."""
        titles = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def examples(self, language: str) -> Iterator[str]:
        """The fenced examples of this language."""
        return (body for kind, body in _FENCE.findall(self.text) if kind == language)

    def first_cells(self, heading: str) -> list[str]:
        """The first cell of every row of the first table below this heading."""
        below = re.split(rf"^#+ {re.escape(heading)}$", self.prose, maxsplit=1, flags=re.MULTILINE)[1]
        rows: list[str] = []
        for line in below.splitlines():
            if line.startswith("|"):
                rows.append(re.split(r"(?<!\\)\|", line)[1].strip())
            elif rows:
                break
        return rows[2:]


def pages() -> list[Page]:
    """Every page of the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [Page(path) for path in sorted(found)]


def page(name: str) -> Page:
    """The page at this path from the project's root."""
    return Page(ROOT / name)
