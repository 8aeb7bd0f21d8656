"""Paths that a manifest hides, in whichever form a document comes to be shown.

An XPath is looked for at every depth: the document that it speaks of may stand alone, in an envelope, or in an element
of another document. A message is recorded in the form of either side, so each path is also read as one of the other
form, by the names in it. Where that finds too much, too much is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from transformers.document import Element, Json
from transformers.errors import MappingFailed
from transformers.json_path import compile_path, steps_of
from transformers.xpath import compile_replace

_NAME = r"(?:[^\W\d][\w.-]*:)?[^\W\d][\w.-]*"
#: An XPath that says names and nothing else.
_NAMES = re.compile(rf"/{{0,2}}({_NAME}(?:/{_NAME})*(?:/@{_NAME})?|@{_NAME})")
#: An XPath that begins with a step, at the root or where it stands.
_STEP = re.compile(r"/?@?[\w.*:-]+(?:[/\[]|$)")


_ALL_TEXTS, _ALL_ATTRIBUTES = compile_replace("//text()"), compile_replace("//@*")


class HiddenPath(NamedTuple):
    """Answers a copy of a document in which what stands at the path is hidden."""

    xml: Callable[[Element], Element]
    json: Callable[[Json], Json]


def hidden_path(path: str, namespaces: Mapping[str, str]) -> HiddenPath:
    """Compile a dotted JSON path (``.patient.nick``), or an XPath. Raises TransformerInvalid."""
    path = path.strip()
    if path.startswith(".") and not path.startswith(("./", "..")):
        in_json, steps = compile_path(path), _xpath_steps(steps_of(path))
        return HiddenPath(
            _in_xml("//" + "/".join(steps), {}) if steps else lambda element: element,
            lambda value: in_json(value, _hide_all),
        )
    names = _names(path)
    return HiddenPath(
        _in_xml("//" + path.lstrip("/") if _STEP.match(path) else path, namespaces),
        lambda value: _hide_anywhere(value, names) if names else value,
    )


def _in_xml(xpath: str, namespaces: Mapping[str, str]) -> Callable[[Element], Element]:
    replace = compile_replace(xpath, namespaces)

    def hide(element: Element) -> Element:
        try:
            return replace(element, _stars)
        except MappingFailed:  # the document is too large to look for the path in it
            return _ALL_ATTRIBUTES(_ALL_TEXTS(element, _stars), _stars)

    return hide


def _stars(text: str) -> str:
    return "***" if text.strip() else text


def _names(xpath: str) -> list[str]:
    """The members of JSON that an XPath means; none where it says more than names."""
    match = _NAMES.fullmatch(xpath)
    steps = match[1].split("/") if match else []
    if len(steps) > 1 and xpath.startswith("/") and not xpath.startswith("//"):
        del steps[0]  # the root element's own name is no part of its JSON
    return [("@" if step.startswith("@") else "") + step.lstrip("@").rpartition(":")[2] for step in steps]


def _xpath_steps(names: Sequence[str | None]) -> list[str]:
    """The steps of an XPath to the element or attribute of these members; none where one of them cannot be said."""
    found = [name for name in names if name is not None and name != "#text"]
    if any("'" in name for name in found):
        return []
    return [f"{'@*' if name.startswith('@') else '*'}[local-name()='{name.lstrip('@')}']" for name in found]


def _hide_all(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _hide_all(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_hide_all(item) for item in value]
    return value if value is None or value == "" else "***"


def _hide_anywhere(value: Json, names: Sequence[str]) -> Json:
    if isinstance(value, list):
        return [_hide_anywhere(item, names) for item in value]
    if isinstance(value, dict):
        return {name: _hide_anywhere(_hide_at(name, item, names), names) for name, item in value.items()}
    return value


def _hide_at(name: str, value: Json, names: Sequence[str]) -> Json:
    """The member of this name, with what stands at the path hidden if the path begins with it."""
    if name.rpartition("}")[2] != names[0]:
        return value
    if len(names) == 1:
        return _hide_all(value)
    items = value if isinstance(value, list) else [value]
    hidden: list[Json] = [
        {key: _hide_at(key, item, names[1:]) for key, item in each.items()} if isinstance(each, dict) else each
        for each in items
    ]
    return hidden if isinstance(value, list) else hidden[0]
