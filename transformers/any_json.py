"""XML that no schema describes as JSON and back, with nothing lost: what stands where ``xs:any`` or anyType allows it.

An element is a text, or an object of its children. A child in its parent's namespace is named by its local name,
any other by its Clark name (``{}name`` for none); the same goes for attributes behind an ``@``, of which those
without a namespace are plain. A name that comes twice is an array. Text beside children or attributes is ``#text``,
an array where there are several runs of it; ``#order`` names the children wherever their order is not that of the
members. ``xsi:nil`` alone is null; ``xsi:type`` is ``@xsi:type``, and JSON's own numbers and truths carry theirs.
White space between elements is not kept, nor prefixes that only a text uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from transformers import ns
from transformers.document import Element, Json
from transformers.lexical import READERS, NoName, NotOfItsKind, text_of
from transformers.shape import Kind
from transformers.xml_names import from_xml_name, to_attribute_name, to_xml_name

TEXT = "#text"
ORDER = "#order"
TYPE = "@xsi:type"
NIL = "@xsi:nil"

#: The types that a JSON value carries on its own, by the kind of its text.
_OWN: Mapping[str, Kind] = {"xs:integer": "integer", "xs:boolean": "boolean", "xs:double": "number"}

#: Attributes of these namespaces are about the message, not of the document.
_NOT_OURS = (f"{{{ns.XSI}}}", f"{{{ns.SOAP11}}}", f"{{{ns.SOAP12}}}")


def any_to_json(element: Element) -> Json:
    """The content of an element; its own name is not part of it."""
    value = attributes_to_json(element)
    runs = text_runs(element)
    if len(element) == 0:
        return _leaf(element.text or "", value)
    names: list[str] = []
    texts: list[Json] = []
    home = ns.split(str(element.tag))[0]
    spaced = not any(run.strip() for _, run in runs)
    waiting = dict(runs) if not spaced else {}
    for position, child in enumerate(element):
        if position in waiting:
            texts.append(waiting[position])
            names.append(TEXT)
        name = relative(str(child.tag), home)
        names.append(name)
        fill(value, name, any_to_json(child))
    if len(element) in waiting:
        texts.append(waiting[len(element)])
        names.append(TEXT)
    if texts:
        value[TEXT] = texts[0] if len(texts) == 1 else texts
    if names != list(_names(value)):
        value[ORDER] = list(names)
    return value


def any_to_xml(parent: Element, tag: str, value: Json) -> Element:
    """Append an element ``tag`` with this content to ``parent``.

    Raises NotOfItsKind for a text that XML cannot hold, NoName for a name of such a namespace.
    """
    element = etree.SubElement(parent, tag, nsmap=type_prefix(parent, value))
    if value is None:
        element.set(ns.XSI_NIL, "true")
    elif isinstance(value, dict):
        _write_object(element, value)
    elif isinstance(value, list):
        _write_object(element, {"item": value})
    else:
        own = next((name for name, kind in _OWN.items() if kind == _kind(value)), "")
        if own:
            element.set(ns.XSI_TYPE, type_text(element, own))
        element.text = text_of(value, _kind(value))
    return element


def fill(value: dict[str, Json], name: str, item: Json) -> None:
    """Add an item under a name; a second one turns the first into an array."""
    if name not in value:
        value[name] = item
        return
    present = value[name]
    if isinstance(present, list):
        present.append(item)
    else:
        value[name] = [present, item]


def relative(tag: str, home: str) -> str:
    """The JSON name of an element inside one of the namespace ``home``."""
    namespace, name = ns.split(tag)
    return from_xml_name(name) if namespace == home else foreign(namespace, name)


def foreign(namespace: str, name: str) -> str:
    """The JSON name of an element in its Clark form; ``{}name`` for one without a namespace."""
    return f"{{{namespace}}}{from_xml_name(name)}"


def absolute(name: str, home: str) -> str:
    """The Clark name of the element that a JSON name means inside one of the namespace ``home``. Raises NoName."""
    if name.startswith("{") and "}" in name:
        namespace, local = ns.split(name)
        return ns.clark(_declarable(namespace), to_xml_name(local))
    return ns.clark(home, to_xml_name(name))


def attribute_name(tag: str) -> str:
    """The JSON name of an attribute that no schema describes."""
    namespace, name = ns.split(tag)
    return f"@{ns.clark(namespace, from_xml_name(name))}"


def _declarable(namespace: str) -> str:
    """The namespace itself, if an element may have it. Raises NoName."""
    if namespace == ns.XMLNS:
        raise NoName
    try:
        etree.Element(ns.clark(namespace, "x"))
    except ValueError:
        raise NoName from None
    return namespace


def attributes_to_json(element: Element) -> dict[str, Json]:
    """The attributes of an element that no schema describes."""
    value: dict[str, Json] = {}
    for raw, text in element.items():
        tag = str(raw)
        if tag == ns.XSI_TYPE:
            value[TYPE] = type_name(element, str(text))
        elif tag == ns.XSI_NIL and str(text).strip() in ("true", "1"):
            value[NIL] = True
        elif not tag.startswith(_NOT_OURS):
            value[attribute_name(tag)] = str(text)
    return value


def text_runs(element: Element) -> list[tuple[int, str]]:
    """Each run of text in an element, with the number of children before it."""
    runs = [(0, element.text)] if element.text else []
    runs += [(position, child.tail) for position, child in enumerate(element, 1) if child.tail]
    return runs


def add_text(element: Element, text: str) -> None:
    """Append text behind the last child of an element."""
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def set_attribute(element: Element, name: str, value: Json) -> None:
    """Set the attribute of a member ``@name``; ``@xsi:type`` must have a prefix in scope (``type_prefix``).

    Raises NotOfItsKind and NoName as ``any_to_xml`` does.
    """
    if name == TYPE:
        element.set(ns.XSI_TYPE, type_text(element, text_of(value, "string")))
    elif name == NIL:
        if value is True:
            element.set(ns.XSI_NIL, "true")
    elif value is not None:
        namespace, local = ns.split(name[1:]) if "}" in name else ("", name[1:])
        element.set(ns.clark(_declarable(namespace), to_attribute_name(local)), text_of(value, _kind(value)))


# ── xsi:type: a qualified name in JSON ───────────────────────────────────────────────────────────────


def type_name(element: Element, text: str) -> str:
    """The name that an ``xsi:type`` means: ``xs:int`` for the types of XML Schema, else a Clark name."""
    prefix, _, local = text.strip().rpartition(":")
    namespace = element.nsmap.get(prefix or None) or ""
    return f"xs:{local}" if namespace == ns.XSD else ns.clark(namespace, local)


def type_prefix(parent: Element, value: Json) -> dict[str, str] | None:
    """The declaration that an element of this value needs for its ``xsi:type``, where ``parent`` has none.

    Raises NoName where none can be made.
    """
    named = value.get(TYPE) if isinstance(value, dict) else None if isinstance(value, str | list) else "xs:"
    if value is None or not isinstance(named, str):
        return None
    namespace = ns.XSD if named.startswith("xs:") else ns.split(named)[0]
    if not namespace or namespace in parent.nsmap.values():
        return None
    return {"xs" if namespace == ns.XSD else "t": _declarable(namespace)}


def type_text(element: Element, name: str) -> str:
    """The ``xsi:type`` for such a name, with a prefix that is in scope at ``element``."""
    namespace, local = (ns.XSD, name[3:]) if name.startswith("xs:") else ns.split(name)
    prefix = next((prefix for prefix, known in element.nsmap.items() if known == namespace), None)
    return f"{prefix}:{local}" if prefix else local


def _leaf(text: str, value: dict[str, Json]) -> Json:
    if not value:
        return text
    if value == {NIL: True} and not text:
        return None
    kind = _OWN.get(str(value.get(TYPE, "")))
    if kind is not None and len(value) == 1:
        try:
            own = READERS[kind](text)
        except NotOfItsKind:
            own = text
        if not isinstance(own, str):
            return own
    if text:
        value[TEXT] = text
    return value


def _kind(value: Json) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def _names(value: dict[str, Json]) -> Iterator[str]:
    """The names of the children in the order in which they are written: text first, then member by member."""
    texts = value.get(TEXT, [])
    yield from [TEXT] * (len(texts) if isinstance(texts, list) else 1)
    for name, items in value.items():
        if name != TEXT and not name.startswith("@"):
            yield from [name] * (len(items) if isinstance(items, list) else 1)


def _write_object(element: Element, value: dict[str, Json]) -> None:
    home = ns.split(str(element.tag))[0]
    for name, item in value.items():
        if name.startswith("@") and len(name) > 1:
            set_attribute(element, name, item)
    members = {name: item for name, item in value.items() if not name.startswith("@") and name != ORDER}
    waiting = {name: iter(item if isinstance(item, list) else [item]) for name, item in members.items()}
    said = value.get(ORDER)
    for name in (*(said if isinstance(said, list) else ()), *list(_names(members))):
        for item in waiting.get(str(name), ()):
            if name == TEXT:
                add_text(element, text_of(item, _kind(item)))
            else:
                any_to_xml(element, absolute(str(name), home), item)
            break
