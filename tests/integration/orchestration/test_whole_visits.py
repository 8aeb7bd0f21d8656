"""Whole workflows over the embedded backbone, with systems that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_hospital import Hospital, Ledger
from orchestration_bus import playing

from bus.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


async def test_a_visit_completes_and_every_system_did_its_part_once(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1", drugs=2, imaging=True)
        await bus.result("v1")
        instance = await bus.until("v1", "completed")
    assert instance.vars["lab_result"] == {"visit_no": "Vv1", "value": "5.4"}
    done = [operation for operation, _, _ in ledger.done()]
    assert sorted(done) == [
        "emr.GetPatient", "his.Register", "insurance.Settle", "lis.PlaceOrder", "pacs.Schedule", "pharmacy.Dispense",
    ]  # fmt: skip
    assert done[0] == "his.Register"
    assert done[-1] == "pharmacy.Dispense"
