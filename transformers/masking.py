"""Documents as someone may see them who needs the flow but not the patient; the clinical path is never masked.

A document is masked by the names of its fields, by rules of its own, and at last by what its texts look like. XML
within a string, in CDATA or in base64, and JSON within a string, are opened and masked inside.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from lxml import etree

from transformers.charset import read
from transformers.document import Document, Element, Json
from transformers.errors import DocumentError
from transformers.json_text import dumps, loads
from transformers.masking_fields import HL7V3, PERSON_HINTS, PERSON_OWNERS, kind_of
from transformers.masking_paths import HiddenPath, hidden_path
from transformers.masking_values import MaskKind, mask_text, mask_value
from transformers.xml import Limits, detached, local_name, parse, serialise

__all__ = ["DEFAULT_RULES", "MaskKind", "Rules", "mask", "mask_body", "mask_text", "mask_value"]

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{40,}={0,2}\s*")
_DEEPEST = 3
_LIMITS = Limits(bytes=64 * 1024 * 1024, nodes=2_000_000, attributes=10_000)
_HL7V3 = tuple((etree.XPath(expression), kind) for expression, kind in HL7V3)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is masked beyond the field names that are known anyway.

    ``fields`` maps further field names (lower case) to kinds; what stands at one of ``paths`` is hidden whole.
    """

    fields: Mapping[str, MaskKind] = field(default_factory=dict)
    paths: tuple[HiddenPath, ...] = ()

    def extended(self, paths: Iterable[str], namespaces: Mapping[str, str] | None = None) -> Rules:
        """The same rules with further paths: XPaths, with prefixes from ``namespaces``, or dotted JSON paths.

        Raises TransformerInvalid for one that does not compile.
        """
        return replace(self, paths=(*self.paths, *(hidden_path(path, namespaces or {}) for path in paths)))

    def kind(self, name: str) -> MaskKind | None:
        """The kind of a field of this name, or None."""
        return self.fields.get(name.lower()) or kind_of(name)


DEFAULT_RULES = Rules()


def mask(document: Document, rules: Rules = DEFAULT_RULES) -> Document:
    """Answer a masked copy of a document; the document itself stays as it is."""
    return _mask(document, rules, 0)


def mask_body(body: bytes, rules: Rules = DEFAULT_RULES) -> str:
    """Answer the masked text of a body that was never parsed: XML, JSON or anything else, in any charset."""
    try:
        text = read(body).text
    except DocumentError:
        text = body.decode("gb18030", "replace")
    inner = _inside(text, rules, 0)
    return inner if inner is not None else mask_text(text)


def _mask(document: Document, rules: Rules, depth: int) -> Document:
    if isinstance(document, etree._Element):
        return _mask_xml(document, rules, depth)
    value: Json = document
    for path in rules.paths:
        value = path.json(value)
    return _mask_json(value, rules, "", depth)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────


def _mask_json(value: Json, rules: Rules, owner: str, depth: int) -> Json:
    if isinstance(value, dict):
        person = owner.lower() in PERSON_OWNERS or any(name.lower() in PERSON_HINTS for name in value)
        return {name: _mask_field(name, item, rules, person, depth) for name, item in value.items()}
    if isinstance(value, list):
        return [_mask_json(item, rules, owner, depth) for item in value]
    return _mask_scalar(value, rules, depth)


def _mask_field(name: str, value: Json, rules: Rules, person: bool, depth: int) -> Json:
    kind = rules.kind(name.lstrip("@"))
    if kind is None and person:
        kind = _of_person(name, value)
    if kind is not None:
        return _mask_kind(kind, value, rules, name, depth)
    return _mask_json(value, rules, name, depth)


def _of_person(name: str, value: Json) -> MaskKind | None:
    """Names that mean a person only in a person's object; FHIR's own are lists of objects there."""
    if name in ("name", "text", "xm", "Name"):
        return "name"
    if name in ("telecom", "line"):
        return "mobile" if name == "telecom" else "address"
    return "id" if name == "identifier" and not isinstance(value, str) else None


def _mask_kind(kind: MaskKind, value: Json, rules: Rules, name: str, depth: int) -> Json:
    """Mask what hangs under a known name: a text, texts, or the value-bearing members of FHIR's objects."""
    if isinstance(value, list):
        return [_mask_kind(kind, item, rules, name, depth) for item in value]
    if isinstance(value, dict):
        return {
            key: _mask_kind(kind, item, rules, key, depth)
            if key in _FHIR_VALUES.get(kind, ("value", "#text", "text"))
            else _mask_json(item, rules, name, depth)
            for key, item in value.items()
        }
    if value is None or isinstance(value, bool):
        return value
    return mask_value(kind, str(value))


