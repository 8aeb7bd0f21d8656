"""What a simple type of an XML Schema says of its texts, in the words of JSON Schema: for readers, never for checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from transformers.document import Element, Json
from transformers.shape import Kind
from transformers.xml import local_name

Facets = Mapping[str, Json]

#: What texts of the built-in types look like. No ``format``: a dateTime of XML may lack its zone, which JSON
#: Schema's may not, and a reader that insists would refuse what the schema allows.
BUILT_IN: Final[Mapping[str, Facets]] = {
    "date": {"examples": ["2026-01-31"]},
    "dateTime": {"examples": ["2026-01-31T08:30:00"]},
    "time": {"examples": ["08:30:00"]},
    "gYear": {"examples": ["2026"]},
    "gYearMonth": {"examples": ["2026-01"]},
    "gMonthDay": {"examples": ["--01-31"]},
    "gMonth": {"examples": ["--01"]},
    "gDay": {"examples": ["---31"]},
    "duration": {"examples": ["P1D"]},
    "decimal": {"examples": ["1.50"]},
    "base64Binary": {"contentEncoding": "base64", "examples": ["5Lit5paH"]},
    "hexBinary": {"examples": ["E4B8AD"]},
    "anyURI": {"examples": ["https://example.org/"]},
    "language": {"examples": ["zh"]},
    "nonNegativeInteger": {"minimum": 0},
    "unsignedLong": {"minimum": 0},
    "unsignedInt": {"minimum": 0},
    "unsignedShort": {"minimum": 0},
    "unsignedByte": {"minimum": 0},
    "positiveInteger": {"minimum": 1},
    "nonPositiveInteger": {"maximum": 0},
    "negativeInteger": {"maximum": -1},
}

_LENGTHS = {"length": ("minLength", "maxLength"), "minLength": ("minLength",), "maxLength": ("maxLength",)}
_BOUNDS = {
    "minInclusive": "minimum",
    "maxInclusive": "maximum",
    "minExclusive": "exclusiveMinimum",
    "maxExclusive": "exclusiveMaximum",
}
_NUMBERS: Mapping[Kind, Callable[[str], Json]] = {"integer": int, "number": float}

#: What means something else in the regular expressions of JSON Schema, or nothing (XML Schema Part 2, appendix F).
_FOREIGN = re.compile(r"\\[icICpP]|-\[|(?<!\[)\^|\$")


def restricted(restriction: Element, base: Facets, kind: Kind) -> Facets:
    """The facets of ``base`` with those of an ``xs:restriction``; what JSON Schema cannot say is left out."""
    written: dict[str, list[str]] = {}
    for facet in restriction:
        written.setdefault(local_name(facet), []).append(facet.get("value", ""))
    found: dict[str, Json] = {}
    if "enumeration" in written:
        return {"enum": [_value(text, kind) for text in written["enumeration"]]}
    for name, texts in written.items():
        if name in _LENGTHS and kind == "string" and texts[0].isdigit():
            found |= dict.fromkeys(_LENGTHS[name], int(texts[0]))
        elif name in _BOUNDS and kind in _NUMBERS:
            found[_BOUNDS[name]] = _value(texts[0], kind)
        elif name == "pattern" and not any(_FOREIGN.search(text) for text in texts):
            found["pattern"] = f"^(?:{'|'.join(texts)})$"
    kept = {name: value for name, value in base.items() if name != "examples"} if found else base
    return {**kept, **found}


def _value(text: str, kind: Kind) -> Json:
    try:
        return _NUMBERS[kind](text) if kind in _NUMBERS else text
    except ValueError:
        return text
