"""A service keeps the path that its old callers know; no path means two things."""

from __future__ import annotations

import pytest
from catalogues import SYSTEM, compiled, problems, service
from lxml import etree
from test_wsdl_reading import FILES, HEAD

from registry.catalogue import Catalogue
from registry.contracts.publish import publish, publish_single
from registry.contracts.wsdl import read_wsdl
from registry.model import ServiceVersion

ORDER = "- {name: PlaceOrder}"
ASMX = "/LisService/LisWebService.asmx"


def on_service(paths: str, name: str = "lis") -> str:
    return service(ORDER, name=name).replace("system: lis", f"system: lis\npaths: {paths}")


def test_a_path_of_the_service_means_its_default_version_and_one_of_a_version_that_one() -> None:
    written = service(ORDER, head='paths: ["/lis/v1"]').replace("system: lis", f'system: lis\npaths: ["{ASMX}"]')
    paths = compiled(SYSTEM, written).snapshot.vendor_paths
    one, other = paths.find(ASMX), paths.find("/lis/v1")
    assert one is not None
    assert other is not None
    assert (one.service, one.version) == ("lis", "")
    assert (other.service, other.version) == ("lis", "1")
    assert paths.find("/lis/v2") is None


def test_only_a_path_that_ignores_case_is_found_in_any_case() -> None:
    paths = compiled(SYSTEM, on_service(f'["/Axis/Lis", {{path: "{ASMX}", ignore_case: true}}]')).snapshot.vendor_paths
    assert paths.find("/lisservice/LISWEBSERVICE.ASMX") is not None
    assert paths.find("/axis/lis") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f'["{ASMX}"]', f'["{ASMX}"]'),
        (f'["{ASMX}"]', f'[{{path: "{ASMX.lower()}", ignore_case: true}}]'),
        (f'[{{path: "{ASMX}", ignore_case: true}}]', f'["{ASMX.upper()}"]'),
    ],
)
def test_two_services_under_one_path_are_a_problem_with_both_lines(first: str, second: str) -> None:
    (found,) = problems(SYSTEM, on_service(first), on_service(second, name="pacs"))
    assert found.startswith("m.yaml:18: ")
    assert "is the path of lis already (first in m.yaml:7)" in found


def test_two_paths_that_differ_in_case_only_may_both_stand_where_case_matters() -> None:
    assert not problems(SYSTEM, on_service('["/Lis", "/LIS"]'))


@pytest.mark.parametrize(
    "path",
    [
        "/soap/lis",
        "/REST/x",
        "/console/x",
        "/api/x",
        "/healthz",
        "/readyz",
        "/metrics",
        "/services",
        "/a//b",
        "/a/../b",
    ],
)
def test_an_address_of_the_bus_itself_is_refused_with_file_and_line(path: str) -> None:
    (found,) = problems(SYSTEM, on_service(f'["{path}"]'))
    assert found.startswith(f"m.yaml:7: {path} ")


@pytest.mark.parametrize("path", ["lis.asmx", "/lis.asmx?wsdl", "/a b", "/{x}", "/"])
def test_what_is_no_plain_path_is_refused_in_words(path: str) -> None:
    (found,) = problems(SYSTEM, on_service(f'["{path}"]'))
    assert "paths[0]" in found


def version() -> ServiceVersion:
    return (
        compiled(SYSTEM, service("- {name: Place}", protocol="soap11", head=HEAD), files=FILES)
        .snapshot.services["lis"]
        .versions["1"]
    )


def test_the_contract_at_a_vendors_path_names_that_path_under_the_bus() -> None:
    text = (publish(version(), "", "https://bus.example", ASMX) or b"").decode()
    assert f'location="https://bus.example{ASMX}"' in text
    assert f'schemaLocation="https://bus.example{ASMX}?xsd=types/lab.xsd"' in text
    assert "10.1.1.1" not in text


def test_a_single_wsdl_holds_its_schemas_and_is_read_like_the_one_with_imports() -> None:
    data = publish_single(version(), "https://bus.example", ASMX) or b""
    root = etree.fromstring(data)
    assert not root.xpath("//@schemaLocation")
    assert {schema.get("targetNamespace") for schema in root.iter("{*}schema")} == {"urn:lab", "urn:lab:types"}
    alone = read_wsdl(Catalogue({"one.wsdl": data}), "one.wsdl")
    assert set(alone.operations) == {"Place"}
    assert alone.schemas is not None


def test_a_single_wsdl_takes_in_the_wsdl_that_it_imports() -> None:
    head, _, service_part = FILES["contracts/lab.wsdl"].partition(b"<wsdl:service")
    start = head.partition(b"<wsdl:types>")[0]
    inner = head + b"</wsdl:definitions>"
    outer = start + b'<wsdl:import namespace="urn:lab" location="contracts/lab.wsdl"/><wsdl:service' + service_part
    made = (
        compiled(
            SYSTEM,
            service("- {name: Place}", protocol="soap11", head="contract: {wsdl: main.wsdl}"),
            files={"main.wsdl": outer, **FILES, "contracts/lab.wsdl": inner},
        )
        .snapshot.services["lis"]
        .versions["1"]
    )
    data = publish_single(made, "https://bus.example", ASMX) or b""
    root = etree.fromstring(data)
    assert not root.xpath("//*[local-name()='import']/@location | //*[local-name()='import']/@schemaLocation")
    assert set(read_wsdl(Catalogue({"one.wsdl": data}), "one.wsdl").operations) == {"Place"}
