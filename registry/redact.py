"""Hides secrets that a manifest writes out, wherever a manifest is shown."""

from __future__ import annotations

from typing import Any

from registry.environment import holds_variable

#: Keys whose values identify somebody to somebody.
SECRET_KEYS = frozenset({"secret", "scrypt"})
HIDDEN = "(hidden)"


def redacted(value: Any) -> Any:
    """A copy of a manifest's value; secrets that come from the environment stay readable as ``${NAME}``."""
    if isinstance(value, dict):
        return {key: _hidden(item) if key in SECRET_KEYS else redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def _hidden(value: Any) -> Any:
    return value if isinstance(value, str) and holds_variable(value) and ":-" not in value else HIDDEN
