"""The platform document of the simulated HIS is valid against the published schema and against our profile of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from outside import samples
from shipped import CATALOGUE, operation

from services.simulators.registration_notice import Registered, patient_info_register

PATIENT = Registered("P1", "110105491231002", "张镕珅", "1", "19491231", "19900000000")
PROFILE = CATALOGUE / "systems" / "emr" / "contracts" / "patient-info-register.xsd"


def schema(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(path))


def test_the_document_is_valid_against_the_published_schema() -> None:
    published = samples("wst846") / "PatientInfoRegister.xsd"
    schema(published).assertValid(etree.fromstring(patient_info_register(PATIENT)))


def test_the_document_is_valid_against_the_shipped_profile() -> None:
    schema(PROFILE).assertValid(etree.fromstring(patient_info_register(PATIENT)))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('<birthTime value="19491231"/>', '<birthTime value="1949-12-31"/>'),
        ('<administrativeGenderCode code="1"', '<administrativeGenderCode code="M"'),
        ('root="2.16.156.10011.2.5.1.1"', 'root="2.16.156.10011.0"'),
        ("<patientPerson>", "<patientPerson><unknown/>"),
        ('<statusCode code="active"/><effectiveTime>', "<effectiveTime>"),
    ],
)
def test_what_the_mapping_needs_is_refused_where_it_is_wrong(good: str, bad: str) -> None:
    text = patient_info_register(PATIENT)
    assert good in text
    assert not schema(PROFILE).validate(etree.fromstring(text.replace(good, bad)))


def test_the_check_of_the_bus_reports_a_breach_without_the_patients_values() -> None:
    check = operation("hip.PatientInfoRegister").request_check
    assert check is not None
    document = patient_info_register(PATIENT).replace(
        'code="1" codeSystem="2.16.156.10011.2.3.3.4"', 'code="M" codeSystem="x"'
    )
    violations = check.validator(etree.fromstring(document))
    assert violations
    assert not any("张镕珅" in violation.message or "491231" in violation.message for violation in violations)
