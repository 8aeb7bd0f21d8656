"""How often the elements of a content model come: its particles' minOccurs and maxOccurs, taken together."""

from __future__ import annotations

from transformers.document import Element
from transformers.errors import TransformerInvalid
from transformers.references import line_of

#: How often each element may come, by Clark name.
Counts = dict[str, tuple[int, int | None]]


def occurs(part: Element) -> tuple[int, int | None]:
    """How often a particle comes: at least, and at most. Raises TransformerInvalid."""
    most = part.get("maxOccurs", "1").strip()
    try:
        return int(part.get("minOccurs", "1")), None if most == "unbounded" else int(most)
    except ValueError:
        raise TransformerInvalid("minOccurs or maxOccurs is no number", line=line_of(part)) from None


def together(all_counts: list[Counts]) -> Counts:
    """How often elements come where each of these comes."""
    total: Counts = {}
    for counts in all_counts:
        for tag, (least, most) in counts.items():
            known = total.get(tag, (0, 0))
            total[tag] = (known[0] + least, None if most is None or known[1] is None else known[1] + most)
    return total


def either(all_counts: list[Counts]) -> Counts:
    """How often elements come where one of these comes."""
    total: Counts = {}
    for tag in {tag: None for counts in all_counts for tag in counts}:
        several = [counts.get(tag, (0, 0)) for counts in all_counts]
        mosts = [most for _, most in several]
        bounded = [most for most in mosts if most is not None]
        total[tag] = (min(least for least, _ in several), max(bounded) if len(bounded) == len(mosts) else None)
    return total


def times(counts: Counts, least: int, most: int | None) -> Counts:
    """How often elements come where these come so many times."""
    return {
        tag: (few * least, 0 if 0 in (many, most) else None if many is None or most is None else many * most)
        for tag, (few, many) in counts.items()
    }
