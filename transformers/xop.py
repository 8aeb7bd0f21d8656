"""What a document refers to: XOP includes, swaRef texts and ``cid:`` values of JSON, and what stands in their place.

While a document is with the bus, every reference is a text that is a ``cid:`` URL, as WS-I's swaRef has it: an
element's, an ``href`` attribute's or a JSON string. Only on the wire of an XOP package it is an ``xop:Include``.
"""

from __future__ import annotations

import copy
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lxml import etree

from transformers import ns
from transformers.cid import is_reference, key_of_url, url_of
from transformers.document import Document, Element, Json, is_xml
from transformers.errors import DocumentTooLarge, PackageInvalid

_INCLUDE = ns.clark(ns.XOP, "Include")
_CONTENT_TYPE = ns.clark(ns.XMIME, "contentType")
_DATA_URL = re.compile(r"data:([A-Za-z0-9.+/-]*)(?:;[A-Za-z0-9=._-]+)*;base64,")

#: An XOP processor may only take what is written in this very form (XOP 1.0 §3.1): anything else would come back
#: changed.
_CANONICAL = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class Attachment(NamedTuple):
    """A part that is held whole."""

    content_type: str
    data: bytes


def take_includes(root: Element) -> None:
    """Put a ``cid:`` text in the place of every ``xop:Include`` (XOP 1.0 §3.2).

    Raises PackageInvalid for an Include that is not alone in its element or refers to something else.
    """
    for include in list(root.iter(_INCLUDE)):
        parent = include.getparent()
        if parent is None or len(parent) != 1 or (parent.text or "").strip() or (include.tail or "").strip():
            raise PackageInvalid("an xop:Include does not stand alone in its element")
        url = url_of(key_of_url(include.get("href", "")))
        parent.remove(include)
        parent.text = url


def put_includes(root: Element, keys: frozenset[str]) -> None:
    """Put an ``xop:Include`` in the place of every text that refers to one of these keys."""
    for element in root.iter(etree.Element):
        if not len(element) and is_reference(element.text) and key_of_url(element.text or "") in keys:
            include = etree.Element(_INCLUDE, nsmap={"xop": ns.XOP})
            include.set("href", element.text or "")
            element.text = None
            element.append(include)


def references(document: Document) -> frozenset[str]:
    """The keys of all parts that a document refers to."""
    found: set[str] = set()

    def note(text: str) -> str:
        found.add(key_of_url(text))
        return text

    _each(document, note)
    return frozenset(found)


def blanked(document: Document) -> Document:
    """A copy with every reference left empty, for a check that would take it for the content."""
    copied = copy.deepcopy(document)
    return _each(copied, lambda text: "")


def filled(document: Document, parts: Mapping[str, Attachment], *, urls: bool, limit: int) -> Document:
    """A copy with the content of the parts in place of the references: as base64, or as ``data:`` URLs (RFC 2397).

    Raises PackageInvalid for a reference without a part and a part that nothing refers to, DocumentTooLarge when
    the contents together make more than ``limit`` bytes: one part may be referred to many times.
    """
    size = 0
    used: set[str] = set()

    def fill(text: str) -> str:
        nonlocal size
        key = key_of_url(text)
        if key not in parts:
            raise PackageInvalid("the document refers to a part that is not there")
        used.add(key)
        kind, data = parts[key]
        size += 4 * len(data) // 3
        if size > limit:
            raise DocumentTooLarge(f"the attachments would make the document larger than {limit} bytes")
        encoded = b64encode(data).decode("ascii")
        return f"data:{kind.partition(';')[0]};base64,{encoded}" if urls else encoded

    result = _each(copy.deepcopy(document), fill)
    if used != set(parts):
        raise PackageInvalid("nothing in the document refers to one of the attachments, so it has no place here")
    return result


def extract(elements: Iterable[Element], threshold: int, name: Callable[[], str]) -> dict[str, Attachment]:
    """Take base64 of at least ``threshold`` bytes out of these elements, and leave references under new ``name``s.

    An ``xmime:contentType`` attribute gives the content type. What is not canonical base64 stays where it is.
    """
    found: dict[str, Attachment] = {}
    for element in elements:
        text = element.text or ""
        if len(element) or len(text) * 3 < threshold * 4 or not _CANONICAL.fullmatch(text):
            continue
        kind = element.get(_CONTENT_TYPE, "").strip() or "application/octet-stream"
        _take(element, text, kind, found, name)
    return found


def extract_urls(root: Element, name: Callable[[], str]) -> dict[str, Attachment]:
    """Take the content of all ``data:`` URLs (RFC 2397) that are an element's text, and leave references."""
    found: dict[str, Attachment] = {}
    for element in root.iter(etree.Element):
        text = element.text or ""
        head = _DATA_URL.match(text)
        if head is not None and not len(element):
            _take(element, text[head.end() :], head[1] or "text/plain", found, name)
    return found


def _take(element: Element, text: str, kind: str, found: dict[str, Attachment], name: Callable[[], str]) -> None:
    try:
        data = b64decode(text, validate=True)
    except NotBase64:
        return
    key = name()
    found[key] = Attachment(kind if kind.isascii() and kind.isprintable() else "application/octet-stream", data)
    element.text = url_of(key)


def _each(document: Document, change: Callable[[str], str]) -> Document:
    """Put what ``change`` answers in the place of every reference of the document itself."""
    if not is_xml(document):
        return _json(document, change)  # type: ignore[arg-type]
    for element in document.iter(etree.Element):  # type: ignore[union-attr]
        text = element.text
        if not len(element) and is_reference(text):
            element.text = change(text)  # type: ignore[arg-type]
        href = element.get("href")
        if href is not None and is_reference(href):
            element.set("href", change(href))
    return document


def _json(value: Json, change: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return change(value) if is_reference(value) else value
    if isinstance(value, list):
        return [_json(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _json(item, change) for name, item in value.items()}
    return value
