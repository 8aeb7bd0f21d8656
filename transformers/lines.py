"""Where in the text of a document a path of it stands: the line that a person has to look at.

Paths are XPaths or JSON Pointers as violations have them. What a document does not have (a field that is missing) is
looked for in the nearest ancestor that it has.
"""

from __future__ import annotations

import json
import re
from typing import cast

from transformers.document import Element
from transformers.xml import local_name

_STEP = re.compile(r"([^\[\]]+)(?:\[(\d+)\])?$")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def steps(path: str) -> tuple[str, ...]:
    """A path's names and positions (from 0): ``/A/b[2]/c`` is A, b, 1, c."""
    if not path.startswith("/"):
        return ()
    found: list[str] = []
    for part in path[1:].split("/"):
        match = _STEP.match(part.replace("~1", "/").replace("~0", "~"))
        if match:
            found.append(match[1])
            if match[2]:
                found.append(str(int(match[2]) - 1))
    return tuple(found)


def line_in_xml(root: Element, path: tuple[str, ...]) -> int | None:
    """The line of the element that these steps below ``root`` lead to, by local names."""
    element: Element = root
    twins: list[Element] = []
    for step in path:
        if step.isdigit() and twins:
            if int(step) >= len(twins):
                break
            element = twins[int(step)]
            continue
        twins = [child for child in element.iterchildren("*") if local_name(child) == step]
        if not twins:
            break
        element = twins[0]
    return cast("int | None", element.sourceline)


def line_in_json(text: str, path: tuple[str, ...]) -> int | None:
    """The line of the value that these steps lead to in a well-formed JSON text."""
    at = _skip(text, 0)
    for step in path:
        found = _member(text, at, step)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def _member(text: str, at: int, step: str) -> int | None:
    """Where the value of a member or item of the object or array at ``at`` begins."""
    if text[at : at + 1] == "{":
        return _value(text, at, step)
    if text[at : at + 1] == "[" and step.isdigit():
        return _item(text, at, int(step))
    return None


def _value(text: str, at: int, name: str) -> int | None:
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name:
            return at
        at = _after(text, at)
    return None


def _item(text: str, at: int, number: int) -> int | None:
    at = _skip(text, at + 1)
    while text[at : at + 1] not in ("]", ""):
        if number == 0:
            return at
        number -= 1
        at = _after(text, at)
    return None


def _after(text: str, at: int) -> int:
    """Where the next member begins: behind this value, and its comma."""
    end = _skip(text, _DECODER.raw_decode(text, at)[1])
    return _skip(text, end + 1) if text[end : end + 1] == "," else end


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
