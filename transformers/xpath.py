"""XPath from configuration, evaluated inside one document only: ``/`` is the document's root, not the envelope's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from lxml import etree

from transformers.document import Element
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.xml import detached
from transformers.xpath_cost import MOST, is_crowded, is_wide

#: What an XPath may give: elements, texts, or one number, text or truth value (as a list of one).
Found: TypeAlias = "list[Element | str]"

#: A compiled XPath: an element in, all that it finds out, in document order.
Path: TypeAlias = Callable[[Element], Found]

_NAME = r"[^\W\d][\w.-]*"
_NAMES = re.compile(rf"(?:{_NAME}:)?{_NAME}(?:/(?:{_NAME}:)?{_NAME})*")
_SIMPLE = re.compile(
    r"(?P<slashes>//?)(?P<at>@?)(?P<first>\*|[\w.-]+(?::[\w.-]+)?)"
    r"(?P<test>\[local-name\(\)\s*=\s*(?:'[^']*'|\"[^\"]*\")\])?(?P<rest>/.*)?",
    re.DOTALL,
)
_ESCAPES = re.compile(
    r"\||\.\.|[\[(,=<>+!*-]\s*/|\b(?:and|or|div|mod)\s*/|\b(?:ancestor|parent|following|preceding)\b|\bid\s*\("
)


def compile_xpath(expression: str, namespaces: Mapping[str, str] | None = None) -> Path:
    """Compile an XPath 1.0 expression of the configuration; prefixes come from ``namespaces``.

    Raises TransformerInvalid when it does not compile, or could take for ever. The callable raises MappingFailed when
    it cannot be evaluated, or not in time on so large a document. Expressions must never be built from message text.
    """
    prefixes = dict(namespaces or {})
    try:
        compiled = etree.XPath(expression, namespaces=prefixes, smart_strings=False)
    except etree.XPathSyntaxError as error:
        raise TransformerInvalid(f"the XPath {expression!r} does not compile: {error}") from error

    relative = _relative(expression)
    inside = etree.XPath(relative, namespaces=prefixes, smart_strings=False) if relative else None
    wide = is_wide(expression)

    def find(element: Element) -> Found:
        if wide:
            _refuse_crowded(element, expression)
        try:
            if element.getparent() is None:
                result = compiled(element)
            elif inside is not None:
                result = inside(element)
            else:
                # A SOAP payload hangs in its envelope; only the document evaluator takes it for a root.
                tree = etree.ElementTree(element)
                result = etree.XPathDocumentEvaluator(tree, namespaces=prefixes, smart_strings=False)(expression)
        except etree.XPathError:
            raise MappingFailed(
                f"the XPath {expression!r} cannot be evaluated; check its prefixes", step="xpath"
            ) from None
        return _as_list(result)

    try:
        compiled(etree.Element("probe"))  # an undeclared prefix shows only when the expression runs
    except etree.XPathError as error:
        raise TransformerInvalid(
            f"the XPath {expression!r} cannot be evaluated: {error}; declare its prefixes"
        ) from error
    if _NAMES.fullmatch(expression):
        # It only steps down by name, as most keys do: the same from a payload as from a root, and elements alone.
        return compiled  # type: ignore[return-value]
    return find


def compile_replace(
    expression: str, namespaces: Mapping[str, str] | None = None
) -> Callable[[Element, Callable[[str], str]], Element]:
    """Compile an XPath of elements, attributes or texts; the callable puts a function's result in their place.

    It answers a copy of the element. An element that is found loses its children, as its text is replaced. Errors as
    in ``compile_xpath``.
    """
    compile_xpath(expression, namespaces)  # for its errors
    compiled = etree.XPath(expression, namespaces=dict(namespaces or {}))
    wide = is_wide(expression)

    def replace(element: Element, function: Callable[[str], str]) -> Element:
        if wide:
            _refuse_crowded(element, expression)
        copied = detached(element)
        found = compiled(copied)
        for item in found if isinstance(found, list) else ():
            if isinstance(item, etree._Element):
                _set_text(item, function)
            elif isinstance(item, etree._ElementUnicodeResult):
                _set_string(item, function)
        return copied

    return replace


def _refuse_crowded(element: Element, expression: str) -> None:
    if is_crowded(element):
        raise MappingFailed(
            f"the XPath {expression!r} could take too long on a document of more than {MOST} elements; "
            "write one that begins with // and steps down by names",
            step="xpath",
        )


def _relative(expression: str) -> str:
    """The same path from a payload's own element, three times as fast as by the document evaluator.

    Empty where the two could differ: absolute paths within, ways up and sideways, positions in the first step.
    """
    match = _SIMPLE.fullmatch(expression.strip())
    if match is None or _ESCAPES.search(match["rest"] or ""):
        return ""
    first = match["first"] + (match["test"] or "")
    if match["at"]:
        return "" if match["slashes"] == "/" else f"descendant-or-self::*/@{first}{match['rest'] or ''}"
    axis = "self" if match["slashes"] == "/" else "descendant-or-self"
    return f"{axis}::{first}{match['rest'] or ''}"


def _set_text(element: Element, function: Callable[[str], str]) -> None:
    text = text_of(element)
    if text:
        for child in list(element):
            element.remove(child)
        element.text = function(text)


def _set_string(found: etree._ElementUnicodeResult, function: Callable[[str], str]) -> None:
    parent = found.getparent()
    if parent is None or not str(found):
        return
    if found.is_attribute:
        parent.set(str(found.attrname), function(str(found)))
    elif found.is_tail:
        parent.tail = function(str(found))
    else:
        parent.text = function(str(found))


def text_of(found: Element | str) -> str:
    """The text of one find: a string as it is, an element's whole text content."""
    if isinstance(found, str):
        return found
    return "".join(str(part) for part in found.itertext()) if len(found) else found.text or ""


def _as_list(result: object) -> Found:
    if isinstance(result, list):
        return [item for item in result if isinstance(item, (str, etree._Element))]
    if isinstance(result, bool):
        return ["true" if result else "false"]
    if isinstance(result, float):
        return [str(int(result)) if result.is_integer() else repr(result)]
    return [result] if isinstance(result, str) and result else []
