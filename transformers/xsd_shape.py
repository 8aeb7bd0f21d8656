"""The shape that an XML Schema describes: how its documents look as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from transformers import ns
from transformers.document import Element
from transformers.errors import DocumentError, TransformerInvalid
from transformers.references import name_of
from transformers.shape import Attribute, Field, Kind, Shape, Type
from transformers.xml import Limits, local_name, parse

_SOURCE_LIMITS = Limits(bytes=32 * 1024 * 1024)
_XS = f"{{{ns.XSD}}}"
_INTEGERS = (
    "integer int long short byte nonNegativeInteger positiveInteger nonPositiveInteger negativeInteger "
    "unsignedInt unsignedLong unsignedShort unsignedByte"
)
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_INTEGERS.split(), "integer"),
    "decimal": "decimal",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
}


def shape_from_xsd(main: bytes, includes: Mapping[str, bytes] | None = None, root: str = "") -> Shape:
    """Read the shape of a global element from an XML Schema 1.0 and the documents that it includes or imports.

    ``root`` is a Clark name, or a local name, or empty for the only global element. Sequence, choice, all, groups,
    references, extension, restriction, simple content and attributes are read; wildcards and mixed content are
    carried over by the convention of ``simple_json``. Raises TransformerInvalid.
    """
    schemas = _Schemas(main, dict(includes or {}))
    declaration = schemas.root(root)
    builder = _Builder(schemas)
    tag, type_ = builder.global_element(declaration)
    return Shape(tag, type_, builder.types, nillable=_true(declaration.node, "nillable"))


@dataclass(frozen=True, slots=True)
class _Node:
    """A schema component and the namespace and form defaults of the document that it stands in."""

    node: Element
    namespace: str
    qualified: bool
    attributes_qualified: bool

    def inside(self, node: Element) -> _Node:
        return replace(self, node=node)


class _Schemas:
    """All documents of a schema, indexed by kind and Clark name."""

    def __init__(self, main: bytes, known: dict[str, bytes]) -> None:
        self._known = known
        self._index: dict[tuple[str, str], _Node] = {}
        self._seen: set[tuple[str, str]] = set()
        self.globals: list[str] = []
        self._own: list[str] = []
        self._add(main, "", None)

    def root(self, name: str) -> _Node:
        if not name:
            if len(self._own) != 1:
                raise TransformerInvalid("name the root element: the schema has several global elements, or none")
            name = self._own[0]
        fitting = [tag for tag in self.globals if name in (tag, ns.split(tag)[1])]
        if len(fitting) != 1:
            raise TransformerInvalid(f"the schema has no single global element {name!r}")
        return self._index["element", fitting[0]]

    def find(self, kind: str, reference: str, node: _Node) -> _Node | None:
        """The component that a QName in this document means; None for built-in types and missing imports."""
        return self._index.get((kind, self.resolve(reference, node)))

    def resolve(self, reference: str, node: _Node) -> str:
        """A QName of this document in Clark notation."""
        prefix, _, name = reference.strip().rpartition(":")
        namespace = node.node.nsmap.get(prefix or None, "") or ""
        # A chameleon include: no default namespace of its own, so names mean the including schema's.
        return ns.clark(namespace or ("" if prefix else node.namespace), name)

    def _add(self, data: bytes, name: str, adopted: str | None) -> None:
        try:
            root = parse(data, _SOURCE_LIMITS)
        except DocumentError as error:
            raise TransformerInvalid(f"{name or 'the schema'}: {error}") from error
        if root.tag != f"{_XS}schema":
            raise TransformerInvalid(f"{name or 'the schema'}: the root element is not xs:schema")
        namespace = root.get("targetNamespace") or adopted or ""
        qualified = root.get("elementFormDefault") == "qualified"
        attributes_qualified = root.get("attributeFormDefault") == "qualified"
        for node in root:
            kind = local_name(node)
            if kind in ("include", "import", "redefine"):
                self._follow(node, kind, namespace)
            elif node.get("name"):
                kind = "type" if kind in ("complexType", "simpleType") else kind
                tag = ns.clark(namespace, node.get("name", ""))
                self._index.setdefault((kind, tag), _Node(node, namespace, qualified, attributes_qualified))
                if kind == "element":
                    self.globals.append(tag)
                    if not name:
                        self._own.append(tag)

    def _follow(self, link: Element, kind: str, namespace: str) -> None:
        location = link.get("schemaLocation")
        target = name_of(location, self._known) if location is not None else self._owner(link.get("namespace", ""))
        if target is None:
            if location is None:
                return
            raise TransformerInvalid(f"{kind} of {location!r}: not among the schema's own files")
        adopted = None if kind == "import" else namespace
        if (target, adopted or "") not in self._seen:
            self._seen.add((target, adopted or ""))
            self._add(self._known[target], target, adopted)

    def _owner(self, namespace: str) -> str | None:
        for name, data in self._known.items():
            if f'"{namespace}"'.encode() in data and parse(data, _SOURCE_LIMITS).get("targetNamespace") == namespace:
                return name
        return None


@dataclass(frozen=True, slots=True)
class _Occurs:
    """How often the particles around this one let it come."""

    least: int = 1
    most: int | None = 1
    round: int = 0

    def of(self, node: Element, *, optional: bool = False) -> _Occurs:
        least = int(node.get("minOccurs", "1"))
        text = node.get("maxOccurs", "1")
        most = None if text == "unbounded" else int(text)
        both = None if self.most is None or most is None else self.most * most
        return _Occurs(0 if optional else self.least * least, both, self.round)


class _Builder:
    """Turns components into types; named types once, so that recursion ends."""

    def __init__(self, schemas: _Schemas) -> None:
        self._schemas = schemas
        self.types: dict[str, Type] = {}
        self._anonymous = 0
        self._rounds = 0

    def global_element(self, declaration: _Node) -> tuple[str, str]:
        """The Clark name and the type's name of a global element."""
        return ns.clark(declaration.namespace, declaration.node.get("name", "")), self._type_of(declaration)

    def _type_of(self, declaration: _Node) -> str:
        reference = declaration.node.get("type")
        if reference is not None:
            return self._named(reference, declaration)
        for child in declaration.node:
            if child.tag in (f"{_XS}complexType", f"{_XS}simpleType"):
                self._anonymous += 1
                return self._make(f"#{self._anonymous}", declaration.inside(child))
        head = declaration.node.get("substitutionGroup")
        owner = self._schemas.find("element", head, declaration) if head else None
        return self._type_of(owner) if owner is not None else self._any()

    def _named(self, reference: str, declaration: _Node) -> str:
        tag = self._schemas.resolve(reference, declaration)
        if tag in self.types:
            return tag
        if tag.startswith(_XS):
            name = tag.removeprefix(_XS)
            self.types[tag] = Type() if name == "anyType" else Type(kind=_KINDS.get(name, "string"))
            return tag
        node = self._schemas.find("type", reference, declaration)
        if node is None:
            raise TransformerInvalid(f"the schema has no type {reference!r}")
        return self._make(tag, node)

    def _any(self) -> str:
        self.types.setdefault("#any", Type())
        return "#any"

    def _make(self, key: str, node: _Node) -> str:
        if key in self.types:
            return key
        self.types[key] = Type()  # stands in while a recursive type is being read
        if node.node.tag == f"{_XS}simpleType":
            self.types[key] = Type(kind=self._kind(node))
        else:
            self.types[key] = self._complex(node)
        return key

    def _kind(self, node: _Node) -> Kind:
        restriction = node.node.find(f"{_XS}restriction")
        if restriction is None:
            return "string"  # a list or a union keeps its text
        base = restriction.get("base")
        inner = restriction.find(f"{_XS}simpleType")
        if base is None:
            return self._kind(node.inside(inner)) if inner is not None else "string"
        return self.types[self._named(base, node)].kind or "string"

    def _complex(self, node: _Node) -> Type:
        mixed = _true(node.node, "mixed")
        for content in node.node:
            if content.tag in (f"{_XS}simpleContent", f"{_XS}complexContent"):
                derivation = next((part for part in content if local_name(part) in ("extension", "restriction")), None)
                if derivation is None:
                    return Type()
                simple = content.tag == f"{_XS}simpleContent"
                return self._derived(node.inside(derivation), simple, mixed or _true(content, "mixed"))
        fields = tuple(self._fields(node, _Occurs()))
        return Type(fields=_merged(fields), attributes=tuple(self._attributes(node)), mixed=mixed)

    def _derived(self, node: _Node, simple: bool, mixed: bool) -> Type:
        base = self.types[self._named(node.node.get("base", ""), node)]
        own = tuple(self._attributes(node))
        taken = {attribute.tag for attribute in own}
        attributes = (*(attribute for attribute in base.attributes if attribute.tag not in taken), *own)
        if simple:
            return Type(kind=base.kind or "string", attributes=attributes)
        fields = tuple(self._fields(node, _Occurs()))
        if local_name(node.node) == "extension":
            fields = (*base.fields, *fields)
        return Type(fields=_merged(fields), attributes=attributes, mixed=mixed or base.mixed)

    def _fields(self, node: _Node, occurs: _Occurs) -> Iterator[Field]:
        for part in node.node:
            kind = local_name(part)
            if kind == "element":
                yield self._element(node.inside(part), occurs.of(part))
            elif kind in ("sequence", "all"):
                inner = occurs.of(part)
                repeated = kind == "sequence" and (inner.most is None or inner.most > 1) and not inner.round
                if repeated:
                    self._rounds += 1
                    inner = replace(inner, round=self._rounds)
                yield from self._fields(node.inside(part), inner)
            elif kind == "choice":
                yield from self._fields(node.inside(part), replace(occurs.of(part), least=0))
            elif kind == "group" and part.get("ref"):
                group = self._schemas.find("group", part.get("ref", ""), node)
                if group is None:
                    raise TransformerInvalid(f"the schema has no group {part.get('ref')!r}")
                yield from self._fields(group, occurs.of(part))

    def _element(self, node: _Node, occurs: _Occurs) -> Field:
        reference = node.node.get("ref")
        declaration = self._schemas.find("element", reference, node) if reference else node
        if declaration is None:
            raise TransformerInvalid(f"the schema has no element {reference!r}")
        name = declaration.node.get("name", "")
        form = declaration.node.get("form")
        qualified = reference is not None or (form == "qualified" if form else node.qualified)
        return Field(
            name=name,
            tag=ns.clark(declaration.namespace, name) if qualified else name,
            type=self._type_of(declaration),
            least=occurs.least,
            most=occurs.most,
            nillable=_true(declaration.node, "nillable"),
            round=occurs.round,
        )

    def _attributes(self, node: _Node) -> Iterator[Attribute]:
        for part in node.node:
            kind = local_name(part)
            if kind == "attribute" and part.get("use") != "prohibited":
                yield self._attribute(node.inside(part))
            elif kind == "attributeGroup" and part.get("ref"):
                group = self._schemas.find("attributeGroup", part.get("ref", ""), node)
                if group is not None:
                    yield from self._attributes(group)

    def _attribute(self, node: _Node) -> Attribute:
        reference = node.node.get("ref")
        if reference:
            tag = self._schemas.resolve(reference, node)
            declaration = self._schemas.find("attribute", reference, node)
            kind = self._attribute_kind(declaration) if declaration is not None else "string"
            return Attribute(ns.split(tag)[1], tag, kind)
        name = node.node.get("name", "")
        form = node.node.get("form")
        qualified = form == "qualified" if form else node.attributes_qualified
        return Attribute(name, ns.clark(node.namespace, name) if qualified else name, self._attribute_kind(node))

    def _attribute_kind(self, node: _Node) -> Kind:
        inner = node.node.find(f"{_XS}simpleType")
        if inner is not None:
            return self._kind(node.inside(inner))
        reference = node.node.get("type")
        return (self.types[self._named(reference, node)].kind or "string") if reference else "string"


def _merged(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Fields of one name in several places of a content model become one array in the first place."""
    found: dict[str, Field] = {}
    for field in fields:
        earlier = found.get(field.tag)
        found[field.tag] = field if earlier is None else replace(earlier, most=None, least=0)
    return tuple(found.values())


def _true(node: Element, name: str) -> bool:
    return node.get(name, "").strip() in ("true", "1")
