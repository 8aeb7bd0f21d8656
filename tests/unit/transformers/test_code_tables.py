"""Codes are translated both ways, and one that nobody mapped is counted rather than guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers.codes import CodeTable, Mapped, compile_codes
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.xml import parse, serialise

SEX = CodeTable(
    ("his", "gbt", "hl7"), (("M", "1", "M"), ("F", "2", "F"), ("X", "1", "U")), {"gbt": "9"}, name="his-sex"
)


def test_a_code_is_translated_between_any_two_columns() -> None:
    assert SEX.lookup("M", "his", "gbt") == Mapped("1", known=True)
    assert SEX.lookup(" 2 ", "gbt", "hl7") == Mapped("F", known=True)


def test_of_several_rows_with_one_code_the_first_counts() -> None:
    assert SEX.lookup("1", "gbt", "his").value == "M"


CODES = st.lists(st.text(min_size=1).filter(lambda text: text == text.strip()), unique=True, max_size=12)


@given(CODES, CODES, st.text())
def test_a_table_that_pairs_each_code_with_one_leads_there_and_back_and_counts_all_others(
    ours: list[str], theirs: list[str], asked: str
) -> None:
    pairs = tuple(zip(ours, theirs, strict=False))
    table = CodeTable(("ours", "theirs"), pairs, {"theirs": "?"})
    for one, other in pairs:
        assert table.lookup(one, "ours", "theirs") == Mapped(other, known=True)
        assert table.lookup(other, "theirs", "ours") == Mapped(one, known=True)
    seen: list[str] = []
    given_ = {"code": asked}
    answer = compile_codes(table, "ours", "theirs", ".code", on_unmapped=seen.append)(given_)
    known = dict(pairs).get(asked.strip())
    if asked:
        assert answer == {"code": "?" if known is None else known}
        assert seen == ([] if known is not None else [asked])


def test_an_unmapped_code_takes_the_stand_in_of_its_column() -> None:
    assert SEX.lookup("?", "his", "gbt") == Mapped("9", known=False)


def test_an_unmapped_code_without_stand_in_is_refused_unquoted() -> None:
    with pytest.raises(MappingFailed, match="his-sex") as caught:
        SEX.lookup("张三", "his", "hl7")
    assert "张三" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "rows", "unmapped"),
    [(("a",), (), {}), (("a", "a"), (), {}), (("a", "b"), (("1",),), {}), (("a", "b"), (), {"c": "1"})],
)
def test_a_table_that_does_not_hold_together_is_refused(
    columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], unmapped: dict[str, str]
) -> None:
    with pytest.raises(TransformerInvalid):
        CodeTable(columns, rows, unmapped)


def test_every_unmapped_code_of_a_json_document_is_reported() -> None:
    seen: list[str] = []
    step = compile_codes(SEX, "his", "gbt", ".people[].sex", on_unmapped=seen.append)
    before = {"people": [{"sex": "M"}, {"sex": "Q"}, {"sex": None}, {"sex": ""}, {}], "sex": "M"}
    after = step(before)  # type: ignore[arg-type]
    assert after == {"people": [{"sex": "1"}, {"sex": "9"}, {"sex": None}, {"sex": ""}, {}], "sex": "M"}
    assert seen == ["Q"]
    assert before["people"][0] == {"sex": "M"}


def test_numbers_and_lists_of_codes_are_translated_too() -> None:
    assert compile_codes(SEX, "gbt", "his", ".s")({"s": [1, "2"]}) == {"s": ["M", "F"]}


def test_elements_and_attributes_are_translated_by_xpath_on_a_copy() -> None:
    document = parse(b'<a xmlns="u:a"><s>M</s><c code="F"/></a>')
    after = compile_codes(SEX, "his", "gbt", "//u:s | //u:c/@code", namespaces={"u": "u:a"})(document)
    assert serialise(after) == b'<a xmlns="u:a"><s>1</s><c code="2"/></a>'  # type: ignore[arg-type]
    assert document[0].text == "M"


def test_unknown_columns_and_bad_paths_do_not_compile() -> None:
    for source, target, at in (
        ("his", "none", ".a"),
        ("none", "gbt", ".a"),
        ("his", "gbt", "//["),
        ("his", "gbt", ".a b"),
    ):
        with pytest.raises(TransformerInvalid):
            compile_codes(SEX, source, target, at)


def test_a_path_for_the_other_format_fails_in_words() -> None:
    with pytest.raises(MappingFailed, match="XPath"):
        compile_codes(SEX, "his", "gbt", ".a")(parse(b"<a/>"))
    with pytest.raises(MappingFailed, match="dotted"):
        compile_codes(SEX, "his", "gbt", "//a")({"a": "M"})
