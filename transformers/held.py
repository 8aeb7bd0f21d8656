"""A document held inside another, as text or as a child: taken out, and put back the way its sender writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lxml import etree

from transformers import json_text, ns
from transformers.charset import read
from transformers.document import Document, Element, is_xml
from transformers.errors import ContractViolation, DocumentError, Violation
from transformers.xml import DEFAULT_LIMITS, Limits, detached, local_name, parse, serialise

#: How a document stands inside another: in a CDATA section, as escaped text, or as a child element.
Style = Literal["cdata", "escaped", "child"]

_PROLOG = re.compile(r"\s*(<\?xml[^>]*\?>\s*)")


@dataclass(frozen=True, slots=True)
class Manner:
    """The way of one sender: ``style``, its XML declaration as written, and whether the holder has a namespace."""

    style: Style = "cdata"
    prolog: str = ""
    qualified: bool = True


@dataclass(frozen=True, slots=True)
class Holder:
    """Where a document is held: the names of the elements on the way from the root, whatever their namespaces.

    ``json`` says that the text is JSON. ``root`` and ``children`` (texts beside the holder, written before it)
    are what a new outer document is made of, for who brings none.
    """

    path: tuple[str, ...]
    json: bool = False
    root: str = ""
    children: Mapping[str, str] = field(default_factory=dict)

    def find(self, outer: Element) -> Element:
        """The element that holds the document. Raises ContractViolation where the way does not lead to exactly one."""
        found = outer
        for number, name in enumerate(self.path):
            below = [child for child in found if isinstance(child.tag, str) and local_name(child) == name]
            if len(below) != 1:
                way = "/".join(self.path[: number + 1])
                raise _violation(way, f"there {'is no' if not below else 'are several'} {name} where one was expected")
            found = below[0]
        return found

    def open(self, outer: Element, *, cdata: bool = False, limits: Limits = DEFAULT_LIMITS) -> tuple[Document, Manner]:
        """The document inside ``outer``, and how it was held there.

        A parsed text no longer tells whether it stood in CDATA: ``cdata`` says whether the bytes had any. A text
        that did is put back into a section, so that the outer document is written again as it came. The inner
        declaration may name any encoding; it is not believed, for the text is decoded already. Raises
        ContractViolation.
        """
        holder = self.find(outer)
        qualified = bool(ns.split(holder.tag)[0]) or holder is outer
        if len(holder):
            if self.json or len(holder) > 1 or (holder.text or "").strip():
                what = "JSON as text" if self.json else "one document"
                raise self._fault(f"holds elements where {what} was expected")
            return detached(holder[0]), Manner("child", "", qualified)
        text = holder.text or ""
        if not text.strip():
            raise self._fault("is empty; a document was expected in it")
        prolog = _PROLOG.match(text)
        document = self._read(text.strip(), limits)
        if cdata and "]]>" not in text:
            holder.text = etree.CDATA(text)
        return document, Manner("cdata" if cdata else "escaped", prolog[1] if prolog else "", qualified)

    def around(self, document: Document, manner: Manner, shell: Element | None = None) -> Element:
        """An outer document with ``document`` in it: a copy of ``shell``, or a new one where there is none."""
        if shell is not None:
            outer = detached(shell)
            put(self.find(outer), document, manner)
            return outer
        namespace, _ = ns.split(self.root)
        outer = etree.Element(self.root, nsmap=_prefixes(namespace, manner.qualified))
        inside = namespace if manner.qualified else ""
        for name, text in self.children.items():
            etree.SubElement(outer, ns.clark(inside, name)).text = text
        holder = outer
        for name in self.path:
            holder = etree.SubElement(holder, ns.clark(inside, name))
        put(holder, document, manner)
        return outer

    def _read(self, text: str, limits: Limits) -> Document:
        try:
            data = text.encode("utf-8")
            return json_text.loads(data, max_bytes=limits.bytes) if self.json else parse(read(data).text_utf8, limits)
        except UnicodeEncodeError as error:
            raise self._fault("holds characters that are not text") from error
        except DocumentError as error:
            raise self._fault(f"holds no usable document: {error}") from error

    def _fault(self, words: str) -> ContractViolation:
        return _violation("/".join(self.path) or ".", f"the element {self.path[-1] if self.path else 'itself'} {words}")


def put(holder: Element, document: Document, manner: Manner) -> None:
    """Make ``document`` all that ``holder`` holds. A text that itself holds ``]]>`` is escaped, not put in CDATA."""
    for child in list(holder):
        holder.remove(child)
    holder.text = None
    if is_xml(document) and manner.style == "child":
        holder.append(_alone(document, holder))  # type: ignore[arg-type]
        return
    if is_xml(document):
        text = manner.prolog + serialise(document).decode("utf-8")  # type: ignore[arg-type]
    else:
        text = json_text.dumps(document).decode("utf-8")  # type: ignore[arg-type]
    holder.text = etree.CDATA(text) if manner.style == "cdata" and "]]>" not in text else text


def _alone(document: Element, holder: Element) -> Element:
    """A copy whose names without a namespace stay so below the holder's default one (Namespaces in XML §6.2)."""
    copied = detached(document)
    if None not in holder.nsmap or None in copied.nsmap:
        return copied
    bare: Any = {None: ""}
    bare.update(copied.nsmap)
    root: Element = etree.Element(
        copied.tag, {str(name): str(text) for name, text in copied.attrib.items()}, nsmap=bare
    )
    root.text = copied.text
    root.extend(list(copied))
    return root


def _prefixes(namespace: str, qualified: bool) -> Any:
    """The root's namespace as default where the children share it, under a prefix where they have none."""
    return {(None if qualified else "m"): namespace} if namespace else None


def _violation(path: str, message: str) -> ContractViolation:
    return ContractViolation(f"the document inside cannot be read: {message}", (Violation(path, message, "inside"),))
