"""The shape that an XML Schema describes: how its documents look as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from transformers import ns
from transformers.document import Element
from transformers.errors import TransformerInvalid
from transformers.shape import WILDCARD, Attribute, Field, Group, Kind, Particle, Place, Shape, Type
from transformers.xml import local_name
from transformers.xsd_documents import XS, Component, SchemaIndex
from transformers.xsd_facets import BUILT_IN, restricted
from transformers.xsd_occurs import Counts, either, occurs, times, together

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
_ANY = "#any"
_ARRAY_TYPE = f"{{{ns.WSDL}}}arrayType"


def shape_from_xsd(main: bytes, includes: Mapping[str, bytes] | None = None, root: str = "") -> Shape:
    """Read the shape of a global element from an XML Schema 1.0 and the documents that it includes or imports.

    ``root`` is a Clark name, or a local name, or empty for the only global element. Everything is read but
    ``xs:redefine`` with changes; ``xs:any`` and anyType take what ``any_json`` says. A type marked with
    ``wsdl:arrayType`` (WSDL 1.1 §2.2) is an array. Raises TransformerInvalid.
    """
    return Shapes(SchemaIndex(main, dict(includes or {}))).of(root)


class Shapes:
    """The shapes of a schema's elements. A type is read once, however many elements reach it."""

    def __init__(self, index: SchemaIndex) -> None:
        self._index = index
        self._builder = _Builder(index)

    def of(self, root: str) -> Shape:
        """The shape of a global element, named as in ``shape_from_xsd``. Raises TransformerInvalid."""
        declaration = self._index.root(root)
        type_, types, derived = self._builder.reached(declaration)
        return Shape(declaration.tag, type_, types, _true(declaration.node, "nillable"), _by_name(derived))


