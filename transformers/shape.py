"""The structure of a document as XML and JSON both see it: what makes conversion between them exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: How a text is written in JSON. ``decimal`` stays a JSON string with every digit (money); ``number`` becomes a
#: JSON number, and only what a JSON Schema calls a number or an XSD a float or double is one.
Kind = Literal["string", "integer", "decimal", "number", "boolean"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: ``name`` is its JSON name without the ``@``, ``tag`` its Clark name."""

    name: str
    tag: str
    kind: Kind = "string"


@dataclass(frozen=True, slots=True)
class Field:
    """A child element, in its place. ``most`` None is unbounded; ``many`` fields are JSON arrays however few come.

    ``type`` is a key of the shape's ``types``. ``round`` numbers the members of one repeated sequence (0: none):
    those are written in rounds, one of each, and not one after the other.
    """

    name: str
    tag: str
    type: str
    least: int = 1
    most: int | None = 1
    nillable: bool = False
    round: int = 0
    many: bool = field(init=False, repr=False, compare=False)
    """Whether this field is an array in JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "many", self.most is None or self.most > 1)


@dataclass(frozen=True, slots=True)
class Type:
    """What an element holds. ``kind`` is set for text, alone or beside attributes; ``fields`` come in order.

    ``items`` says that the JSON value is an array whose items are the one field (arrays within arrays).
    """

    kind: Kind | None = None
    fields: tuple[Field, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    items: bool = False
    mixed: bool = False
    plain: bool = field(init=False, repr=False, compare=False)
    """Whether this is text alone: a JSON scalar."""
    _by_tag: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_tag = {part.name: part for part in reversed(self.fields)}
        by_tag |= {part.tag: part for part in reversed(self.fields)}
        object.__setattr__(self, "_by_tag", by_tag)
        object.__setattr__(self, "plain", self.kind is not None and not self.attributes)

    def field_of(self, tag: str) -> Field | None:
        """The field of this Clark name, or else of this local name: senders get namespaces wrong."""
        return self._by_tag.get(tag) or self._by_tag.get(tag.rpartition("}")[2])


@dataclass(frozen=True, slots=True)
class Shape:
    """A root element and all the types that it reaches, by name; recursion is a type that names itself."""

    tag: str
    type: str
    types: Mapping[str, Type]
    nillable: bool = False
    qualified: bool = field(init=False, repr=False, compare=False)
    """Whether every child has a namespace; where one has none, the root's may not be the default namespace."""

    def __post_init__(self) -> None:
        tags = (part.tag for type_ in self.types.values() for part in type_.fields)
        object.__setattr__(self, "qualified", all(tag.startswith("{") for tag in tags))
