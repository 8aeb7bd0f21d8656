"""The one place where XML bytes become elements and elements become bytes; all XML is taken to be hostile."""

from __future__ import annotations

import copy
import re
import threading
from dataclasses import dataclass
from typing import cast

from lxml import etree

from transformers.charset import wire_name
from transformers.document import Element
from transformers.errors import DocumentTooLarge, MalformedDocument, UnsafeDocument

#: Elements nested deeper than this are refused by libxml2 itself unless it is told to read huge documents.
LIBXML_DEPTH = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a document may be: ``bytes``, element ``depth``, element ``nodes``, ``attributes`` of one element.

    Namespace declarations count as attributes. A depth over 256 is not honoured: libxml2 stops there.
    """

    bytes: int = 4 * 1024 * 1024
    depth: int = LIBXML_DEPTH
    nodes: int = 200_000
    attributes: int = 1_000


DEFAULT_LIMITS = Limits()

# Atomic groups: a prolog made of thousands of comments must not be tried in every combination.
_DOCTYPE_IN_PROLOG = re.compile(rb"\s*(?>(?:(?><\?.*?\?>)|(?><!--.*?-->))\s*)*<!DOCTYPE", re.DOTALL)
_CDATA_OR_COMMENT = re.compile(rb"(?><!\[CDATA\[.*?\]\]>)|(?><!--.*?-->)", re.DOTALL)
_TAG_NAME = re.compile(rb"[^\s=<>\"'/]*")
_ATTRIBUTE = re.compile(rb"\s*+[^\s=<>\"'/]+\s*+=\s*+(?>\"[^\"]*\"|'[^']*')")

# libxml2's own texts quote the document; these do not. Codes: xmlerror.h, xmlParserErrors.
_WORDS = {
    "ERR_DOCUMENT_EMPTY": "there is no element in it",
    "ERR_DOCUMENT_END": "there is content after the root element",
    "ERR_TAG_NAME_MISMATCH": "an end tag does not match its start tag",
    "ERR_TAG_NOT_FINISHED": "the document ends inside an element",
    "ERR_GT_REQUIRED": "a tag is not closed",
    "ERR_LT_IN_ATTRIBUTE": "an attribute value holds '<'",
    "ERR_ATTRIBUTE_NOT_STARTED": "an attribute value is not quoted",
    "ERR_ATTRIBUTE_NOT_FINISHED": "an attribute value is not closed",
    "ERR_ATTRIBUTE_WITHOUT_VALUE": "an attribute has no value",
    "ERR_ATTRIBUTE_REDEFINED": "an attribute is given twice",
    "ERR_INVALID_CHAR": "it holds a character that XML does not allow",
    "ERR_INVALID_CHARREF": "it holds a character reference that XML does not allow",
    "ERR_INVALID_ENCODING": "it holds bytes that are not UTF-8",
    "ERR_UNDECLARED_ENTITY": "it uses an entity that is not declared",
    "ERR_ENTITYREF_NO_NAME": "it holds a bare '&'",
    "ERR_ENTITYREF_SEMICOL_MISSING": "an entity reference has no ';'",
    "ERR_NAME_REQUIRED": "a tag has no name",
    "ERR_CDATA_NOT_FINISHED": "a CDATA section is not closed",
    "ERR_COMMENT_NOT_FINISHED": "a comment is not closed",
    "NS_ERR_UNDEFINED_NAMESPACE": "a namespace prefix is not declared",
    "NS_ERR_ATTRIBUTE_REDEFINED": "an attribute is given twice",
}
_TOO_LARGE = frozenset({"ERR_RESOURCE_LIMIT", "ERR_NAME_TOO_LONG"})


def hardened_parser(*, keep_comments: bool = False) -> etree.XMLParser:
    """Answer a fresh parser: UTF-8 whatever is declared, no DTD, no entities, no network, limits of libxml2 on.

    One per thread at the most: sharing one between threads would serialise them.
    """
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=not keep_comments,
    )


class _Parsers(threading.local):
    """The parser of each thread, made at its first document."""

    def __init__(self) -> None:
        self.own = hardened_parser()


_PARSERS = _Parsers()


def parse(data: bytes, limits: Limits = DEFAULT_LIMITS, *, parser: etree.XMLParser | None = None) -> Element:
    """Parse UTF-8 bytes and answer the root element, without comments and processing instructions.

    The encoding declaration is ignored (``charset.read`` has decoded already), XInclude is left as it stands.
    ``parser`` is for stylesheets and schemas, which bring a resolver; it must come from ``hardened_parser``.
    Raises UnsafeDocument for any document type declaration, DocumentTooLarge, or MalformedDocument with line and
    column; no text of theirs quotes the document.
    """
    if len(data) > limits.bytes:
        raise DocumentTooLarge(f"the document has {len(data)} bytes; at most {limits.bytes} are accepted")
    declares = data.find(b"<!DOCTYPE") >= 0  # ``in`` makes an exception and drops it again, for every document
    if declares and _DOCTYPE_IN_PROLOG.match(data):
        raise UnsafeDocument("the document has a document type declaration (DOCTYPE); remove it")
    if len(data) > limits.attributes and data.count(b"=") > limits.attributes:
        _check_attributes(data, limits)
    crowded = len(data) > limits.nodes and data.count(b"<") > limits.nodes
    if crowded and _tags_outside_cdata(data) > 2 * limits.nodes:
        raise DocumentTooLarge(f"the document has more than {limits.nodes} elements")
    try:
        root = etree.fromstring(data, parser or _PARSERS.own)
    except etree.XMLSyntaxError as error:
        raise _translate(error) from None  # libxml2's text quotes the document, and a traceback would print it
    except ValueError:
        raise MalformedDocument("the document is not XML: it is empty or not text") from None
    if declares and root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeDocument("the document has a document type declaration (DOCTYPE); remove it")
    if crowded and sum(1 for _ in root.iter()) > limits.nodes:
        raise DocumentTooLarge(f"the document has more than {limits.nodes} elements")
    if limits.depth < LIBXML_DEPTH:
        _check_depth(root, limits.depth)
    return root


def serialise(element: Element, charset: str = "utf-8", *, declaration: bool = False) -> bytes:
    """Write an element (without its tail) in this charset, with or without an XML declaration.

    Characters that the charset lacks become character references; CDATA sections that hold such characters
    become escaped text. Namespace declarations of ancestors that are out of sight are written along.
    """
    head = f'<?xml version="1.0" encoding="{wire_name(charset)}"?>\n'.encode("ascii") if declaration else b""
    if charset == "utf-8":
        return head + etree.tostring(element, encoding="utf-8", xml_declaration=False, with_tail=False)
    # XML in UTF-16 needs a byte order mark (XML 1.0 §4.3.3); Python's "utf-16" writes one, its "-le" does not.
    start = (
        head.decode("ascii") if not charset.endswith(("-le", "-be")) or not head else "\ufeff" + head.decode("ascii")
    )
    text = start + etree.tostring(element, encoding="unicode", with_tail=False)
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        if "<![CDATA[" in text:
            # A character reference inside CDATA would be plain text, so the sections have to go.
            plain = etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False), _trusting_parser())
            text = start + etree.tostring(plain, encoding="unicode")
        return text.encode(charset, "xmlcharrefreplace")


def in_place(element: Element) -> bytes:
    """Write an element as a document of its own, in UTF-8, in which its parts keep the lines that they stood on."""
    line = cast("int | None", element.sourceline) or 1
    return b"\n" * (line - 1) + serialise(element)


def detached(element: Element, forget: str = "") -> Element:
    """Copy an element into a document of its own, without its tail, with every namespace that was in scope.

    ``copy.deepcopy`` forgets prefixes that only values use, as in ``xsi:type="q:T"``. A prefix of the namespace
    ``forget`` is left behind where neither a name nor a value uses it.
    """
    if element.getparent() is None:
        copied = copy.deepcopy(element)
        copied.tail = None
        return copied
    data = etree.tostring(element, encoding="utf-8", with_tail=False)
    for prefix, namespace in element.nsmap.items() if forget else ():
        if namespace == forget and prefix and not re.search(rf"(?<![\w.-]){re.escape(prefix)}:".encode(), data):
            data = data.replace(f' xmlns:{prefix}="{namespace}"'.encode(), b"", 1)
    return etree.fromstring(data, _trusting_parser(keep_cdata=True))


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    tag: str = element.tag
    return tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """The element's namespace; empty for none."""
    tag: str = element.tag
    return tag[1:].partition("}")[0] if tag[0] == "{" else ""