class _Builder:
    """Turns components into types.

    The types of elements wait until the type that holds them is whole, since one of them may extend it; only bases
    are read at once. So recursion ends, and what a type gets from its base is never half of it.
    """

    def __init__(self, index: SchemaIndex) -> None:
        self._index = index
        self._types: dict[str, Type] = {}
        self._waiting: dict[str, Component] = {}
        self._broken: dict[str, TransformerInvalid] = {}
        # What each type needs, in order, and whether only as a type that derives from what an element has.
        self._needs: dict[str, dict[str, bool]] = {}
        self._needed: dict[str, bool] = {}
        self._stand_ins: dict[str, dict[str, bool]] = {}
        self._anonymous: dict[tuple[Element, str], str] = {}

    def reached(self, declaration: Component) -> tuple[str, dict[str, Type], set[str]]:
        """The key of an element's type, every type that it reaches, and those that may stand for others."""
        self._needed = first = dict[str, bool]()
        root = self.type_of(declaration)
        while self._waiting:
            key, node = self._waiting.popitem()
            try:
                self._make(key, node)
            except TransformerInvalid:
                continue  # only who reaches it is told
        types: dict[str, Type] = {}
        derived: set[str] = set()
        left = [first]
        while left:
            needs = left.pop()
            derived.update(key for key, stands_in in needs.items() if stands_in)
            for key in needs:
                if key in self._broken:
                    raise self._broken[key]
                if key not in types:
                    types[key] = self._types[key]
                    left.append(self._needs.get(key, {}))
        return root, types, derived

    def type_of(self, declaration: Component) -> str:
        """The key of the type of an element, with every type that may stand in its place."""
        reference = declaration.node.get("type")
        if reference is not None:
            key = self._named(reference, declaration)
            if key not in self._stand_ins:
                able = self._index.derived_from(key)
                self._stand_ins[key] = {self._later(component.tag, component): True for component in able}
            self._needed.update(self._stand_ins[key])
            return key
        for child in declaration.node:
            if child.tag in (f"{XS}complexType", f"{XS}simpleType"):
                # What is kept here keeps its node alive, and with it the node's identity.
                key = self._anonymous.setdefault((child, declaration.namespace), f"#{len(self._anonymous) + 1}")
                return self._later(key, declaration.inside(child))
        head = declaration.node.get("substitutionGroup")
        owner = self._index.find("element", head, declaration) if head else None
        return self.type_of(owner) if owner is not None else self.any()

    def any(self) -> str:
        """The key of the type that takes anything."""
        self._types.setdefault(_ANY, Type(open=True))
        return self._need(_ANY)

    def _named(self, reference: str, declaration: Component) -> str:
        """The key of a type by its QName."""
        tag = self._index.resolve(reference, declaration)
        namespace, name = ns.split(tag)
        if tag in self._types:
            return self._need(tag)
        if namespace == ns.XSD:
            plain = Type(kind=_KINDS.get(name, "string"), facets=BUILT_IN.get(name, {}))
            self._types[tag] = Type(open=True) if name == "anyType" else plain
            return self._need(tag)
        node = self._index.find("type", reference, declaration)
        if node is None:
            raise TransformerInvalid(f"the schema has no type {reference!r}")
        return self._later(tag, node)

    def _need(self, key: str) -> str:
        self._needed.setdefault(key, False)
        return key

    def _later(self, key: str, node: Component) -> str:
        if key not in self._types and key not in self._broken:
            self._waiting.setdefault(key, node)
        return self._need(key)

    def _known(self, reference: str, declaration: Component) -> Type:
        """A type by its QName, read now."""
        key = self._named(reference, declaration)
        if key in self._waiting:
            self._make(key, self._waiting.pop(key))
        if key in self._broken:
            raise self._broken[key]
        return self._types[key]

    def _make(self, key: str, node: Component) -> None:
        around, self._needed = self._needed, self._needs.setdefault(key, {})
        self._types[key] = Type()  # stands in for a type that is its own base, which no schema may have
        try:
            read = self._simple if node.node.tag == f"{XS}simpleType" else self._complex
            self._types[key] = read(node)
        except TransformerInvalid as error:
            self._broken[key] = error
            raise
        finally:
            self._needed = around

    def _simple(self, node: Component) -> Type:
        restriction = node.node.find(f"{XS}restriction")
        if restriction is None:
            return Type(kind="string")  # a list or a union keeps its text
        base = restriction.get("base")
        inner = restriction.find(f"{XS}simpleType")
        if base is not None:
            known = self._known(base, node)
        else:
            known = self._simple(node.inside(inner)) if inner is not None else Type(kind="string")
        kind = known.kind or "string"
        return Type(kind=kind, facets=restricted(restriction, known.facets, kind))

    def _complex(self, node: Component) -> Type:
        if node.node.get(_ARRAY_TYPE) is not None:
            return self._array(node)
        mixed = _true(node.node, "mixed")
        for content in node.node:
            if content.tag in (f"{XS}simpleContent", f"{XS}complexContent"):
                derivation = next((part for part in content if local_name(part) in ("extension", "restriction")), None)
                if derivation is None:
                    return Type()
                simple = content.tag == f"{XS}simpleContent"
                return self._derived(node.inside(derivation), simple, mixed or _true(content, "mixed"))
        return self._content(node, Type(), _attributes_named(self._attributes(node)), mixed)

    def _array(self, node: Component) -> Type:
        """An array of SOAP's encoding: its one element is the item."""
        fields = self._content(node, Type(), (), False).fields
        return Type(fields=fields[:1], items=bool(fields))

    def _derived(self, node: Component, simple: bool, mixed: bool) -> Type:
        reference = node.node.get("base", "")
        base = self._known(reference, node)
        own = self._attributes(node)
        taken = {attribute.tag for attribute in own}
        attributes = _attributes_named([*(each for each in base.attributes if each.tag not in taken), *own])
        if simple:
            return Type(kind=base.kind or "string", attributes=attributes, facets=base.facets)
        extends = local_name(node.node) == "extension"
        return self._content(node, base if extends else Type(), attributes, mixed or (extends and base.mixed))

    def _content(self, node: Component, base: Type, attributes: tuple[Attribute, ...], mixed: bool) -> Type:
        """The type of a content model: that of ``base`` and what follows it in ``node``."""
        model = _Model(self, base)
        parts, counts = model.parts(node, "sequence")
        fields = model.settled(counts)
        free = model.free or base.content is not None
        before: tuple[Particle, ...] = (Place("#text", None),) if mixed else ()
        inherited = (
            (base.content,) if base.content is not None else tuple(Place(each.name, each.most) for each in base.fields)
        )
        content = Group("sequence", (*before, *inherited, *parts)) if free or mixed else None
        return Type(fields=fields, attributes=attributes, mixed=mixed, open=model.open or base.open, content=content)

    def _attributes(self, node: Component) -> list[Attribute]:
        found: list[Attribute] = []
        for part in node.node:
            kind = local_name(part)
            if kind == "attribute" and part.get("use") != "prohibited":
                found.append(self._attribute(node.inside(part)))
            elif kind == "attributeGroup" and part.get("ref"):
                group = self._index.find("attributeGroup", part.get("ref", ""), node)
                if group is not None:
                    found += self._attributes(group)
        return found

    def _attribute(self, node: Component) -> Attribute:
        reference = node.node.get("ref")
        if reference:
            tag = self._index.resolve(reference, node)
            declaration = self._index.find("attribute", reference, node)
            text = self._attribute_type(declaration) if declaration is not None else Type(kind="string")
            return Attribute(ns.split(tag)[1], tag, text.kind or "string", text.facets)
        name = node.node.get("name", "")
        form = node.node.get("form")
        qualified = form == "qualified" if form else node.attributes_qualified
        text = self._attribute_type(node)
        tag = ns.clark(node.namespace, name) if qualified else name
        fixed = node.node.get("fixed")
        facets = text.facets if fixed is None else {**text.facets, "const": fixed}
        return Attribute(name, tag, text.kind or "string", facets)

    def _attribute_type(self, node: Component) -> Type:
        inner = node.node.find(f"{XS}simpleType")
        if inner is not None:
            return self._simple(node.inside(inner))
        reference = node.node.get("type")
        return self._known(reference, node) if reference else Type(kind="string")


