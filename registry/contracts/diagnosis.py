"""What is wrong in a contract that its reader could not read: names that lead nowhere, each with its line.

zeep and libxml2 stop at the first fault and tell it in words about themselves. This is asked only then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from registry.conformity import nearest
from registry.contracts.documents import KNOWN, WSDL, join
from registry.errors import Problem
from transformers import ns
from transformers.document import Element
from transformers.xml import local_name

#: So many problems are told; whoever mends these finds the others by the next try.
MOST = 20

_W, _XS = f"{{{WSDL}}}", f"{{{ns.XSD}}}"
_SOAP = tuple(f"{{http://schemas.xmlsoap.org/wsdl/{each}/}}" for each in ("soap", "soap12"))

#: What an attribute of an element names: the kind of component.
_WSDL_NAMES: Mapping[str, Mapping[str, str]] = {
    f"{_W}binding": {"type": "portType"},
    f"{_W}port": {"binding": "binding"},
    f"{_W}part": {"element": "element", "type": "type"},
    **{f"{_W}{each}": {"message": "message"} for each in ("input", "output", "fault")},
    **{f"{soap}{each}": {"message": "message"} for soap in _SOAP for each in ("header", "headerfault")},
}
_SCHEMA_NAMES: Mapping[str, Mapping[str, str]] = {
    f"{_XS}element": {"type": "type", "ref": "element", "substitutionGroup": "element"},
    f"{_XS}attribute": {"type": "type", "ref": "attribute"},
    f"{_XS}restriction": {"base": "type"},
    f"{_XS}extension": {"base": "type"},
    f"{_XS}list": {"itemType": "type"},
    f"{_XS}union": {"memberTypes": "type"},
    f"{_XS}group": {"ref": "group"},
    f"{_XS}attributeGroup": {"ref": "attributeGroup"},
}

#: What a WSDL cannot do without.
_NEEDED = {f"{_W}binding": "type", f"{_W}port": "binding"}

_TYPE_NAMES = (
    "anyType anySimpleType string boolean decimal float double duration dateTime time date gYearMonth gYear gMonthDay "
    "gDay gMonth hexBinary base64Binary anyURI QName NOTATION normalizedString token language NMTOKEN NMTOKENS Name "
    "NCName ID IDREF IDREFS ENTITY ENTITIES integer nonPositiveInteger negativeInteger long int short byte "
    "nonNegativeInteger unsignedLong unsignedInt unsignedShort unsignedByte positiveInteger"
)
_WORD_NAMES = (
    "schema all annotation any anyAttribute appinfo attribute attributeGroup choice complexContent complexType "
    "documentation element enumeration extension field fractionDigits group import include key keyref length list "
    "maxExclusive maxInclusive maxLength minExclusive minInclusive minLength notation pattern redefine restriction "
    "selector sequence simpleContent simpleType totalDigits union unique whiteSpace"
)
_TYPES, _WORDS = frozenset(_TYPE_NAMES.split()), frozenset(_WORD_NAMES.split())
_LINKS = ("import", "include", "redefine")


def diagnose(documents: Mapping[str, Element]) -> tuple[Problem, ...]:
    """The problems found in a contract's documents by name, the first ``MOST`` of them; nothing where none is seen."""
    found = sorted(_Contract(documents).problems())
    more = (Problem(found[MOST].file, found[MOST].line, f"and {len(found) - MOST} more"),) if len(found) > MOST else ()
    return (*found[:MOST], *more)


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema, the document that it stands in, and the namespaces that its components belong to."""

    file: str
    root: Element
    homes: frozenset[str]


class _Contract:
    """The components that some documents declare, by kind and Clark name."""

    def __init__(self, documents: Mapping[str, Element]) -> None:
        self._documents = documents
        self._schemas = list(self._gathered())
        self._known: dict[str, set[str]] = defaultdict(set)
        self._spaces = {home for schema in self._schemas for home in schema.homes}
        for schema in self._schemas:
            for node in schema.root.iterchildren(f"{_XS}*"):
                for home in schema.homes:
                    self._known[_kind(node)].add(ns.clark(home, node.get("name", "")))
        for root in documents.values():
            for node in root.iterchildren(f"{_W}*"):
                self._known[local_name(node)].add(ns.clark(root.get("targetNamespace", ""), node.get("name", "")))

    def problems(self) -> Iterator[Problem]:
        for file, root in self._documents.items():
            if root.tag != f"{_XS}schema":
                yield from self._names_in(file, root, frozenset({root.get("targetNamespace", "")}))
        for schema in self._schemas:
            yield from self._links(schema)
            yield from self._words(schema)
            # A plain name means no namespace, unless the schema has none of its own.
            plain = frozenset[str]() if schema.root.get("targetNamespace") else schema.homes
            yield from self._names_in(schema.file, schema.root, plain)

    def _gathered(self) -> Iterator[_Schema]:
        """Every schema; one without a namespace has that of whoever includes it (XML Schema Part 1 §4.2.1)."""
        every = [(file, schema) for file, root in self._documents.items() for schema in root.iter(f"{_XS}schema")]
        adopted: dict[str, set[str]] = defaultdict(set)
        for file, schema in every:
            for link in schema.iterchildren(f"{_XS}include", f"{_XS}redefine"):
                adopted[join(file, link.get("schemaLocation", ""))].add(schema.get("targetNamespace", ""))
        for file, schema in every:
            own = schema.get("targetNamespace", "")
            yield _Schema(file, schema, frozenset({own} if own else {"", *adopted[file]}))

    def _names_in(self, file: str, root: Element, homes: frozenset[str]) -> Iterator[Problem]:
        kinds = _SCHEMA_NAMES if root.tag == f"{_XS}schema" else _WSDL_NAMES
        for node in root.iter("{*}*"):
            for attribute, kind in kinds.get(str(node.tag), {}).items():
                written = node.get(attribute)
                if written is None and _NEEDED.get(str(node.tag)) == attribute:
                    hint = f'write {attribute}="…", the {kind} that it stands for'
                    yield _problem(file, node, f"{_called(node)} has no {attribute}", hint)
                for name in written.split() if written else ():
                    yield from self._name(file, node, attribute, kind, name, homes)

    def _name(
        self, file: str, node: Element, attribute: str, kind: str, written: str, homes: frozenset[str]
    ) -> Iterator[Problem]:
        prefix, _, local = written.rpartition(":")
        namespace = ns.XML if prefix == "xml" else node.nsmap.get(prefix or None, "")
        told = f'{_called(node)} has {attribute}="{written}", and '
        if prefix and not namespace:
            hint = f'write xmlns:{prefix}="…" on it or around it'
            yield _problem(file, node, f"{told}the prefix {prefix} is declared nowhere around it", hint)
        elif namespace == ns.XSD:
            if kind == "type" and local not in _TYPES:
                yield _problem(file, node, f"{told}XML Schema has no type {local}", nearest(local, _TYPES))
        elif namespace not in KNOWN:
            # zeep takes a plain name for one of the WSDL's own, whatever the default namespace is.
            lenient = not namespace or (not prefix and str(node.tag).startswith(_W))
            spaces = {namespace or "", *(homes if lenient else ())}
            if not any(ns.clark(space, local) in self._known[kind] for space in spaces):
                yield _problem(file, node, f"{told}no {kind} {local} is declared", self._hint(kind, local, namespace))

    def _hint(self, kind: str, local: str, namespace: str) -> str:
        others = [ns.split(tag) for tag in self._known[kind]]
        if elsewhere := sorted(space for space, name in others if name == local and space != namespace):
            return f"one is in {elsewhere[0] or 'no namespace'}, and this means {namespace or 'no namespace'}"
        if kind in ("portType", "binding", "message") or namespace in self._spaces:
            return nearest(local, {name for space, name in others if space == namespace})
        return f"no schema of {namespace or 'no namespace'} came along; import it, or lay it beside"

    def _links(self, schema: _Schema) -> Iterator[Problem]:
        own = schema.root.get("targetNamespace", "")
        begun = False
        for node in schema.root.iterchildren(f"{_XS}*"):
            kind = local_name(node)
            if kind not in _LINKS:
                begun = begun or kind != "annotation"
                continue
            if begun:
                yield _problem(schema.file, node, f"xs:{kind} stands behind other declarations", "move it to the top")
            location = node.get("schemaLocation")
            if kind != "import" and not location:
                yield _problem(schema.file, node, f"xs:{kind} has no schemaLocation", "name the file that it takes in")
            target = self._documents.get(join(schema.file, location)) if location else None
            if target is None or target.tag != f"{_XS}schema":
                continue
            theirs, said = target.get("targetNamespace", ""), node.get("namespace", "")
            if kind == "import" and theirs != said:
                told = f"imports {said or 'no namespace'} from {location}, which declares {theirs or 'none'}"
                yield _problem(schema.file, node, told, "write the namespace that the file declares")
            elif kind == "import" and said == own:
                yield _problem(schema.file, node, f"imports its own namespace from {location}", "write xs:include")
            elif kind != "import" and theirs not in ("", own):
                told = f"takes in {location}, which declares {theirs}, and this is {own or 'none'}"
                yield _problem(schema.file, node, told, "write xs:import")

    def _words(self, schema: _Schema) -> Iterator[Problem]:
        for node in schema.root.iter(f"{_XS}*"):
            word = local_name(node)
            if word in ("documentation", "appinfo"):
                continue
            for behind, text in ((node, node.text), *((child, child.tail) for child in node)):
                if text and text.strip():
                    told = f"{_called(node)} holds the text {text.strip()[:40]!r}, where only elements may stand"
                    yield _problem(schema.file, behind, told, "remove it")
            if word not in _WORDS:
                yield _problem(schema.file, node, f"XML Schema has no element {word}", nearest(word, _WORDS))
            elif word in ("simpleType", "complexType") and node.get("name") and node.getparent() is not schema.root:
                told = f"{_called(node)} stands inside another declaration and has a name"
                yield _problem(schema.file, node, told, "drop the name, or move it to the top of its schema")


def _kind(node: Element) -> str:
    kind = local_name(node)
    return "type" if kind in ("complexType", "simpleType") else kind


def _called(node: Element) -> str:
    """An element as somebody finds it again: what it is, and its name or that of what it stands in."""
    kind, around = local_name(node), node
    while not (name := around.get("name")) and (parent := around.getparent()) is not None:
        around = parent
    if around is node and name:
        return f"the {kind} {name}"
    return f"the {kind} of the {local_name(around)} {name}" if name else f"the {kind}"


def _problem(file: str, node: Element, message: str, hint: str = "") -> Problem:
    return Problem(file, cast("int | None", node.sourceline) or 1, message, hint)
