"""Attachments as a manifest and a schema have them: what the provider takes, and which elements are binary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.findings import Spot
from registry.model import AttachmentRules, Binaries
from transformers import ns
from transformers.document import Element
from transformers.shape import Shape

#: ``xs:base64Binary`` and its kin with a content type (W3C Describing Media Content of Binary Data in XML).
_BINARY = frozenset({ns.clark(ns.XSD, "base64Binary"), ns.clark(ns.XMIME, "base64Binary")})


def attachment_rules(provider: Mapping[str, Any], spot: Spot) -> AttachmentRules | None:
    """The rules of a provider's manifest; None where it has none. Raises ManifestInvalid."""
    raw = provider.get("attachments")
    if raw is None:
        return None
    rules = AttachmentRules(**({"style": raw} if isinstance(raw, str) else raw))
    if rules.style != "inline" and provider["protocol"] == "rest":
        raise spot.at("attachments").refuse(f"a rest provider takes no {rules.style}", "set attachments: inline")
    if rules.style != "inline" and provider.get("quirks", {}).get("http") == "1.0":
        hint = "set attachments: inline"
        raise spot.at("attachments").refuse("HTTP/1.0 has no way to carry what streams", hint)
    return rules


def binaries(shape: Shape) -> Binaries | None:
    """A finder of the binary elements of documents of this shape; None where none can hold any."""
    children: dict[str, dict[str, str]] = {}
    for name, kind in shape.types.items():
        children[name] = {field.name: field.type for field in reversed(kind.fields)}
        children[name] |= {field.tag: field.type for field in reversed(kind.fields)}
    reaching = set(_BINARY)
    while found := {name for name, inner in children.items() if not reaching.isdisjoint(inner.values())} - reaching:
        reaching |= found
    if shape.type not in reaching:
        return None

    def find(element: Element, kind: str) -> Iterator[Element]:
        if kind in _BINARY:
            yield element
            return
        inner = children[kind]
        for child in element:
            # By local name where the namespace is wrong: senders get namespaces wrong.
            of = inner.get(child.tag) or inner.get(child.tag.rpartition("}")[2], "")
            if of in reaching:
                yield from find(child, of)

    return lambda element: find(element, shape.type)