def _trusting_parser(*, keep_cdata: bool = False) -> etree.XMLParser:
    """For bytes that this module has just written from a tree: they are as deep and as large as the tree was."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True, strip_cdata=not keep_cdata
    )


def _tags_outside_cdata(data: bytes) -> int:
    return data.count(b"<") - sum(part[0].count(b"<") for part in _CDATA_OR_COMMENT.finditer(data))


def _check_attributes(data: bytes, limits: Limits) -> None:
    """Refuse an element with too many attributes before a tree is built: no value can hold '<', so '<' splits tags."""
    for tag in data.split(b"<"):
        if tag.count(b"=") <= limits.attributes or tag[:1] in (b"!", b"?"):
            continue
        found = _TAG_NAME.match(tag)
        count = -1
        while found is not None:
            count += 1
            if count > limits.attributes:
                raise DocumentTooLarge(f"an element has more than {limits.attributes} attributes")
            found = _ATTRIBUTE.match(tag, found.end())


def _check_depth(root: Element, depth: int) -> None:
    level: list[Element] = [root]
    for _ in range(depth):
        level = [child for element in level for child in element]
        if not level:
            return
    raise DocumentTooLarge(f"elements are nested deeper than {depth}")


def _translate(error: etree.XMLSyntaxError) -> MalformedDocument | DocumentTooLarge | UnsafeDocument:
    name = etree.ErrorTypes._getName(error.code, "") if error.code else ""  # type: ignore[attr-defined]
    line, column = error.position
    if name in _TOO_LARGE:
        return DocumentTooLarge(f"elements are nested too deeply, or one text is too long, at line {line}")
    if name.startswith(("ERR_ENTITY_LOOP", "ERR_ENTITY_BOUNDARY")):
        return UnsafeDocument("the document declares entities; remove them")
    words = _WORDS.get(name, "its syntax is wrong")
    return MalformedDocument(
        f"the document is not well-formed XML: {words} (line {line}, column {column})", line=line, column=column
    )
