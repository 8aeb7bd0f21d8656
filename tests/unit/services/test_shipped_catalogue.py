"""The shipped hospital as a whole: it compiles, it holds together, and every workflow can be taken back."""

from __future__ import annotations

import re

import pytest
from shipped import CATALOGUE, snapshot

from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid
from registry.source import read_folder
from registry.workflow_model import CallStep, WaitStep, walk
from services.demo.environment import ADDRESSES, SECRETS, make_secrets

FIVE = {"registration", "billing", "exam", "pharmacy", "report"}


def test_the_shipped_hospital_has_its_systems_and_its_six_workflows() -> None:
    assert set(snapshot().systems) == {"his", "emr", "lis", "pacs", "insurance", "pharmacy", "app"}
    assert set(snapshot().workflows) == FIVE | {"visit"}


def test_the_shipped_hospital_compiles_without_a_warning() -> None:
    assert compile_catalogue(read_folder(CATALOGUE), make_secrets()).warnings == ()


def test_a_callers_missing_secret_is_a_problem_that_names_the_variable() -> None:
    environ = make_secrets()
    del environ["KIOSK_API_KEY"]
    with pytest.raises(ManifestInvalid, match="KIOSK_API_KEY"):
        compile_catalogue(read_folder(CATALOGUE), environ)


def test_the_demo_sets_every_variable_that_the_manifests_name() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CATALOGUE.glob("systems/*/manifest.yaml"))
    named = set(re.findall(r"\$\{([A-Z_]+)", text))
    known = {name for names in (*SECRETS.values(), *ADDRESSES.values()) for name in names}
    assert named <= known
    assert known - named == {"PACS_USERNAME"}


def test_every_write_of_a_visit_names_what_takes_it_back() -> None:
    """Except what needs no taking back: uploads that their registration takes with it, and the last word to the app."""
    free = {"insurance.UploadVisit", "app.Notify"}
    for step in walk(snapshot().workflows["visit"].definition.steps):
        if isinstance(step, CallStep) and step.operation not in free:
            service, _, name = step.operation.partition(".")
            version = snapshot().services[service].versions["1"]
            assert (version.operations[name].effect == "write") is (step.undo is not None), step.name


def test_every_step_of_a_visit_has_a_deadline() -> None:
    for step in walk(snapshot().workflows["visit"].definition.steps):
        if isinstance(step, CallStep | WaitStep):
            assert step.deadline, step.name


def test_only_the_settlement_is_not_repeated_and_it_is_reversed_instead() -> None:
    once = {
        f"{service.name}.{operation.name}"
        for service in snapshot().services.values()
        for operation in service.versions["1"].operations.values()
        if operation.effect == "write" and not operation.policy.idempotent and service.versions["1"].provider
    }
    assert once == {"insurance.Settle"}
    steps = [step for step in walk(snapshot().workflows["billing"].definition.steps) if isinstance(step, CallStep)]
    (settle,) = [step for step in steps if step.operation == "insurance.Settle"]
    assert settle.unknown is not None
    assert settle.unknown.operation == "insurance.Reverse"


def test_every_milestone_of_the_journey_is_reached_by_an_operation_that_exists() -> None:
    for milestone in snapshot().journeys["outpatient"].milestones:
        for name in milestone.operations:
            service, _, operation = name.partition(".")
            assert operation in snapshot().services[service].versions["1"].operations
