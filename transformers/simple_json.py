"""XML to JSON and back without a schema, by a convention that is easy to say.

An element with only text is a string; otherwise an object of its children by local name, ``@name`` for attributes
and ``#text`` for text beside them. Children of the same name become an array, a single one does not. ``xsi:nil`` is
null. Types and namespaces are lost: use a schema where they matter.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from transformers import ns
from transformers.any_json import fill
from transformers.document import Element, Json
from transformers.errors import MappingFailed
from transformers.xml_names import from_xml_name, to_attribute_name, to_xml_name

_CONTROL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def simple_to_json(element: Element) -> Json:
    """The content of an element; its own name is not part of it."""
    if element.get(ns.XSI_NIL, "").strip() in ("true", "1"):
        return None
    value: dict[str, Json] = {}
    for tag, text in element.attrib.items():
        if not str(tag).startswith(f"{{{ns.XSI}}}"):
            value["@" + from_xml_name(_local(str(tag)))] = str(text)
    if len(element) == 0:
        if not value:
            return element.text or ""
        if element.text:
            value["#text"] = element.text
        return value
    texts = (element.text or "") + "".join(child.tail or "" for child in element)
    if texts.strip():
        value["#text"] = texts
    for child in element:
        fill(value, from_xml_name(_local(child.tag)), simple_to_json(child))
    return value


def simple_to_xml(value: Json, root: str) -> Element:
    """An element ``root`` (Clark notation) with this content, all of it in the root's namespace.

    An array at the top becomes children named ``item``. Raises MappingFailed for control characters, which XML
    cannot hold.
    """
    namespace, _ = ns.split(root)
    nsmap: Any = {None: namespace} if namespace else None
    element = etree.Element(root, nsmap=nsmap)
    _write(element, {"item": value} if isinstance(value, list) else value, namespace)
    return element


def _write(element: Element, value: Json, namespace: str) -> None:
    if value is None:
        element.set(ns.XSI_NIL, "true")
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.startswith("@") and len(name) > 1 and not isinstance(item, (dict, list)):
                element.set(to_attribute_name(name[1:]), _text(item))
            elif name == "#text" and not isinstance(item, (dict, list)):
                element.text = _text(item)
            else:
                for one in item if isinstance(item, list) else [item]:
                    child = etree.SubElement(element, ns.clark(namespace, to_xml_name(name)))
                    _write(child, {"item": one} if isinstance(one, list) else one, namespace)
    else:
        element.text = _text(value)  # type: ignore[arg-type]


def _text(value: None | bool | int | float | str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    if _CONTROL.search(text):
        raise MappingFailed("a text holds a control character, which XML cannot hold", step="to_xml")
    return text


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
