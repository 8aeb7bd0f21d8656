"""The page that an integrator opens to call an operation."""

from __future__ import annotations

import json

import pytest

from bus.console import contract
from bus.registry import SHIPPED
from registry.compile import compile_catalogue
from registry.model import Snapshot
from registry.source import read_folder


@pytest.fixture(scope="module")
def shipped() -> Snapshot:
    return compile_catalogue(read_folder(SHIPPED), {}, require_environment=False).snapshot


def test_an_operation_shows_a_sample_that_its_schema_allows_and_programs_in_five_languages(shipped: Snapshot) -> None:
    view = contract.operation(shipped, "lis", "1", "PlaceOrder", base="http://bus.invalid", language="en")
    assert view is not None
    assert json.loads(view["sample"])["patient"]["sex"] in ("0", "1", "2", "9")
    assert {(one["language"], one["face"]) for one in view["snippets"]} == {
        (language, face) for language in ("curl", "Python", "PHP", "Java", "C#") for face in ("rest", "soap")
    }
    assert all("http://bus.invalid/" in one["text"] for one in view["snippets"])
    assert (view["rest"], view["soap"]) == ("POST /rest/lis/v/1/PlaceOrder", "/soap/lis/1")


def test_every_shipped_operation_has_a_page(shipped: Snapshot) -> None:
    for service in shipped.services.values():
        for number, version in service.versions.items():
            for name, one in version.operations.items():
                view = contract.operation(shipped, service.name, number, name, base="http://bus.invalid", language="zh")
                assert view is not None
                writable = "rest" in version.faces or one.to_xml is not None
                assert bool(view["snippets"]) is writable, f"{service.name}.{name}"


def test_an_operation_that_does_not_exist_has_no_page(shipped: Snapshot) -> None:
    for address in (("lis", "1", "Nothing"), ("lis", "9", "PlaceOrder"), ("nothing", "1", "PlaceOrder")):
        assert contract.operation(shipped, *address, base="http://bus.invalid", language="zh") is None
