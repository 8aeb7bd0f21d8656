"""Dotted paths into JSON, as manifests write them: ``.patient.sex``, ``.orders[].code``, ``.["a b"]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from transformers.document import Json
from transformers.errors import TransformerInvalid

#: Puts the result of a function in the place of every value at a path, on a copy.
Replace: TypeAlias = Callable[[Json, Callable[[Json], Json]], Json]

_STEP = re.compile(r"\.?(?:(?P<name>[^\s.\[\]\"]+)|\[\"(?P<quoted>[^\"]+)\"\]|(?P<each>\[\]))")


def compile_path(path: str) -> Replace:
    """Compile a dotted path; ``[]`` means every item. Values that are not there are passed over.

    Raises TransformerInvalid when it is not a path.
    """
    steps = steps_of(path)
    return lambda value, function: _replace(value, steps, function)


def steps_of(path: str) -> tuple[str | None, ...]:
    """The names on a dotted path, None for ``[]``. Raises TransformerInvalid when it is not a path."""
    steps: list[str | None] = []
    position = 0
    text = path.strip()
    while position < len(text) and text != ".":
        match = _STEP.match(text, position)
        if match is None or (position == 0 and not text.startswith((".", "["))):
            raise TransformerInvalid(f"{path!r} is no dotted path; write .name.name or .name[].name")
        steps.append(None if match["each"] else match["name"] or match["quoted"])
        position = match.end()
    if not text:
        raise TransformerInvalid("a dotted path may not be empty; . is the whole document")
    return tuple(steps)


def _replace(value: Json, steps: tuple[str | None, ...], function: Callable[[Json], Json]) -> Json:
    if not steps:
        return function(value)
    step, rest = steps[0], steps[1:]
    if step is None:
        return [_replace(item, rest, function) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and step in value:
        return {**value, step: _replace(value[step], rest, function)}
    return value
