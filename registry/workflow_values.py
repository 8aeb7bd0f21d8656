"""Reads the values of a definition as they are written, and gathers what is wrong with each at its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from registry.workflow_model import Path, Retry
from transformers.errors import TransformerInvalid
from transformers.jq import compile_jq

Raw: TypeAlias = Mapping[str, Any]


class Values:
    """Readers of single values; each answers something usable, whatever was written."""

    def __init__(self) -> None:
        self._problems: list[tuple[Path, str]] = []

    def _say(self, path: Path, text: str) -> None:
        self._problems.append((path, text))

    def _only(self, raw: Raw, known: set[str], path: Path) -> None:
        for key in raw:
            if key not in known:
                self._say((*path, str(key)), f"unknown; known here: {', '.join(sorted(known))}")

    def _mapping(self, raw: Any, known: set[str], path: Path) -> bool:
        if not isinstance(raw, Mapping):
            self._say(path, f"must be a mapping of {', '.join(sorted(known))}")
            return False
        self._only(raw, known, path)
        return True

    def _text(self, raw: Raw, key: str, path: Path, form: re.Pattern[str], *, required: bool = False) -> str:
        value = raw.get(key)
        if value is None and not required:
            return ""
        if isinstance(value, str) and form.fullmatch(value):
            return value
        self._say((*path, key), f"must be text of the form {form.pattern}")
        return ""

    def _one_of(self, raw: Raw, key: str, allowed: tuple[str, ...], path: Path) -> Any:
        value = raw.get(key, allowed[0])
        if value not in allowed:
            self._say((*path, key), f"must be one of {', '.join(allowed)}")
        return value

    def _seconds(self, raw: Raw, key: str, path: Path) -> float | None:
        value = raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
            self._say((*path, key), "must be a number of seconds above 0")
            return None
        return float(value)

    def _retry(self, raw: Any, path: Path, default: Retry) -> Retry:
        if raw is None or not self._mapping(raw, {"attempts", "first", "max"}, path):
            return default
        attempts = raw.get("attempts", default.attempts)
        if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= 1000:
            self._say((*path, "attempts"), "must be a whole number from 1 to 1000")
            attempts = default.attempts
        first = self._seconds(raw, "first", path) or default.first
        return Retry(attempts, first, self._seconds(raw, "max", path) or max(default.max, first))

    def _title(self, raw: Any, path: Path) -> Mapping[str, str]:
        if raw is None:
            return {}
        if isinstance(raw, Mapping) and all(isinstance(text, str) for text in (*raw, *raw.values())):
            return dict(raw)
        self._say(path, "must map zh and en to text")
        return {}

    def _expression(self, raw: Raw, key: str, path: Path) -> str:
        return self._jq(raw[key], (*path, key)) if key in raw else ""

    def _expressions(self, raw: Any, path: Path) -> dict[str, str]:
        if not isinstance(raw, Mapping):
            self._say(path, "must map names to jq expressions")
            return {}
        for name in raw:
            if not isinstance(name, str):
                self._say(
                    (*path, str(name)), "a name must be text; YAML reads yes, no, on and off as truth values: quote it"
                )
        return {str(name): self._jq(source, (*path, str(name))) for name, source in raw.items()}

    def _jq(self, source: Any, path: Path) -> str:
        if not isinstance(source, str) or not source.strip():
            self._say(path, "must be a jq expression, as text")
            return ""
        try:
            compile_jq(source)
        except TransformerInvalid as error:
            self._say(path, f"not a jq expression: {error}")
        return source
