"""Contracts, mappings and expressions that would reach out, and published contracts that would lie."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from served_bus import KEY
from target import Target, envelope

from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid
from registry.source import read_folder

pytestmark = pytest.mark.integration

Change = Callable[[Path], None]


def replace(name: str, old: str, new: str) -> Change:
    """Replace a text in one file of a catalogue."""

    def change(catalogue: Path) -> None:
        file = catalogue / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return change


def add(name: str, text: str, *, step: str) -> Change:
    """Add a file to a catalogue, and a mapping step that uses it."""

    def change(catalogue: Path) -> None:
        (catalogue / name).write_text(text, encoding="utf-8")
        replace(
            "manifest.yaml",
            "checks: {request: {wsdl: true, gate: reject}}",
            f"checks: {{request: {{wsdl: true, gate: reject}}}}\n        request: [{step}]",
        )(catalogue)

    return change


def xslt(inside: str) -> Change:
    """A stylesheet as the mapping of an operation."""
    text = (
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" '
        f'xmlns:d="http://exslt.org/dynamic">{inside}<xsl:template match="/"><x/></xsl:template></xsl:stylesheet>'
    )
    return add("hostile.xslt", text, step="{xslt: hostile.xslt}")


def schema(inside: str) -> Change:
    """A property with these keywords in the JSON Schema of an operation."""
    return replace("contracts/order.json", '"note": {"type": "string"}', f'"note": {{{inside}}}')


def imports(location: str) -> Change:
    """A WSDL that imports one more schema, from there."""
    more = f'<xs:import namespace="urn:other" schemaLocation="{location}"/></xs:schema></types>'
    return replace("contracts/lab.wsdl", "</xs:schema></types>", more)


REFUSED: dict[str, tuple[Change, str]] = {
    "a schema from the network": (imports("http://127.0.0.1:9/other.xsd"), "outside"),
    "a schema from a file address": (imports("file:///etc/passwd"), "outside"),
    "a schema from an absolute path": (imports("/etc/passwd"), "not there"),
    "a schema from above the catalogue": (imports("../../../../etc/passwd"), "not there"),
    "a stylesheet that includes a file": (xslt('<xsl:include href="file:///etc/passwd"/>'), "xslt"),
    "a stylesheet that imports from the network": (xslt('<xsl:import href="http://127.0.0.1:9/x.xsl"/>'), "xslt"),
    "a JSON Schema that refers to the network": (schema('"$ref": "http://127.0.0.1:9/s.json"'), "$ref"),
    "a JSON Schema that refers to a file": (schema('"$ref": "file:///etc/passwd"'), "$ref"),
    "a pattern that backtracks for hours": (schema('"type": "string", "pattern": "^(a+)+$"'), "repetition"),
    "unique items without bound": (schema('"type": "array", "uniqueItems": true'), "maxItems"),
    "a name with a way out": (replace("manifest.yaml", "name: orders", "name: ../orders"), "name"),
    "a name with a NUL": (replace("manifest.yaml", "name: orders", 'name: "or\\0ders"'), ""),
    "a name in full-width letters": (replace("manifest.yaml", "name: orders", "name: ｏｒｄｅｒｓ"), "name"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_contract_that_reaches_out_is_refused_with_file_and_line(target: Target, tmp_path: Path, kind: str) -> None:
    change, words = REFUSED[kind]
    catalogue = tmp_path / "catalogue"
    shutil.copytree(target.bus.catalogue, catalogue)
    change(catalogue)
    with pytest.raises(ManifestInvalid) as refused:
        compile_catalogue(read_folder(catalogue), target.bus.environ)
    for problem in refused.value.problems:
        assert problem.file
        assert problem.line >= 1
    assert words in str(refused.value)
    assert "root:x" not in str(refused.value)


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "xsd=lab.xsd"])
def test_no_host_header_ever_gets_into_a_published_contract(target: Target, query: str) -> None:
    for host in ("evil.example", "evil.example:81", "127.0.0.1.evil.example"):
        headers = {"Host": host, "X-Forwarded-Host": host, "Forwarded": f"host={host}", "X-API-Key": KEY}
        answer = target.send("GET", f"/soap/lab?{query}", b"", headers)
        assert answer.status == 200, answer.words
        assert "evil" not in answer.words
        if query.lower() == "wsdl":
            assert f"{target.bus.url}/soap/lab/1" in answer.words


@pytest.mark.parametrize("name", ["../manifest.yaml", "/etc/passwd", "%2e%2e/manifest.yaml", "lab.xsd%00", "http://x/"])
def test_no_other_file_is_published_beside_a_contract(target: Target, name: str) -> None:
    answer = target.send("GET", f"/soap/lab?xsd={name}", b"", {})
    assert answer.status in (400, 404), answer.words
    assert "kind: System" not in answer.words
    assert "root:x" not in answer.words


def test_a_search_takes_what_it_is_given_for_a_value_and_nothing_else(target: Target) -> None:
    target.alive()
    with target.bus.console() as browser:
        assert target.bus.find(browser, "V1") != []
        for text in ("' or '1'='1", 'V1"] | //* | x["', "'); DROP TABLE keys; --", "%", "_", "*"):
            assert target.bus.find(browser, text) == []
        assert target.bus.find(browser, "V1") != []


def test_an_expression_of_a_manifest_that_would_search_a_large_message_for_minutes_is_not_run(target: Target) -> None:
    nested = "<x>" * 150 + "<visitNo>V1</visitNo>" + "</x>" * 150
    body = envelope(f'<CancelOrder xmlns="urn:example:lab">{nested * 1000}</CancelOrder>')
    answer = target.refused(lambda: target.soap(body), "mapping")
    assert answer.seconds < 5
    assert "key not readable" in target.log()


JSON = {
    "a number that is none": ('{"visit_no":"V1","days":NaN}', "malformed"),
    "an endless number": ('{"visit_no":"V1","days":1e999}', "malformed"),
    "a name given twice": ('{"visit_no":"V1","visit_no":"V2"}', "malformed"),
    "half a character": ('{"visit_no":"V1","note":"\\ud800"}', "malformed"),
    "deep nesting": ('{"visit_no":"V1","note":' + "[" * 5000 + "]" * 5000 + "}", "too-large"),
    "an unknown property": ('{"visit_no":"V1","__proto__":{"admin":true}}', "contract"),
    "a text that no pattern should take long for": ('{"visit_no":"' + "V" + "1" * 100_000 + '!"}', "contract"),
}


@pytest.mark.parametrize("kind", JSON)
def test_json_that_two_readers_would_read_differently_is_refused(target: Target, kind: str) -> None:
    body, code = JSON[kind]
    target.refused(lambda: target.rest(body), code)


NAMES = ["{<}a", "{u\\u0000}a", "@{}", "@xmlns", "@{http://www.w3.org/2000/xmlns/}a", "a b", "@xsi:type"]


@pytest.mark.parametrize("name", NAMES)
def test_json_names_that_would_write_markup_of_their_own_break_the_contract(target: Target, name: str) -> None:
    item = '[{"code": "A1", "name": "n"}]'
    body = f'{{"visitNo": "V1", "item": {item}, "{name}": "urn:evil"}}'
    target.refused(lambda: target.rest(body, "/rest/lab/PlaceOrder"), "contract")