#: Members of FHIR datatypes that hold the value: HumanName, Identifier, ContactPoint, Address.
_FHIR_VALUES: dict[str, tuple[str, ...]] = {
    "name": ("family", "given", "text", "value", "#text"),
    "address": ("line", "text", "value", "#text", "postalCode"),
}


def _mask_scalar(value: Json, rules: Rules, depth: int) -> Json:
    if isinstance(value, str):
        inner = _inside(value, rules, depth)
        return inner if inner is not None else mask_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 9_999_999_999:
        masked = mask_text(str(value))
        return masked if "*" in masked else value
    return value


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────────


def _mask_xml(element: Element, rules: Rules, depth: int) -> Element:
    root = detached(element)
    for path in rules.paths:
        root = path.xml(root)
    for find, kind in _HL7V3:
        _mask_found(find(root), kind)
    for node in root.iter(etree.Element):
        _mask_element(node, rules, depth)
    return root


def _mask_found(found: object, kind: MaskKind) -> None:
    for item in found if isinstance(found, list) else ():
        parent = item.getparent() if isinstance(item, etree._ElementUnicodeResult) else None
        if parent is None or "***" in str(item):
            continue
        if item.is_attribute:
            parent.set(str(item.attrname), mask_value(kind, str(item)))
        elif item.is_text:
            parent.text = mask_value(kind, str(item))


def _mask_element(node: Element, rules: Rules, depth: int) -> None:
    kind = rules.kind(local_name(node)) or _person_name(node)
    hide = partial(_mask_xml_text, kind=kind, rules=rules, depth=depth)
    if node.text and node.text.strip():
        text = hide(node.text)
        if text != node.text:
            node.text = text
    if node.tail and node.tail.strip():
        node.tail = mask_text(node.tail)
    for raw_tag, raw in node.attrib.items():
        tag, value = str(raw_tag), str(raw)
        name = tag.rpartition("}")[2]
        attribute_kind = rules.kind(name) or (kind if name in ("value", "V", "v") else None)
        masked = _mask_xml_text(value, kind=attribute_kind, rules=rules, depth=depth)
        if masked != value:
            node.set(tag, masked)


def _person_name(node: Element) -> MaskKind | None:
    """A bare ``name`` in a patient's element, or beside the fields that only a person has."""
    if local_name(node).lower() != "name":
        return None
    owner = node.getparent()
    if owner is None:
        return None
    if local_name(owner).lower() in PERSON_OWNERS:
        return "name"
    beside = {local_name(child).lower() for child in owner if isinstance(child.tag, str)}
    return "name" if beside & PERSON_HINTS else None


def _mask_xml_text(text: str, *, kind: MaskKind | None, rules: Rules, depth: int) -> str:
    if "**" in text:
        return mask_text(text)  # a rule above was here already
    if kind is not None:
        return mask_value(kind, text)
    inner = _inside(text, rules, depth)
    return inner if inner is not None else mask_text(text)


# ── documents within texts ───────────────────────────────────────────────────────────────────────────


def _inside(text: str, rules: Rules, depth: int) -> str | None:
    """The masked text of a document that hides in a text, or None when there is none."""
    if depth >= _DEEPEST:
        return None
    stripped = text.strip()
    try:
        if stripped.startswith("<") and stripped.endswith(">"):
            element = parse(stripped.encode("utf-8", "replace"), _LIMITS)
            return serialise(_mask_xml(element, rules, depth + 1)).decode("utf-8")
        if stripped[:1] in ("{", "[") and stripped[-1:] in ("}", "]"):
            value = _mask(loads(stripped.encode("utf-8", "replace")), rules, depth + 1)
            return dumps(value).decode("utf-8") if not isinstance(value, etree._Element) else None
        if len(stripped) >= 40 and _BASE64.fullmatch(stripped):
            return _inside_base64(stripped, rules, depth)
    except DocumentError:
        return None
    return None


def _inside_base64(text: str, rules: Rules, depth: int) -> str | None:
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return None
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"<", b"{", b"["):
        return None
    inner = _inside(read(data).text, rules, depth + 1)
    return base64.b64encode(inner.encode("utf-8")).decode("ascii") if inner is not None else None
