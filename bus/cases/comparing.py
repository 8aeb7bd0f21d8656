"""Where two documents differ, place by place, in an integrator's words."""

from __future__ import annotations

from collections.abc import Iterator

from bus.cases.case import Expected
from transformers import json_text
from transformers.document import Document, Element, Json, is_xml
from transformers.xml import local_name

#: Nobody reads more differences than these of one document.
MOST = 12


def differences(expected: Expected, found: Document) -> list[str]:
    """Every difference, as ``place: expected …, found …``; at most ``MOST``.

    XML is compared without regard to prefixes, the order of attributes and blanks between elements.
    """
    if not expected.has_document:
        return []
    wanted = expected.document
    if is_xml(wanted) is not is_xml(found):
        return [f"/: expected {_form(wanted)}, found {_form(found)}"]
    pairs = _xml(wanted, found, "") if is_xml(wanted) else _json(wanted, found, "", partly=expected.partly)  # type: ignore[arg-type]
    return [difference for _, difference in zip(range(MOST), pairs, strict=False)]


def _form(document: Document) -> str:
    return "XML" if is_xml(document) else "JSON" if document is not None else "nothing"


def _json(wanted: Json, found: Json, place: str, *, partly: bool) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            if name not in found:
                yield f"{place}/{name}: expected {_shown(value)}, found nothing"
            else:
                yield from _json(value, found[name], f"{place}/{name}", partly=partly)
        for name in () if partly else found.keys() - wanted.keys():
            yield f"{place}/{name}: expected nothing, found {_shown(found[name])}"
    elif isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            yield f"{place or '/'}: expected {len(wanted)} items, found {len(found)}"
        for number, (one, other) in enumerate(zip(wanted, found, strict=False)):
            yield from _json(one, other, f"{place}/{number}", partly=partly)
    elif type(wanted) is not type(found) or wanted != found:
        yield f"{place or '/'}: expected {_shown(wanted)}, found {_shown(found)}"


def _xml(wanted: Element, found: Element, place: str) -> Iterator[str]:
    here = f"{place}/{local_name(wanted)}"
    if wanted.tag != found.tag:
        yield f"{here}: expected the element {wanted.tag}, found {found.tag}"
        return
    for name in sorted({str(name) for each in (wanted, found) for name in each.attrib}):
        if wanted.get(name) != found.get(name):
            yield f"{here}/@{name}: expected {_shown(wanted.get(name))}, found {_shown(found.get(name))}"
    ours, theirs = list(wanted), list(found)
    if not ours and not theirs and (wanted.text or "") != (found.text or ""):
        yield f"{here}: expected {_shown(wanted.text)}, found {_shown(found.text)}"
    elif _words(wanted) != _words(found):
        yield f"{here}: expected the text {_shown(_words(wanted))}, found {_shown(_words(found))}"
    if len(ours) != len(theirs):
        yield f"{here}: expected {len(ours)} child elements, found {len(theirs)}"
    for one, other in zip(ours, theirs, strict=False):
        yield from _xml(one, other, here)


def _words(element: Element) -> str:
    """The text beside child elements, without blanks that are only layout."""
    if not len(element):
        return element.text or ""
    return " ".join(filter(None, ((part or "").strip() for part in (element.text, *(child.tail for child in element)))))


def _shown(value: Json) -> str:
    text = json_text.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:117]}…"
