"""Elements that stand beside a document, each with a schema of its own: SOAP header blocks and details of faults.

In JSON they are the members of one object, named like the elements: by local name where the contract declares the
element, else by Clark name. A block's ``mustUnderstand`` and ``role`` (``actor`` in SOAP 1.1) are
``@soap:mustUnderstand`` and ``@soap:role``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

from transformers import ns
from transformers.any_json import absolute, any_to_json, any_to_xml, fill
from transformers.document import Element, Json
from transformers.errors import ContractViolation, Violation
from transformers.json_to_xml import unheld
from transformers.lexical import NotOfItsKind, text_of
from transformers.shape import Shape
from transformers.xml import detached
from transformers.xml_json import Codec

#: The member of a JSON document that holds its header blocks.
HEADER = "#header"

_MUST = "@soap:mustUnderstand"
_ROLE = "@soap:role"


class Blocks:
    """The declared elements of one place. Thread-safe."""

    def __init__(self, shapes: Iterable[Shape]) -> None:
        given = {shape.tag: shape for shape in shapes}
        known = {tag: Codec(shape) for tag, shape in given.items()}
        locals_ = [ns.split(tag)[1] for tag in known]
        self._names = {tag: name if locals_.count(name := ns.split(tag)[1]) == 1 else tag for tag in known}
        self._tags = {name: tag for tag, name in self._names.items()}
        self._codecs: Mapping[str, Codec] = known
        self.shapes: Mapping[str, Shape] = {self._names[tag]: shape for tag, shape in given.items()}

    @property
    def tags(self) -> frozenset[str]:
        """The Clark names of the declared elements."""
        return frozenset(self._codecs)

    def declared(self, blocks: Iterable[Element]) -> tuple[Element, ...]:
        """Those of these elements that are declared."""
        return tuple(block for block in blocks if block.tag in self._codecs)

    def names(self, value: Mapping[str, Json]) -> dict[str, Json]:
        """Those members of an object that are named like a declared element."""
        return {name: item for name, item in value.items() if name in self._tags}

    def to_json(self, blocks: Iterable[Element]) -> dict[str, Json]:
        """These elements as one object; one that breaks its schema is carried as if it had none."""
        value: dict[str, Json] = {}
        for block in blocks:
            fill(value, self._names.get(block.tag, block.tag), self._one(block))
        return value

    def to_xml(self, value: Json, envelope: str) -> tuple[Element, ...]:
        """The members of an object as elements for an envelope of this namespace. Raises ContractViolation."""
        if not isinstance(value, dict):
            raise ContractViolation(f"{HEADER} must be an object", (Violation(f"/{HEADER}", "must be an object"),))
        return tuple(
            self._element(name, one, envelope)
            for name, item in value.items()
            for one in (item if isinstance(item, list) else [item])
        )

    def _one(self, block: Element) -> Json:
        codec = self._codecs.get(block.tag)
        try:
            content = codec.to_json(block) if codec is not None else any_to_json(block)
        except ContractViolation:
            content = any_to_json(block)
        return _with_marks(block, content)

    def _element(self, name: str, value: Json, envelope: str) -> Element:
        marks = {key: value[key] for key in (_MUST, _ROLE) if key in value} if isinstance(value, dict) else {}
        rest = {key: item for key, item in value.items() if key not in marks} if isinstance(value, dict) else value
        if marks and isinstance(rest, dict) and set(rest) <= {"#text"}:
            rest = rest.get("#text", "")
        tag = self._tags.get(name, "")
        if tag:
            element = self._codecs[tag].to_xml(rest)
        else:
            try:
                element = detached(any_to_xml(etree.Element("holder"), absolute(name, ""), rest))
            except NotOfItsKind as error:
                raise _unwritten(name, error) from None
        if marks.get(_MUST) is True:
            element.set(f"{{{envelope}}}mustUnderstand", "1" if envelope == ns.SOAP11 else "true")
        role = marks.get(_ROLE)
        if isinstance(role, str):
            old, new = ns.SOAP11_ACTOR_NEXT, ns.SOAP12_ROLE_NEXT
            spelt = (old if envelope == ns.SOAP11 else new) if role in (old, new, "next") else role
            try:
                element.set(f"{{{envelope}}}{'actor' if envelope == ns.SOAP11 else 'role'}", text_of(spelt, "string"))
            except NotOfItsKind as error:
                raise _unwritten(f"{name}/{_ROLE}", error) from None
        return element


def _unwritten(name: str, error: NotOfItsKind) -> ContractViolation:
    message, rule = unheld(error)
    return ContractViolation("a header block cannot be written", (Violation(f"/{HEADER}/{name}", message, rule),))


def _with_marks(block: Element, content: Json) -> Json:
    marks: dict[str, Json] = {}
    for envelope, role in ((ns.SOAP11, "actor"), (ns.SOAP12, "role")):
        if block.get(f"{{{envelope}}}mustUnderstand", "").strip() in ("1", "true"):
            marks[_MUST] = True
        named = block.get(f"{{{envelope}}}{role}")
        if named:
            marks[_ROLE] = "next" if named in (ns.SOAP11_ACTOR_NEXT, ns.SOAP12_ROLE_NEXT) else named
    if not marks:
        return content
    return {**marks, **content} if isinstance(content, dict) else {**marks, "#text": content}
