"""What an XPath may cost: libxml2 compares what it finds with all that it has found, and nothing stops it once begun.

From one set of elements a path steps down by names in linear time. Everything else (a second ``//``, ways up and
sideways, unions, sets compared with sets, a predicate that searches) takes the square of the document or more: on
200,000 elements, minutes. Such an expression is fine for the messages of every day, and is not run on larger ones.
"""

from __future__ import annotations

import re
from itertools import islice

from transformers.document import Element
from transformers.errors import TransformerInvalid

#: Elements of a document on which any expression is run: about a second, at worst.
MOST = 2000

_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_TOKEN = re.compile(r"//|::|\.\.|!=|<=|>=|[\w.-]+|\S")
_STARTS = frozenset(["", "[", "(", ",", "|", "=", "!=", "<", ">", "<=", ">=", "+", "-", "and", "or", "div", "mod"])
_COMPARISONS = frozenset(["=", "!=", "<", ">", "<=", ">="])
_DOWN = frozenset({"child", "attribute", "self"})


def is_wide(expression: str) -> bool:
    """Whether an XPath may cost the square of the document.

    Raises TransformerInvalid for one that costs more than that: a search within a predicate within a predicate.
    """
    # A literal is a number here: both are values and no paths.
    parts = ["", *_TOKEN.findall(_LITERAL.sub("0", expression)), ""]
    depth, wide = 0, False
    for place, part in enumerate(parts[1:-1], 1):
        depth += (part == "[") - (part == "]")
        if _searches(parts, place, depth):
            if depth > 1:
                raise TransformerInvalid(
                    f"the XPath {expression!r} searches within a predicate within a predicate, which can take for ever"
                )
            wide = True
        elif part == "|" or _compares_sets(parts, place):
            wide = True
    return wide


def is_crowded(element: Element) -> bool:
    """Whether a document is too large for an expression that is wide."""
    return next(islice(element.iter("*"), MOST, None), None) is not None


def _searches(parts: list[str], place: int, depth: int) -> bool:
    """Whether a step looks at more than the children and attributes of where it stands."""
    part, before = parts[place], parts[place - 1]
    if part == "::":
        return before not in _DOWN
    if part == "..":
        return True
    if part not in ("/", "//"):
        return False
    begins = before in _STARTS or (before == "." and parts[place - 2] in _STARTS)
    if depth:
        return part == "//" or (begins and before != ".")
    return part == "//" and not begins


def _compares_sets(parts: list[str], place: int) -> bool:
    if parts[place] not in _COMPARISONS:
        return False
    before, after = parts[place - 1], parts[place + 1]
    one = before[-1:] == ")" or before[:1].isdigit() or after[:1].isdigit() or after in ("-", "")
    return not one and parts[place + 2] != "("
