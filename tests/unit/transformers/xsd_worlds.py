"""Random XML Schemas with random documents that they allow: every construct that a contract may hold."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from transformers import ns
from transformers.any_json import type_name

XSI = "http://www.w3.org/2001/XMLSchema-instance"
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\x85"), max_size=5)

#: Text between elements that no schema describes. White space alone is not kept there.
BETWEEN = WORDS.map(lambda text: text.replace("\r", "")).filter(lambda text: text.strip())

#: Built-in types and texts of theirs, each in the form in which it is written back.
BUILT_IN: dict[str, st.SearchStrategy[str]] = {
    "string": WORDS.map(lambda text: text.replace("\r", "")),
    "int": st.integers(-(2**31), 2**31 - 1).map(str),
    "integer": st.integers(-(10**30), 10**30).map(str),
    "decimal": st.sampled_from(["5.60", "0.10", "-0", "00012.500", "123456789012345678901234567890.5"]),
    "double": st.sampled_from(["1.5", "-3", "0.1", "INF", "NaN", "0.12345678901234567890"]),
    "boolean": st.sampled_from(["true", "false"]),
    "dateTime": st.sampled_from(["2026-11-24T08:00:00", "2026-11-24T08:00:00Z", "2026-11-24T08:00:00.120+08:00"]),
    "base64Binary": st.binary(max_size=6).map(lambda data: b64encode(data).decode()),
}


def canonical(element: Any) -> tuple[object, ...]:
    """What an element says, whatever its prefixes: Canonical XML with expanded names, also in ``xsi:type``."""
    attributes = {
        str(name): type_name(element, text) if name == ns.XSI_TYPE else text for name, text in element.attrib.items()
    }
    return (
        element.tag, sorted(attributes.items()), element.text or "",
        [(canonical(child), child.tail or "") for child in element],
    )  # fmt: skip


@dataclass
class World:
    """A schema while it is made up, and how to make up a document of it."""

    draw: st.DrawFn
    declarations: list[str] = field(default_factory=list)
    number: int = 0

    def name(self, start: str = "e") -> str:
        self.number += 1
        return f"{start}{self.number}"


@dataclass
class Made:
    """A piece of schema, and a function that makes up a piece of document."""

    schema: str
    document: Any


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, Any]:
    """A schema whose root element is ``root``, and a function that makes up one document."""
    world = World(draw)
    qualified = draw(st.booleans())
    content = _complex(world, 2)
    form = "qualified" if qualified else "unqualified"
    head = (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t"'
        f' elementFormDefault="{form}">'
    )
    schema = f'{head}<xs:element name="root">{content.schema}</xs:element>{"".join(world.declarations)}</xs:schema>'
    prefix = "t:" if qualified else ""

    def document() -> str:
        attributes, inside = content.document(prefix)
        return f'<t:root xmlns:t="urn:t" xmlns:xsi="{XSI}" xmlns:xs="http://www.w3.org/2001/XMLSchema"{attributes}>{inside}</t:root>'

    return schema, document


def _complex(world: World, depth: int, name: str = "") -> Made:
    """A complex type; its document is a pair of attributes and content."""
    draw = world.draw
    attributes = [(world.name("a"), draw(st.sampled_from(sorted(BUILT_IN)))) for _ in range(draw(st.integers(0, 2)))]
    declared = "".join(f'<xs:attribute name="{each}" type="xs:{kind}"/>' for each, kind in attributes)
    called = f' name="{name}"' if name else ""
    shape = draw(st.sampled_from(["group", "group", "group", "all", "simple", "mixed"]))

    def given() -> str:
        return "".join(f" {each}={quoteattr(draw(BUILT_IN[kind]))}" for each, kind in attributes if draw(st.booleans()))

    if shape == "simple" and attributes:
        kind = draw(st.sampled_from(sorted(BUILT_IN)))
        schema = (
            f'<xs:complexType{called}><xs:simpleContent><xs:extension base="xs:{kind}">{declared}</xs:extension>'
            "</xs:simpleContent></xs:complexType>"
        )
        return Made(schema, lambda prefix: (given(), escape(draw(BUILT_IN[kind]))))
    if shape == "all":
        parts = [_element(world, depth - 1, most=1) for _ in range(draw(st.integers(1, 3)))]
        inside = "".join(part.schema for part in parts)
        schema = f"<xs:complexType{called}><xs:all>{inside}</xs:all>{declared}</xs:complexType>"
        return Made(
            schema, lambda prefix: (given(), "".join(part.document(prefix) for part in draw(st.permutations(parts))))
        )
    group = _group(world, depth, open_end=True)
    mixed = shape == "mixed"
    flag = ' mixed="true"' if mixed else ""
    schema = f"<xs:complexType{called}{flag}><xs:sequence>{group.schema}</xs:sequence>{declared}</xs:complexType>"

    def document(prefix: str) -> tuple[str, str]:
        pieces = group.document(prefix)
        if mixed:
            texts = [escape(draw(BUILT_IN["string"])) if draw(st.booleans()) else "" for _ in range(len(pieces) + 1)]
            return given(), texts[0] + "".join(piece + text for piece, text in zip(pieces, texts[1:], strict=True))
        return given(), "".join(pieces)

    return Made(schema, document)


def _group(world: World, depth: int, *, open_end: bool = False) -> Made:
    """A sequence or a choice, repeated or not; its document is a list of elements.

    Only an outermost one may end in a wildcard: two of them side by side would make the schema ambiguous.
    """
    draw = world.draw
    kind = draw(st.sampled_from(["sequence", "sequence", "choice"]))
    least, most = draw(st.sampled_from([(1, 1), (1, 1), (0, 1), (0, 3), (1, None)]))
    parts: list[Made] = []
    for _ in range(draw(st.integers(1, 3))):
        if depth > 0 and draw(st.integers(0, 4)) == 0:
            parts.append(_group(world, depth - 1))
        else:
            single = _element(world, depth - 1)
            parts.append(Made(single.schema, lambda prefix, single=single: single.document(prefix, as_list=True)))
    if open_end and kind == "sequence" and most == 1 and draw(st.integers(0, 3)) == 0:
        parts.append(_wildcard(draw))
    bound = "unbounded" if most is None else most
    schema = f'<xs:{kind} minOccurs="{least}" maxOccurs="{bound}">{"".join(part.schema for part in parts)}</xs:{kind}>'

    def document(prefix: str) -> list[str]:
        found: list[str] = []
        for _ in range(draw(st.integers(least, most or 3))):
            chosen = parts if kind == "sequence" else [draw(st.sampled_from(parts))]
            for part in chosen:
                found += part.document(prefix)
        return found

    return Made(schema, document)


def _element(world: World, depth: int, most: int | None = 0) -> Made:
    """One element: built-in, complex, polymorphic, or a substitution group; optional, repeated, nillable."""
    draw = world.draw
    name = world.name()
    least, most = (draw(st.integers(0, 1)), 1) if most else draw(st.sampled_from([(1, 1), (0, 1), (0, 3), (2, None)]))
    bound = "unbounded" if most is None else most
    occurs = f' minOccurs="{least}" maxOccurs="{bound}"'
    nillable = draw(st.booleans())
    kind = draw(
        st.sampled_from(["simple", "simple", "complex", "derived", "substitution"] if depth > 0 else ["simple"])
    )
    nil = ' nillable="true"' if nillable and kind != "substitution" else ""
    if kind == "simple":
        type_ = draw(st.sampled_from(sorted(BUILT_IN)))
        one = _plain(name, draw, type_)
        schema = f'<xs:element name="{name}" type="xs:{type_}"{occurs}{nil}/>'
    elif kind == "complex":
        inner = _complex(world, depth)
        schema, one = f'<xs:element name="{name}"{occurs}{nil}>{inner.schema}</xs:element>', _dressed(name, inner)
    elif kind == "derived":
        schema, one = _polymorphic(world, name, occurs + nil, depth)
    else:
        schema, one = _substitutable(world, occurs)

    def document(prefix: str, as_list: bool = False) -> Any:
        pieces = [
            f'<{prefix}{name} xsi:nil="true"/>' if nil and draw(st.integers(0, 3)) == 0 else one(prefix)
            for _ in range(draw(st.integers(least, most or 4)))
        ]
        return pieces if as_list else "".join(pieces)

    return Made(schema, document)


def _plain(name: str, draw: st.DrawFn, type_: str) -> Any:
    return lambda prefix: f"<{prefix}{name}>{escape(draw(BUILT_IN[type_]))}</{prefix}{name}>"


def _dressed(name: str, inner: Made, extra: str = "") -> Any:
    def document(prefix: str) -> str:
        attributes, inside = inner.document(prefix)
        return f"<{prefix}{name}{extra}{attributes}>{inside}</{prefix}{name}>"

    return document


def _polymorphic(world: World, name: str, occurs: str, depth: int) -> tuple[str, Any]:
    """An element of a base type, that a document may hold as an extension of it."""
    draw = world.draw
    base, extension = world.name("T"), world.name("T")
    low, high = _element(world, depth - 1), _element(world, depth - 1)
    world.declarations.append(
        f'<xs:complexType name="{base}"><xs:sequence>{low.schema}</xs:sequence></xs:complexType>'
        f'<xs:complexType name="{extension}"><xs:complexContent><xs:extension base="t:{base}"><xs:sequence>'
        f"{high.schema}</xs:sequence></xs:extension></xs:complexContent></xs:complexType>"
    )

    def document(prefix: str) -> str:
        if draw(st.booleans()):
            return f"<{prefix}{name}>{low.document(prefix)}</{prefix}{name}>"
        inside = low.document(prefix) + high.document(prefix)
        return f'<{prefix}{name} xsi:type="t:{extension}">{inside}</{prefix}{name}>'

    return f'<xs:element name="{name}" type="t:{base}"{occurs}/>', document


def _substitutable(world: World, occurs: str) -> tuple[str, Any]:
    """A reference to a global element that others may stand for."""
    draw = world.draw
    head, member = world.name("h"), world.name("h")
    world.declarations.append(
        f'<xs:element name="{head}" type="xs:string"/>'
        f'<xs:element name="{member}" type="xs:string" substitutionGroup="t:{head}"/>'
    )
    return f'<xs:element ref="t:{head}"{occurs}/>', lambda prefix: _plain(
        draw(st.sampled_from([head, member])), draw, "string"
    )("t:")


def _wildcard(draw: st.DrawFn) -> Made:
    """Elements of other namespaces."""

    def tree(depth: int) -> str:
        name = draw(st.sampled_from(["x", "y"]))
        space = draw(st.sampled_from(["urn:x", "urn:y"]))
        attribute = draw(st.sampled_from(["", ' k="1"', ' q:k="2"']))
        inside = "".join(
            tree(depth - 1) + (escape(draw(BETWEEN)) if draw(st.booleans()) else "")
            for _ in range(draw(st.integers(0, 2)) if depth else 0)
        )
        text = inside or escape(draw(BUILT_IN["string"]))
        return f'<q:{name} xmlns:q="{space}"{attribute}>{text}</q:{name}>'

    return Made(
        '<xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>',
        lambda prefix: [tree(2) for _ in range(draw(st.integers(0, 3)))],
    )
