"""The documents of an XML Schema as one index of components, by kind and Clark name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from transformers import ns
from transformers.document import Element
from transformers.errors import DocumentError, TransformerInvalid
from transformers.references import line_of, name_of
from transformers.xml import Limits, local_name, parse

_SOURCE_LIMITS = Limits(bytes=32 * 1024 * 1024)
XS = f"{{{ns.XSD}}}"


@dataclass(frozen=True, slots=True)
class Component:
    """A schema component and the namespace and form defaults of the document that it stands in."""

    node: Element
    namespace: str
    qualified: bool
    attributes_qualified: bool

    def inside(self, node: Element) -> Component:
        """A component further in."""
        return replace(self, node=node)

    @property
    def tag(self) -> str:
        """The Clark name of a global component."""
        return ns.clark(self.namespace, self.node.get("name", ""))


class SchemaIndex:
    """All documents of a schema. Raises TransformerInvalid for what cannot be read or is not there."""

    def __init__(self, main: bytes, known: dict[str, bytes]) -> None:
        self._known = known
        self._index: dict[tuple[str, str], Component] = {}
        self._seen: set[tuple[str, str]] = set()
        self._globals: dict[str, list[str]] = {}
        self._own: list[str] = []
        self._add(main, "", None)
        self._derived = self._by_base(("type",), _base)
        self._members = self._by_base(("element",), lambda node: node.get("substitutionGroup", ""))

    def root(self, name: str) -> Component:
        """The global element of this Clark name or local name; of no name, the only one of the main document."""
        if not name:
            if len(self._own) != 1:
                raise TransformerInvalid("name the root element: the schema has several global elements, or none")
            name = self._own[0]
        fitting = self._globals.get(name, ())
        if len(fitting) != 1:
            raise TransformerInvalid(f"the schema has no single global element {name!r}")
        return self._index["element", fitting[0]]

    def find(self, kind: str, reference: str, place: Component) -> Component | None:
        """The component that a QName in this document means; None for built-in types and missing imports."""
        return self._index.get((kind, self.resolve(reference, place)))

    def resolve(self, reference: str, place: Component) -> str:
        """A QName of this document in Clark notation."""
        prefix, _, name = reference.strip().rpartition(":")
        namespace = ns.XML if prefix == "xml" else place.node.nsmap.get(prefix or None, "") or ""
        # A chameleon include: no default namespace of its own, so names mean the including schema's.
        return ns.clark(namespace or ("" if prefix else place.namespace), name)

    def derived_from(self, tag: str) -> Iterator[Component]:
        """The named types that derive from this one, however far removed."""
        return self._below(self._derived, tag)

    def substitutes_of(self, tag: str) -> Iterator[Component]:
        """The global elements that may stand in the place of this one (its substitution group)."""
        return self._below(self._members, tag)

    def _below(self, table: dict[str, list[Component]], tag: str) -> Iterator[Component]:
        seen = {tag}
        waiting = [tag]
        while waiting:
            for component in table.get(waiting.pop(), ()):
                if component.tag not in seen:
                    seen.add(component.tag)
                    waiting.append(component.tag)
                    yield component

    def _by_base(self, kinds: tuple[str, ...], base: Callable[[Element], str]) -> dict[str, list[Component]]:
        table: dict[str, list[Component]] = {}
        for (kind, _), component in self._index.items():
            name = base(component.node) if kind in kinds else ""
            if name:
                table.setdefault(self.resolve(name, component), []).append(component)
        return table

    def _add(self, data: bytes, name: str, adopted: str | None) -> None:
        try:
            root = parse(data, _SOURCE_LIMITS)
        except DocumentError as error:
            raise TransformerInvalid(f"{name or 'the schema'}: {error}") from error
        if root.tag != f"{XS}schema":
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
                component = Component(node, namespace, qualified, attributes_qualified)
                if self._index.setdefault((kind, component.tag), component) is component and kind == "element":
                    for called in {component.tag, component.node.get("name", "")}:
                        self._globals.setdefault(called, []).append(component.tag)
                    if not name:
                        self._own.append(component.tag)

    def _follow(self, link: Element, kind: str, namespace: str) -> None:
        if kind == "redefine" and any(local_name(part) != "annotation" for part in link):
            raise TransformerInvalid("xs:redefine changes types in place, which is not read", line=line_of(link))
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


def _base(node: Element) -> str:
    """What a named type derives from; empty where it derives from nothing."""
    inner = node.find(f"{XS}complexContent")
    holder = inner if inner is not None else node.find(f"{XS}simpleContent")
    for derivation in holder if holder is not None else node:
        if derivation.tag in (f"{XS}extension", f"{XS}restriction"):
            return derivation.get("base", "")
    return ""
