"""What the invented patients of the demo promise."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from services.demo.patients import identity_number, visits
from transformers.identity import sex, to18, valid


@settings(max_examples=40)
@given(
    st.dates(min_value=date(1900, 1, 1)).map(lambda day: day.strftime("%Y%m%d")), st.integers(0, 99999), st.booleans()
)
def test_an_invented_number_has_the_right_length_parity_and_check_digit(
    birth: str, sequence: int, female: bool
) -> None:
    number = identity_number(birth, sequence, female=female)
    assert valid(number)
    assert sex(number) == ("2" if female else "1")


def test_every_invented_patient_has_a_valid_number_that_agrees_with_sex_and_birth_date() -> None:
    for visit in visits(300, seed=7, first=1000):
        patient = visit.request["patient"]
        assert valid(patient["id_no"])
        assert sex(patient["id_no"]) == patient["sex"]
        assert to18(patient["id_no"])[6:14] == patient["birth_date"].replace("-", "")


def test_numbers_of_both_lengths_and_names_beyond_gb2312_occur() -> None:
    patients = [visit.request["patient"] for visit in visits(300, seed=7, first=1000)]
    assert {len(patient["id_no"]) for patient in patients} == {15, 18}
    assert any("镕" in patient["name"] for patient in patients)
    assert any(b"|" in patient["name"].encode("gbk") for patient in patients)


def test_every_name_fits_the_gbk_of_the_oldest_system() -> None:
    for visit in visits(300, seed=3, first=1000):
        visit.request["patient"]["name"].encode("gbk")


def test_visit_numbers_are_unique_and_leave_room_for_an_accession_number() -> None:
    numbers = [visit.visit_no for visit in visits(5000, first=97000, day="261123")]
    assert len(set(numbers)) == 5000
    assert {len("X" + number) for number in numbers} == {14}
