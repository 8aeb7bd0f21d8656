"""The shipped table of WS/T 846 actions fits the published schemas, one row for every one of them."""

from __future__ import annotations

import pytest
from lxml import etree
from outside import samples
from shipped import snapshot

from registry.model import Hip


def hip() -> Hip:
    found = snapshot().services["hip"].versions["1"].hip
    assert found is not None
    return found


def test_every_published_schema_has_its_action_with_its_root() -> None:
    schemas = sorted(samples("wst846").glob("*.xsd"))
    assert len(schemas) == 69
    table = hip().table
    for path in schemas:
        roots = {each.get("name") for each in etree.parse(path).getroot().findall("{*}element")}
        (row,) = table.by_name[path.stem]
        assert roots & set(row.roots), path.stem
        document = etree.Element(f"{{urn:hl7-org:v3}}{next(iter(roots))}")
        assert table.find(path.stem, "", document).service == path.stem


@pytest.mark.parametrize("number", range(1, 85))
def test_every_code_of_the_second_generation_means_one_service(number: int) -> None:
    assert len(hip().table.by_name[f"S{number:04}"]) == 1


@pytest.mark.parametrize(
    "action", ["PatientInfoRegister", "S0001", "PatientRegistryAddRequest", "XT-PatientRegistryAddRequest"]
)
def test_all_three_generations_lead_to_the_registration(action: str) -> None:
    row = hip().table.find(action, "PRPA_IN201311UV02", etree.Element("{urn:hl7-org:v3}PRPA_IN201311UV02"))
    assert row.operation == "hip.PatientInfoRegister"
