"""Identity numbers of the old and the new form mean the same person's number, and a typing error shows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformers import identity

OLD, NEW = "110105491231002", "11010519491231002X"


def test_the_old_form_becomes_the_new_form_with_its_check_digit() -> None:
    assert identity.to18(OLD) == NEW
    assert identity.canonical(OLD) == identity.canonical(NEW) == NEW


def test_numbers_kept_for_centenarians_get_the_eighteenth_century_hundred() -> None:
    longer = identity.to18("110105950101997")
    assert longer[6:14] == "18950101"
    assert identity.valid(longer)


@pytest.mark.parametrize(
    "text", ["１１０１０５１９４９１２３１００２Ｘ", " 110105 19491231 002x ", "11010519491231002x"]
)
def test_full_width_blanks_and_small_x_do_not_matter(text: str) -> None:
    assert identity.canonical(text) == NEW
    assert identity.valid(text)


@pytest.mark.parametrize(
    "text", ["110105194912310021", "11010519491331002X", "110105490231002", "", "ABC", "1101051949123100", "X" * 18]
)
def test_wrong_check_digits_dates_and_lengths_are_not_valid(text: str) -> None:
    assert not identity.valid(text)


def test_a_number_that_is_not_valid_is_only_normalised() -> None:
    assert identity.canonical(" e1234５6 ") == "E123456"


def test_birth_date_and_sex_are_read_from_either_form() -> None:
    for number in (OLD, NEW):
        assert identity.birth_date(number) == date(1949, 12, 31)
        assert identity.sex(number) == "2"
    assert identity.sex("110105491231003") == "1"
    assert identity.sex("no number") is None
    assert identity.birth_date("no number") is None


def test_the_key_of_the_new_form_is_the_old_form() -> None:
    assert identity.key15(NEW) == identity.key15(OLD) == OLD


@pytest.mark.parametrize("function", [identity.to18, identity.key15])
def test_text_of_another_length_is_refused_without_being_quoted(function: object) -> None:
    with pytest.raises(ValueError, match="15 or 18") as caught:
        function("张三123")  # type: ignore[operator]
    assert "张三" not in str(caught.value)


def test_an_organisation_code_is_checked_by_its_last_character() -> None:
    assert identity.valid_organisation("91110000600037341L")
    assert identity.valid_organisation(" 91110000600037341l ")
    assert not identity.valid_organisation("91110000600037341M")
    assert not identity.valid_organisation("9111000060003734IL")
    assert not identity.valid_organisation("91")


@given(
    st.dates(date(1900, 1, 1), date(1999, 12, 31)),
    st.integers(0, 995),
    st.integers(0, 899999).map(lambda n: n + 100000),
)
def test_every_old_number_survives_the_way_to_the_new_form_and_back(day: date, sequence: int, region: int) -> None:
    short = f"{region}{day:%y%m%d}{sequence:03d}"
    longer = identity.to18(short)
    assert identity.valid(longer)
    assert identity.key15(longer) == short
    assert identity.birth_date(longer) == day


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(position: int, shift: int) -> None:
    wrong = NEW[:position] + str((int(NEW[position]) + shift) % 10) + NEW[position + 1 :]
    assert not identity.valid(wrong)
