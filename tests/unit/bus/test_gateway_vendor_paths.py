"""Old callers reach a service under the vendor's own path, and read its contract there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import orjson
import pytest
from asgi_caller import call, gateway
from gateway_worlds import SOAP, soap_world
from test_gateway_pages import world_with_wsdl
from twins import ORDER, SOAP12, World, envelope

from bus.console.app import create_app
from bus.console.ports import ConsolePorts
from bus.settings import Settings
from registry.addresses import is_reserved
from registry.vendor_paths import VendorPath, VendorPaths

ASMX = "/LisService/LisWebService.asmx"
PATHS = VendorPaths(
    exact={"/axis/lis": VendorPath("/axis/lis", "lis", "1")}, folded={ASMX.lower(): VendorPath(ASMX, "lis", "", True)}
)


def at_paths(world: World) -> World:
    world.snapshot = replace(world.snapshot, vendor_paths=PATHS)
    return world


@pytest.mark.parametrize("path", [ASMX, ASMX.upper(), "/axis/lis"])
@pytest.mark.parametrize("version", [11, 12])
async def test_either_soap_version_is_answered_at_the_vendors_path(path: str, version: int) -> None:
    one = at_paths(soap_world())
    headers = SOAP if version == 11 else {**SOAP, "content-type": "application/soap+xml"}
    body = envelope(ORDER) if version == 11 else envelope(ORDER, namespace=SOAP12)
    response = await call(gateway(one), "POST", path, body.encode(), headers)
    assert (response.status, response.text("order_no")) == (200, "A1")
    assert one.journal.outcomes[0].service == "lis"
    assert one.journal.outcomes[0].operation == "PlaceOrder"


async def test_a_path_that_only_looks_like_the_vendors_is_not_there() -> None:
    for path in ("/AXIS/LIS", ASMX + "/", ASMX + "x"):
        assert (await call(gateway(at_paths(soap_world())), "POST", path, b"", SOAP)).status == 404


async def test_a_fault_at_the_vendors_path_is_a_soap_fault_and_journaled_under_the_service() -> None:
    one = at_paths(soap_world())
    response = await call(gateway(one), "POST", ASMX, b"not xml", SOAP)
    assert response.text("code") == "malformed"
    assert one.journal.outcomes[0].service == "lis"


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl", "singleWsdl"])
async def test_the_contract_at_the_vendors_path_has_that_path_as_its_address(query: str) -> None:
    response = await call(gateway(at_paths(world_with_wsdl())), "GET", f"{ASMX}?{query}", b"", {"host": "evil.example"})
    assert response.status == 200
    assert f'location="https://bus.hospital.example{ASMX}"'.encode() in response.body
    assert b"evil.example" not in response.body


async def test_a_get_without_a_contract_in_its_query_says_what_the_path_takes() -> None:
    response = await call(gateway(at_paths(soap_world())), "GET", ASMX)
    assert (response.status, response.headers["allow"]) == (405, "GET, POST")


async def test_a_contract_that_is_not_published_is_not_found_there_either() -> None:
    response = await call(gateway(at_paths(soap_world())), "GET", f"{ASMX}?wsdl")
    assert orjson.loads(response.body)["code"] == "not-found"


def test_no_vendor_path_can_hide_a_page_of_the_console(tmp_path: Path) -> None:
    """A page that is added needs its row in ``registry/addresses.py``."""
    app = create_app(cast("ConsolePorts", SimpleNamespace(settings=Settings(data=tmp_path))))
    for rule in app.url_map.iter_rules():
        assert is_reserved(re.sub("<[^>]*>", "x", rule.rule)), rule.rule
    assert not is_reserved("/services/LisService"), "Axis serves its services there"
