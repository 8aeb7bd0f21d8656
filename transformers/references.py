"""What a stylesheet or a schema may refer to: the files that came with it, and nothing else anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree


def lookup(href: str, known: Mapping[str, bytes]) -> bytes | None:
    """The file that ``href`` means: its exact name, or else the only known file with the same last part."""
    name = name_of(href, known)
    return known[name] if name is not None else None


def name_of(href: str, known: Mapping[str, bytes]) -> str | None:
    """The key of ``known`` that ``href`` means, or None: exact, or by a last part that is unique."""
    if href in known:
        return href
    last = _last(href)
    fitting = [name for name in known if last and _last(name) == last]
    return fitting[0] if len(fitting) == 1 else None


def _last(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


class Blocked(etree.Resolver):
    """A resolver for libxml2 that serves the known files and refuses every other address."""

    def __init__(self, known: Mapping[str, bytes]) -> None:
        self._known = known

    def resolve(self, system_url: str | None, public_id: str | None, context: Any = None) -> Any:
        """Answer the known file of that name; raises OSError for anything else, which stops the load."""
        data = lookup(system_url or "", self._known)
        if data is None:
            raise OSError("a reference to something outside the files that came along was refused")
        return self.resolve_string(data, context, base_url=system_url)


def last_words(error: etree.LxmlError) -> tuple[int | None, str]:
    """The line and the texts of what libxml2 found wrong while it compiled a stylesheet or schema."""
    log: Any = error.error_log
    entries = [entry for entry in log if entry.level >= etree.ErrorLevels.ERROR]
    if not entries:
        return None, str(error)
    line = next((entry.line for entry in entries if entry.line), None)
    return line, "; ".join(dict.fromkeys(entry.message for entry in entries[:3]))[:400]


def line_of(element: etree._Element) -> int | None:
    """The line on which an element starts, counted from 1, where libxml2 knows it."""
    line: Any = element.sourceline
    return line if isinstance(line, int) else None
