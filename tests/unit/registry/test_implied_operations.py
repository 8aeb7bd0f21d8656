"""Operations that a manifest does not list because its contract has them."""

from __future__ import annotations

from pathlib import Path

from catalogues import SYSTEM, catalogue, compiled, problems

from bus.commands.listing import listing
from registry.catalogue import Catalogue
from registry.store import RegistryStore

LIS = Path(__file__).parents[3] / "services" / "systems" / "lis" / "contracts"
FILES = {name: (LIS / name).read_bytes() for name in ("lis.wsdl", "lis.xsd")}
SERVICE = """
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    contract: {wsdl: lis.wsdl}
    provider: {protocol: soap11, endpoints: [{url: "http://lis.example/"}]}
"""
KIOSK = """
kind: Consumer
name: kiosk
grants: [{service: lis, operations: [PlaceOrder]}]
"""


def test_a_version_without_operations_offers_all_that_its_wsdl_binds() -> None:
    operations = compiled(SYSTEM, SERVICE, files=FILES).snapshot.services["lis"].versions["1"].operations
    assert sorted(operations) == ["CancelOrder", "PlaceOrder", "QueryOrder"]
    assert {operation.effect for operation in operations.values()} == {"write"}
    assert operations["PlaceOrder"].element == "{urn:hospital:lis:v1}PlaceOrder"


def test_other_manifests_may_name_operations_that_are_only_implied() -> None:
    assert problems(SYSTEM, SERVICE, KIOSK, files=FILES) == []
    wrong = KIOSK.replace("PlaceOrder", "PlaceOrders")
    assert problems(SYSTEM, SERVICE, wrong, files=FILES) == [
        "m.yaml:14: the service lis has no operation 'PlaceOrders' (did you mean PlaceOrder?)"
    ]


def test_a_version_with_neither_contract_nor_operations_is_a_problem_at_its_line() -> None:
    bare = SERVICE.replace("    contract: {wsdl: lis.wsdl}\n", "")
    assert problems(SYSTEM, bare) == ["m.yaml:8: 'operations' is missing (list them, or name a contract that has them)"]


def test_a_contract_that_cannot_be_read_is_reported_once_and_nothing_else() -> None:
    found = problems(SYSTEM, SERVICE, KIOSK, files={"lis.wsdl": b"<definitions"})
    assert len(found) == 1
    assert found[0].startswith("lis.wsdl:1: ")


class Held(RegistryStore):
    """A store that holds one catalogue."""

    def __init__(self, held: Catalogue) -> None:
        self.held = held

    def current(self) -> tuple[int, Catalogue]:
        return 1, self.held


def test_the_listing_shows_implied_operations_and_the_manifest_as_it_was_written() -> None:
    store = Held(catalogue(SYSTEM, SERVICE, files=FILES))
    assert [row["name"] for row in listing(store, "operations", "").rows] == [
        "lis.PlaceOrder",
        "lis.CancelOrder",
        "lis.QueryOrder",
    ]
    whole = listing(store, "services", "lis").objects[0]
    assert "operations" not in whole["versions"][0]
