"""XSLT 1.0 stylesheets from the registry: no file, no network, no writing, at compile time and at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Document, Element
from transformers.errors import DocumentError, MalformedDocument, MappingFailed, TransformerInvalid
from transformers.json_text import loads
from transformers.references import Blocked, last_words, line_of, lookup
from transformers.xml import Limits, detached, hardened_parser, parse

_NOTHING: Any = etree.XSLTAccessControl.DENY_ALL  # type: ignore[attr-defined]
_SOURCE_LIMITS = Limits(bytes=16 * 1024 * 1024)


class Stylesheet:
    """A compiled stylesheet; may be shared between threads.

    ``yields_json`` tells whether its output method is ``text``, whose result is read as JSON.
    """

    __slots__ = ("_strips", "_transform", "name", "yields_json")

    def __init__(self, transform: etree.XSLT, *, yields_json: bool, strips: bool, name: str) -> None:
        self._transform = transform
        self._strips = strips
        self.yields_json = yields_json
        self.name = name

    def apply(self, element: Element, params: Mapping[str, str] | None = None) -> Document:
        """Transform an element; ``params`` are passed as strings, never as XPath.

        Raises MappingFailed. Its text is ours alone: the processor's error log is shared between threads and may
        hold what another message's document says.
        """
        given: dict[str, Any] = {key: etree.XSLT.strparam(value) for key, value in (params or {}).items()}
        # xsl:strip-space takes blanks out of the very document that goes in.
        source = detached(element) if self._strips else element
        try:
            result = self._transform(source, **given)
        except (etree.LxmlError, ValueError, RecursionError):
            raise MappingFailed(
                f"the stylesheet {self.name} refused this document (an error, or xsl:message terminate='yes')",
                step=self.name,
            ) from None
        return self._read_json(result) if self.yields_json else self._root(result)

    def _root(self, result: Any) -> Element:
        root: Element | None = result.getroot()
        if root is None:
            raise MappingFailed(f"the stylesheet {self.name} made no element; check its match patterns", step=self.name)
        return root

    def _read_json(self, result: Any) -> Document:
        try:
            return loads(bytes(result))
        except DocumentError as error:
            raise MappingFailed(
                f"the stylesheet {self.name} has output method text, so it must make JSON: {error}", step=self.name
            ) from error


def compile_stylesheet(
    source: bytes, *, includes: Mapping[str, bytes] | None = None, name: str = "stylesheet"
) -> Stylesheet:
    """Compile a stylesheet; ``includes`` holds all that xsl:include and xsl:import may name, by file name.

    ``name`` stands in error texts. Raises TransformerInvalid with the line.
    """
    known = dict(includes or {})
    parser = hardened_parser()
    parser.resolvers.add(Blocked(known))
    root = _read(source, parser, name)
    sheets = [root]
    _check_references(root, known, sheets, name)
    try:
        transform = etree.XSLT(root, access_control=_NOTHING)
    except etree.XSLTParseError as error:
        line, said = last_words(error)
        raise TransformerInvalid(f"{name}: the stylesheet does not compile: {said}", line=line) from error
    return Stylesheet(transform, yields_json=_is_text(sheets), strips=_strips(sheets), name=name)


def _read(source: bytes, parser: etree.XMLParser | None, name: str) -> Element:
    try:
        root = parse(source, _SOURCE_LIMITS, parser=parser)
    except MalformedDocument as error:
        raise TransformerInvalid(f"{name}: {error}", line=error.line) from error
    except DocumentError as error:
        raise TransformerInvalid(f"{name}: {error}") from error
    if root.tag not in (f"{{{ns.XSLT}}}stylesheet", f"{{{ns.XSLT}}}transform"):
        raise TransformerInvalid(f"{name}: the root element is not xsl:stylesheet", line=1)
    return root


def _check_references(root: Element, known: Mapping[str, bytes], seen: list[Element], name: str) -> None:
    for link in root.iterchildren(f"{{{ns.XSLT}}}include", f"{{{ns.XSLT}}}import"):
        href = link.get("href", "")
        data = lookup(href, known)
        if data is None:
            raise TransformerInvalid(f"{name}: {href!r} is not among the stylesheet's own files", line=line_of(link))
        if len(seen) > 64:
            raise TransformerInvalid(f"{name}: stylesheets include one another without end", line=line_of(link))
        included = _read(data, None, href)
        seen.append(included)
        _check_references(included, known, seen, href)


def _is_text(sheets: list[Element]) -> bool:
    return any(
        output.get("method") == "text" for sheet in sheets for output in sheet.iterchildren(f"{{{ns.XSLT}}}output")
    )


def _strips(sheets: list[Element]) -> bool:
    return any(sheet.find(f"{{{ns.XSLT}}}strip-space") is not None for sheet in sheets)
