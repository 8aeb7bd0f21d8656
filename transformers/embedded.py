"""XML inside a string inside XML: what HIPMessageServer and ASMX services of hospitals exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lxml import etree

from transformers.charset import read
from transformers.document import Element
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.held import Holder, Manner
from transformers.xml import DEFAULT_LIMITS, Limits, detached, parse
from transformers.xpath import compile_xpath


def compile_unwrap(
    expression: str, namespaces: Mapping[str, str] | None = None, limits: Limits = DEFAULT_LIMITS
) -> Callable[[Element], Element]:
    """Compile a step that answers the XML held at an XPath: as CDATA, as escaped text, or as a child element.

    An inner prolog may declare any encoding; it is not believed, for the text is decoded already. The inner
    document passes the same hardened parser. Raises TransformerInvalid for a bad XPath; the step raises
    MappingFailed when there is nothing or more than one thing there, else what ``xml.parse`` raises.
    """
    path = compile_xpath(expression, namespaces)

    def unwrap_document(element: Element) -> Element:
        found = path(element)
        if len(found) != 1:
            what = "nothing" if not found else f"{len(found)} nodes"
            raise MappingFailed(f"the XPath {expression!r} finds {what}; exactly one was expected", step="unwrap")
        return _inner(found[0], limits)

    return unwrap_document


def unwrap(element: Element, xpath: str, namespaces: Mapping[str, str] | None = None) -> Element:
    """Answer the XML held at this XPath, once; see ``compile_unwrap``."""
    return compile_unwrap(xpath, namespaces)(element)


def wrap(
    payload: Element,
    root: str,
    into: str,
    children: Mapping[str, str] | None = None,
    *,
    cdata: bool = True,
    qualified: bool = True,
    declaration: bool = False,
) -> Element:
    """Put an XML document as text into the child ``into`` of a new element ``root`` (Clark notation).

    ``children`` are further text children, written before it. ``qualified`` puts all children in the root's
    namespace; ``declaration`` starts the inner text with an XML declaration that names UTF-8's absence of
    concern: no encoding at all. A text that itself holds ``]]>`` is escaped rather than put in CDATA.
    """
    prolog = '<?xml version="1.0"?>' if declaration else ""
    manner = Manner("cdata" if cdata else "escaped", prolog, qualified)
    return Holder((into,), root=root, children=children or {}).around(payload, manner)


def check_root(root: str) -> str:
    """Answer ``root`` if it is a usable element name in Clark notation; raises TransformerInvalid otherwise."""
    try:
        etree.QName(root)
    except ValueError as error:
        raise TransformerInvalid(f"{root!r} is no element name; write {{namespace}}Name") from error
    return root


def _inner(found: Element | str, limits: Limits) -> Element:
    if isinstance(found, etree._Element):
        if len(found) == 1 and not (found.text or "").strip():
            return detached(found[0])
        if len(found):
            raise MappingFailed("the element holds several children; one document was expected", step="unwrap")
        found = found.text or ""
    text = found.strip()
    if not text:
        raise MappingFailed("the element that should hold an XML document is empty", step="unwrap")
    try:
        return parse(read(text.encode("utf-8")).text_utf8, limits)
    except UnicodeEncodeError as error:
        raise MappingFailed("the inner document holds characters that are not text", step="unwrap") from error
