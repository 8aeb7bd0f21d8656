"""The structure of a document as XML and JSON both see it: what makes conversion between them exact."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from transformers.document import Json

#: How a text is written in JSON. ``decimal`` stays a JSON string with every digit (money); ``number`` becomes a
#: JSON number, and only what a JSON Schema calls a number or an XSD a float or double is one.
Kind = Literal["string", "integer", "decimal", "number", "boolean"]

#: The name of a place in a content model that takes elements which no field describes (``xs:any``).
WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: ``name`` is its JSON name without the ``@``, ``tag`` its Clark name."""

    name: str
    tag: str
    kind: Kind = "string"
    facets: Mapping[str, Json] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A child element, in its place. ``most`` None is unbounded; ``many`` fields are JSON arrays however few come.

    ``type`` is a key of the shape's ``types``.
    """

    name: str
    tag: str
    type: str
    least: int = 1
    most: int | None = 1
    nillable: bool = False
    many: bool = field(init=False, repr=False, compare=False)
    """Whether this field is an array in JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "many", self.most is None or self.most > 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field (by its JSON name) or a ``WILDCARD`` stands in a content model, and how many may stand there."""

    name: str
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence (or ``xs:all``) or a choice of places, repeated up to ``most`` times."""

    kind: Literal["sequence", "choice"]
    parts: tuple[Particle, ...]
    most: int | None = 1


Particle: TypeAlias = Place | Group


@dataclass(frozen=True, slots=True)
class Type:
    """What an element holds. ``kind`` is set for text, alone or beside attributes; ``fields`` come in order.

    ``items`` says that the JSON value is an array whose items are the one field (arrays within arrays).
    ``open`` takes elements and attributes that nothing here describes. ``mixed`` holds text between its elements.
    ``content`` is set where the order of the children may differ from that of the fields: a repeated group,
    ``xs:all``, one name in two places, a wildcard. Such an object may say its order under ``#order``.
    ``facets`` say in the words of JSON Schema what its texts look like; conversion does not read them.
    """

    kind: Kind | None = None
    fields: tuple[Field, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    items: bool = False
    mixed: bool = False
    open: bool = False
    content: Group | None = None
    facets: Mapping[str, Json] = field(default_factory=dict, compare=False)
    plain: bool = field(init=False, repr=False, compare=False)
    """Whether this is text alone: a JSON scalar."""
    _by_tag: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Where anything may stand, an element of another namespace may be meant, so its local name says nothing.
        lenient = {} if self.open else {part.tag.rpartition("}")[2]: part for part in reversed(self.fields)}
        object.__setattr__(self, "_by_tag", lenient | {part.tag: part for part in reversed(self.fields)})
        object.__setattr__(self, "plain", self.kind is not None and not self.attributes)

    def field_of(self, tag: str) -> Field | None:
        """The field of this Clark name, or else of this local name: senders get namespaces wrong."""
        return self._by_tag.get(tag) or self._by_tag.get(tag.rpartition("}")[2])


@dataclass(frozen=True, slots=True)
class Shape:
    """A root element and all the types that it reaches, by name; recursion is a type that names itself.

    ``derived`` names the types that ``xsi:type`` may put in the place of another, as JSON writes them under
    ``@xsi:type``: by local name, or by Clark name where two have the same.
    """

    tag: str
    type: str
    types: Mapping[str, Type]
    nillable: bool = False
    derived: Mapping[str, str] = field(default_factory=dict)
    qualified: bool = field(init=False, repr=False, compare=False)
    """Whether every child has a namespace; where one may have none, the root's may not be the default namespace."""

    def __post_init__(self) -> None:
        tags = [part.tag for type_ in self.types.values() for part in type_.fields]
        free = any(type_.open for type_ in self.types.values())
        object.__setattr__(self, "qualified", not free and all(tag.startswith("{") for tag in tags))


def order(content: Group, known: Collection[str], counts: Mapping[str, int]) -> list[str]:
    """The order in which children of these names stand by a content model; what it has no place for comes last.

    Every place takes as many as it may before the next one, and a repeated group starts anew while there is more.
    A ``WILDCARD`` takes the names that are not ``known``.
    """
    left = {name: count for name, count in counts.items() if count}
    found: list[str] = []
    _take(content, known, left, found)
    for name, count in left.items():
        found += [name] * count
    return found


def _take(part: Particle, known: Collection[str], left: dict[str, int], found: list[str]) -> bool:
    """Move what ``part`` takes from ``left`` to ``found``; whether that was anything."""
    before, rounds = len(found), 0
    if isinstance(part, Place):
        room = math.inf if part.most is None else part.most
        while room > 0 and (name := _next(part, known, left)) is not None:
            taken = left[name] if room > left[name] else int(room)
            found += [name] * taken
            room -= taken
            left[name] -= taken
            if not left[name]:
                del left[name]
        return len(found) > before
    several = any if part.kind == "choice" else _every
    while (part.most is None or rounds < part.most) and several(_take(each, known, left, found) for each in part.parts):
        rounds += 1
    return len(found) > before


def _next(place: Place, known: Collection[str], left: Mapping[str, int]) -> str | None:
    """A name that is left for this place."""
    if place.name != WILDCARD:
        return place.name if place.name in left else None
    return next((name for name in left if name not in known), None)


def _every(results: Iterable[bool]) -> bool:
    """Whether any was true, like ``any``, but each is asked."""
    return any(list(results))