class _Model:
    """One content model while it is read: the fields that it has met, and whether their order is free."""

    def __init__(self, builder: _Builder, base: Type) -> None:
        self._builder = builder
        self._index = builder._index
        self._fields: dict[str, Field] = {field.tag: field for field in base.fields}
        self._base = {field.tag: (field.least, field.most) for field in base.fields}
        self._names = {field.name for field in base.fields}
        self.open = False
        self.free = False

    def parts(self, node: Component, kind: str) -> tuple[tuple[Particle, ...], Counts]:
        """The particles among the children of ``node``, and how often each element comes there."""
        particles: list[Particle] = []
        counts: list[Counts] = []
        for part in node.node:
            read = self._particle(node, part)
            if read is not None:
                particles.append(read[0])
                counts.append(read[1])
        return tuple(particles), either(counts) if kind == "choice" else together(counts)

    def settled(self, counts: Counts) -> tuple[Field, ...]:
        """The fields, each as often as it comes in all."""
        total = together([self._base, counts])
        return tuple(replace(field, least=total[tag][0], most=total[tag][1]) for tag, field in self._fields.items())

    def _particle(self, node: Component, part: Element) -> tuple[Particle, Counts] | None:
        kind, least, most = local_name(part), *occurs(part)
        if kind == "element":
            return self._elements(node.inside(part), least, most)
        if kind == "any":
            self.open = self.free = True
            return Place(WILDCARD, most), {}
        if kind == "group" and part.get("ref"):
            group = self._index.find("group", part.get("ref", ""), node)
            if group is None:
                raise TransformerInvalid(f"the schema has no group {part.get('ref')!r}")
            inner, counts = self.parts(group, "sequence")
            kind = "sequence"
        elif kind in ("sequence", "all", "choice"):
            inner, counts = self.parts(node.inside(part), kind)
        else:
            return None
        self.free = self.free or most != 1 or (kind == "all" and len(inner) > 1)
        return Group("choice" if kind == "choice" else "sequence", inner, most), times(counts, least, most)

    def _elements(self, node: Component, least: int, most: int | None) -> tuple[Particle, Counts]:
        """One element, or those that may stand for the one referred to."""
        reference = node.node.get("ref")
        if not reference:
            return self._one(node, False, least, most)
        declaration = self._index.find("element", reference, node)
        if declaration is None:
            return self._unknown(self._index.resolve(reference, node), least, most)
        able = [
            each
            for each in (declaration, *self._index.substitutes_of(declaration.tag))
            if not _true(each.node, "abstract")
        ]
        if len(able) == 1 or not able:
            return self._one(able[0] if able else declaration, True, least, most)
        read = [self._one(each, True, 0, most) for each in able]
        self.free = self.free or most != 1
        places = tuple(part for part, _ in read)
        return Group("choice", places, None if most != 1 else 1), together([counts for _, counts in read])

    def _one(self, declaration: Component, referred: bool, least: int, most: int | None) -> tuple[Particle, Counts]:
        form = declaration.node.get("form")
        qualified = referred or (form == "qualified" if form else declaration.qualified)
        tag = declaration.tag if qualified else declaration.node.get("name", "")
        if tag in self._fields:
            self.free = True
        else:
            self._add(tag, self._builder.type_of(declaration), _true(declaration.node, "nillable"))
        return Place(self._fields[tag].name, most), {tag: (least, most)}

    def _unknown(self, tag: str, least: int, most: int | None) -> tuple[Particle, Counts]:
        """A reference to what no document declares; .NET refers to ``xs:schema`` that way for a DataSet."""
        if ns.split(tag)[0] != ns.XSD:
            raise TransformerInvalid(f"the schema has no element {ns.split(tag)[1]!r}")
        if tag not in self._fields:
            self._add(tag, self._builder.any(), False)
        return Place(self._fields[tag].name, most), {tag: (least, most)}

    def _add(self, tag: str, type_: str, nillable: bool) -> None:
        name = ns.split(tag)[1]
        name = name if name not in self._names else tag if tag.startswith("{") else f"{{}}{tag}"
        self._names.add(name)
        self._fields[tag] = Field(name, tag, type_, nillable=nillable)


def _attributes_named(attributes: list[Attribute]) -> tuple[Attribute, ...]:
    """Attributes of one local name are told apart by their Clark names."""
    taken: set[str] = set()
    found: list[Attribute] = []
    for each in attributes:
        found.append(each if each.name not in taken else replace(each, name=each.tag))
        taken.add(each.name)
    return tuple(found)


def _by_name(derived: set[str]) -> dict[str, str]:
    """Derived types as JSON names them: by local name where only one has it, else by Clark name."""
    counts = Counter(ns.split(key)[1] for key in derived)
    return {(name if counts[name := ns.split(key)[1]] == 1 else key): key for key in sorted(derived)}


def _true(node: Element, name: str) -> bool:
    return node.get(name, "").strip() in ("true", "1")
