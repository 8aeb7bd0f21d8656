"""Stylesheets reach nothing but what came with them, and say nothing of another message."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from transformers.document import is_xml
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.references import Blocked
from transformers.xml import parse, serialise
from transformers.xslt import compile_stylesheet

HEAD = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'
    ' xmlns:exsl="http://exslt.org/common" xmlns:dyn="http://exslt.org/dynamic"'
    ' extension-element-prefixes="exsl dyn">'
)


def sheet(inside: str) -> bytes:
    return f"{HEAD}{inside}</xsl:stylesheet>".encode()


def rule(inside: str) -> bytes:
    return sheet(f'<xsl:template match="/">{inside}</xsl:template>')


def test_an_element_becomes_another_element() -> None:
    made = compile_stylesheet(rule('<out><xsl:value-of select="/in/@x"/></out>')).apply(parse(b'<in x="1"/>'))
    assert serialise(made) == b"<out>1</out>"  # type: ignore[arg-type]


def test_output_method_text_is_read_as_json() -> None:
    compiled = compile_stylesheet(
        sheet(
            '<xsl:output method="text"/><xsl:template match="/">{"a": [1, "<xsl:value-of select="."/>"]}</xsl:template>'
        )
    )
    assert compiled.yields_json
    assert compiled.apply(parse("<in>张</in>".encode())) == {"a": [1, "张"]}


def test_text_that_is_no_json_fails_without_being_quoted() -> None:
    compiled = compile_stylesheet(
        sheet('<xsl:output method="text"/><xsl:template match="/">姓名 <xsl:value-of select="."/></xsl:template>')
    )
    with pytest.raises(MappingFailed) as caught:
        compiled.apply(parse("<in>张三丰</in>".encode()))
    assert "张三丰" not in str(caught.value)


def test_parameters_are_strings_however_they_are_quoted() -> None:
    compiled = compile_stylesheet(
        sheet('<xsl:param name="p"/><xsl:template match="/"><o><xsl:value-of select="$p"/></o></xsl:template>')
    )
    text = 'it\'s "//in" & <more>'
    assert compiled.apply(parse(b"<in>secret</in>"), {"p": text}).text == text  # type: ignore[union-attr]


def test_a_payload_is_transformed_as_if_it_were_the_document() -> None:
    envelope = parse(b"<e><h>no</h><b><in>yes</in></b></e>")
    made = compile_stylesheet(rule('<o><xsl:value-of select="count(//h)"/>/<xsl:value-of select="/in"/></o>')).apply(
        envelope[1][0]
    )
    assert made.text == "0/yes"  # type: ignore[union-attr]


def test_the_document_that_goes_in_stays_as_it_was() -> None:
    before = b"<in>\n <a> </a>\n</in>"
    document = parse(before)
    compile_stylesheet(sheet('<xsl:strip-space elements="*"/><xsl:template match="/"><o/></xsl:template>')).apply(
        document
    )
    assert serialise(document) == before


def test_includes_come_from_the_files_that_came_along() -> None:
    main = sheet('<xsl:include href="../shared/inc.xslt"/>')
    inc = sheet('<xsl:import href="deep.xslt"/>')
    deep = rule("<deep/>")
    made = compile_stylesheet(main, includes={"inc.xslt": inc, "deep.xslt": deep}).apply(parse(b"<a/>"))
    assert made.tag == "deep"  # type: ignore[union-attr]


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:9/x.xslt", "../x.xslt", ""])
@pytest.mark.parametrize("word", ["include", "import"])
def test_includes_from_anywhere_else_do_not_compile(word: str, href: str) -> None:
    with pytest.raises(TransformerInvalid, match="not among"):
        compile_stylesheet(sheet(f'<xsl:{word} href="{href}"/>'))


def test_includes_that_go_in_a_circle_do_not_compile() -> None:
    with pytest.raises(TransformerInvalid, match="without end"):
        compile_stylesheet(sheet('<xsl:include href="a"/>'), includes={"a": sheet('<xsl:include href="a"/>')})


@pytest.mark.parametrize("address", ["{file}", "file://{file}", "http://127.0.0.1:9/x", "ftp://127.0.0.1/x"])
def test_documents_from_outside_are_not_read_at_run_time(tmp_path: Path, address: str) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text("<s>kept to itself</s>")
    compiled = compile_stylesheet(rule(f"<o><xsl:copy-of select=\"document('{address.format(file=secret)}')\"/></o>"))
    try:
        made = compiled.apply(parse(b"<a/>"))
    except MappingFailed:
        return
    assert b"kept" not in serialise(made)  # type: ignore[arg-type]


def test_a_text_that_a_stylesheet_evaluates_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text("<s>kept to itself</s>")
    compiled = compile_stylesheet(rule('<o><xsl:copy-of select="dyn:evaluate(/a)"/></o>'))
    made = compiled.apply(parse(b"<a>concat('evalu', 'ated')</a>"))
    assert b"evaluated" in serialise(made)  # type: ignore[arg-type]
    try:
        made = compiled.apply(parse(f"<a>document('{secret}')</a>".encode()))
    except MappingFailed:
        return
    assert b"kept" not in serialise(made)  # type: ignore[arg-type]


def test_the_resolver_itself_refuses_what_did_not_come_along() -> None:
    # Compile-time checks and access control stand before it; it must hold without them.
    for address in ("file:///etc/passwd", "http://127.0.0.1:9/x", "", None):
        with pytest.raises(OSError, match="refused"):
            Blocked({"known.xslt": b"<a/>"}).resolve(address, None)


def test_no_stylesheet_writes_a_file(tmp_path: Path) -> None:
    target = tmp_path / "written.xml"
    compiled = compile_stylesheet(rule(f'<o/><exsl:document href="{target}"><x/></exsl:document>'))
    with pytest.raises(MappingFailed):
        compiled.apply(parse(b"<a/>"))
    assert not target.exists()


def test_a_stylesheet_with_a_doctype_is_refused() -> None:
    with pytest.raises(TransformerInvalid, match="DOCTYPE"):
        compile_stylesheet(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + rule("<o>&e;</o>"))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (sheet("\n\n<xsl:nonsense/>"), 3),
        (b"<oops>\n<", 2),
        (b"<not-a-stylesheet/>", 1),
        (rule('\n<xsl:value-of select="((("/>'), 2),
    ],
)
def test_a_stylesheet_that_does_not_compile_says_on_which_line(source: bytes, line: int) -> None:
    with pytest.raises(TransformerInvalid) as caught:
        compile_stylesheet(source, name="a.xslt")
    assert caught.value.line == line
    assert "a.xslt" in str(caught.value)


def test_a_stylesheet_that_makes_nothing_fails() -> None:
    with pytest.raises(MappingFailed, match="no element"):
        compile_stylesheet(rule("")).apply(parse(b"<a/>"))


def test_endless_recursion_ends_as_a_failed_mapping() -> None:
    compiled = compile_stylesheet(
        rule('<xsl:call-template name="t"/>').replace(
            b"</xsl:stylesheet>",
            b'<xsl:template name="t"><xsl:call-template name="t"/></xsl:template></xsl:stylesheet>',
        )
    )
    with pytest.raises(MappingFailed):
        compiled.apply(parse(b"<a/>"))


def test_eight_threads_share_a_stylesheet_and_never_see_each_others_words() -> None:
    compiled = compile_stylesheet(
        sheet(
            '<xsl:template match="/a[@bad]" priority="2">'
            '<xsl:message terminate="yes">refused <xsl:value-of select="."/></xsl:message></xsl:template>'
            '<xsl:template match="/a"><o><xsl:value-of select="."/></o></xsl:template>'
        )
    )
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(150):
            marker = f"patient-{number}-{turn}"
            made = compiled.apply(parse(f"<a>{marker}</a>".encode()))
            if not is_xml(made) or made.text != marker:  # type: ignore[union-attr]
                wrong.append(marker)
            try:
                compiled.apply(parse(f"<a bad='1'>{marker}</a>".encode()))
                wrong.append("not refused")
            except MappingFailed as error:
                if "patient-" in str(error) or error.__cause__ is not None:
                    wrong.append(str(error))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
