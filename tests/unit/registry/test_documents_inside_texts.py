"""Keys and checks reach a document that travels as text inside another one."""

from __future__ import annotations

import pytest
from lxml import etree

from registry.catalogue import Catalogue
from registry.errors import ManifestInvalid
from registry.findings import Spot
from registry.inside import check_inside, key_inside
from registry.manifest import read_manifests
from transformers.document import Document
from transformers.errors import Violation
from transformers.xpath import compile_xpath, text_of

MESSAGE = "//*[local-name()='message']"


def outer(text: str) -> etree._Element:
    return etree.fromstring(
        f"<HIPMessageServer><action>A</action><message><![CDATA[{text}]]></message></HIPMessageServer>"
    )


def spot() -> Spot:
    manifests, _ = read_manifests(Catalogue({"m.yaml": b"kind: System\nname: his\n"}))
    (system,) = manifests.sound("System")
    return Spot(system, ())


def patient(document: Document) -> tuple[str, ...]:
    assert isinstance(document, etree._Element)
    return tuple(text_of(found) for found in compile_xpath("//patient/@id")(document))


def test_a_key_is_found_in_the_document_inside_the_text() -> None:
    find = key_inside(patient, MESSAGE, "xml", {}, spot())
    assert find(outer('<?xml version="1.0" encoding="GBK"?><a><patient id="P1"/></a>')) == ("P1",)


@pytest.mark.parametrize("text", ["", "not xml", "<a><b></a>", "<!DOCTYPE a><a/>"])
def test_a_text_that_holds_no_document_has_no_keys_and_breaks_its_contract(text: str) -> None:
    assert key_inside(patient, MESSAGE, "xml", {}, spot())(outer(text)) == ()
    (violation,) = check_inside(lambda _: (), MESSAGE, "xml", {}, spot())(outer(text))
    assert violation.rule == "inside"


def test_what_the_inner_document_breaks_is_reported_as_its_own_violations() -> None:
    broken = (Violation("/a/patient", "is missing"),)
    validate = check_inside(lambda found: () if patient(found) else broken, MESSAGE, "xml", {}, spot())
    assert validate(outer("<a/>")) == broken
    assert validate(outer('<a><patient id="P1"/></a>')) == ()


def test_looking_inside_a_contract_that_speaks_json_is_a_problem_of_the_manifest() -> None:
    with pytest.raises(ManifestInvalid, match="JSON"):
        key_inside(patient, MESSAGE, "json", {}, spot())
    with pytest.raises(ManifestInvalid):
        check_inside(lambda _: (), "//[", "xml", {}, spot())
