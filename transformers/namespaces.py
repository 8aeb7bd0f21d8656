"""Documents whose elements have the right names in the wrong namespaces, brought to the right ones in place."""

from __future__ import annotations

from lxml import etree

from transformers.document import Element
from transformers.shape import Shape
from transformers.xml import local_name


def namespace_of(element: Element) -> str:
    """The namespace of an element; empty for none."""
    tag: str = element.tag
    return tag[1:].partition("}")[0] if tag[:1] == "{" else ""


def qualify(root: Element, shape: Shape) -> bool:
    """Give ``root`` and what its shape knows inside it the namespaces that the shape says, by local name.

    What the shape does not know (``xs:any``, a name that is wrong itself) stays as it is. Answers whether anything
    was changed.
    """
    old = namespace_of(root)
    changed = root.tag != shape.tag
    if changed:
        root.tag = shape.tag
    waiting = [(root, shape.type)]
    while waiting:
        element, type_name = waiting.pop()
        kind = shape.types[type_name]
        for child in element.iterchildren("*"):
            field = kind.field_of(child.tag)
            if field is not None:
                if child.tag != field.tag:
                    child.tag = field.tag
                    changed = True
                waiting.append((child, field.type))
    if changed:
        _forget(root, old)
    return changed


def move(root: Element, old: str, new: str) -> bool:
    """Move every element of one namespace, ``root`` and inside it, to another; empty is none. Whether it differs."""
    if old == new:
        return False
    prefix = f"{{{new}}}" if new else ""
    for element in root.iter("*"):
        if namespace_of(element) == old:
            element.tag = prefix + local_name(element)
    _forget(root, old)
    return True


def _forget(root: Element, old: str) -> None:
    """Drop the declarations of a namespace that is not used any more; others may be needed by an ``xsi:type``."""
    kept = {prefix for element in root.iter("*") for prefix, uri in element.nsmap.items() if prefix and uri != old}
    etree.cleanup_namespaces(root, keep_ns_prefixes=list(kept))
