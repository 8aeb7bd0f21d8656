"""Business keys: path expressions compiled to functions that take a document and give the texts at that path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from registry.findings import Findings, Spot
from registry.model import Form, Key, KeyPath
from registry.paths import parse_path, values
from transformers import xpath
from transformers.document import Document, Json
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.jq import compile_jq_all


def compile_keys(
    raw: Mapping[str, Any], form: Form, namespaces: Mapping[str, str], spot: Spot, findings: Findings
) -> tuple[Key, ...]:
    """The keys of one side of an operation; those that do not compile become findings."""
    keys = []
    for name, written in raw.items():
        text = written["path"] if isinstance(written, Mapping) else written
        identity = isinstance(written, Mapping) and written.get("identity", False)
        path = findings.attempt(lambda text=text, name=name: compile_path(text, form, namespaces, spot.at(name)))  # type: ignore[misc]
        if path is not None:
            keys.append(Key(name, path, identity))
    return tuple(keys)


def compile_path(text: str, form: Form, namespaces: Mapping[str, str], spot: Spot) -> KeyPath:
    """A path for documents of this form: XPath 1.0 for XML; a dotted path or jq for JSON. Raises ManifestInvalid."""
    if form == "xml":
        if parse_path(text) is not None:
            raise spot.refuse("a JSON path, but the contract speaks XML", "write an XPath, or set form: json")
        return _xpath(text, namespaces, spot)
    if text.startswith("/"):
        raise spot.refuse("an XPath, but the contract speaks JSON", "write a jq path, or set form: xml")
    return _json_path(text, spot)


def checked_xpath(text: str, namespaces: Mapping[str, str], spot: Spot) -> xpath.Path:
    """A compiled XPath 1.0 expression. Raises ManifestInvalid for bad syntax or a prefix nobody declared."""
    try:
        return xpath.compile_xpath(text, namespaces)
    except (TransformerInvalid, MappingFailed) as error:
        known = ", ".join(sorted(namespaces))
        hint = f"prefixes of this version: {known}" if known else "declare prefixes under the version's namespaces"
        raise spot.refuse(str(error), hint) from error


def _xpath(text: str, namespaces: Mapping[str, str], spot: Spot) -> KeyPath:
    path = checked_xpath(text, namespaces, spot)

    def find(document: Document) -> tuple[str, ...]:
        if not isinstance(document, etree._Element):
            return ()
        found = [xpath.text_of(each).strip() for each in path(document)]
        return tuple(dict.fromkeys(filter(None, found)))

    return find


def _json_path(text: str, spot: Spot) -> KeyPath:
    parts = parse_path(text)
    if parts is not None:

        def walk(document: Document) -> tuple[str, ...]:
            return () if isinstance(document, etree._Element) else _texts(values(document, parts))

        return walk
    try:
        program = compile_jq_all(text)
    except TransformerInvalid as error:
        raise spot.refuse(f"not a usable jq path: {error}") from error

    def evaluate(document: Document) -> tuple[str, ...]:
        if isinstance(document, etree._Element):
            return ()
        try:
            return _texts(program(document))
        except MappingFailed:
            return ()  # a document without this key is no failure: it is only not found by it

    return evaluate


def _texts(found: Iterable[Json | object]) -> tuple[str, ...]:
    """The texts and numbers among ``found``, without blanks and doubles, in document order."""
    texts: dict[str, None] = {}
    for value in found:
        if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
            text = str(value).strip()
            if text:
                texts[text] = None
    return tuple(texts)
