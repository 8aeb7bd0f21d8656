"""``inside``: keys and checks of a document that travels as text within another one, as WS/T 846 has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lxml import etree

from registry.findings import Spot
from registry.model import Form, KeyPath, Validator
from transformers.document import Document, Element
from transformers.embedded import compile_unwrap
from transformers.errors import DocumentError, MappingFailed, TransformerInvalid, Violation


def key_inside(path: KeyPath, xpath: str, form: Form, namespaces: Mapping[str, str], spot: Spot) -> KeyPath:
    """``path``, read in the document held at ``xpath``; finds nothing where there is none. Raises ManifestInvalid."""
    unwrap = _compiled(xpath, form, namespaces, spot)

    def find(document: Document) -> tuple[str, ...]:
        try:
            return path(unwrap(document)) if isinstance(document, etree._Element) else ()
        except DocumentError:
            return ()

    return find


def check_inside(validator: Validator, xpath: str, form: Form, namespaces: Mapping[str, str], spot: Spot) -> Validator:
    """``validator`` of the document held at ``xpath``; that there is none is a violation. Raises ManifestInvalid."""
    unwrap = _compiled(xpath, form, namespaces, spot)

    def validate(document: Document) -> tuple[Violation, ...]:
        try:
            inner = unwrap(document) if isinstance(document, etree._Element) else None
        except DocumentError as error:
            return (Violation(path=xpath, message=str(error), rule="inside"),)
        return validator(inner)

    return validate


def _compiled(xpath: str, form: Form, namespaces: Mapping[str, str], spot: Spot) -> Callable[[Element], Element]:
    if form != "xml":
        raise spot.refuse("looks inside XML, but the contract speaks JSON", "set form: xml")
    try:
        return compile_unwrap(xpath, namespaces)
    except (TransformerInvalid, MappingFailed) as error:
        raise spot.refuse(str(error)) from error
