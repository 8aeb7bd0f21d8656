"""XML to JSON and back by a shape, so that nothing depends on how many items happen to be there.

Arrays are arrays for none, one or many. Integers and booleans become JSON's; decimals become strings with every
digit, unless a JSON Schema calls them numbers. Attributes are ``@name``, text beside attributes or children
``#text``. ``xsi:nil`` is null, an absent element is an absent name. ``@xsi:type`` names a derived type, ``#order`` the
order of children that may come in several. What the shape does not know is carried over as ``any_json`` says it.
The whole of it is told in docs/xml-json.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from transformers.document import Element, Json
from transformers.json_schema_shape import shape_from_json_schema
from transformers.json_to_xml import Writer
from transformers.shape import Shape
from transformers.simple_json import simple_to_json, simple_to_xml
from transformers.xml_to_json import Reader
from transformers.xsd_shape import shape_from_xsd

__all__ = [
    "Codec",
    "Shape",
    "shape_from_json_schema",
    "shape_from_xsd",
    "simple_to_json",
    "simple_to_xml",
    "to_json",
    "to_xml",
]


class Codec:
    """A shape compiled for both directions, each with its first document: few of a large contract's ever come.

    Thread-safe.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    @cached_property
    def to_json(self) -> Callable[[Element], Json]:
        """What ``Reader.read`` does."""
        return Reader(self._shape).read

    @cached_property
    def to_xml(self) -> Callable[[Json], Element]:
        """What ``Writer.write`` does."""
        return Writer(self._shape).write


def to_json(element: Element, shape: Shape) -> Json:
    """Convert one element to JSON by its shape, as ``Reader.read`` does. Raises ContractViolation."""
    return Codec(shape).to_json(element)


def to_xml(value: Json, shape: Shape) -> Element:
    """Convert one JSON value to an element by its shape, as ``Writer.write`` does. Raises ContractViolation."""
    return Codec(shape).to_xml(value)
