"""Whole workflows over the embedded backbone, with systems that misbehave."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from ledger_hospital import BILLING, VISIT, Hospital, Ledger, Source, snapshot
from orchestration_bus import playing

from bus.backbone.dead_letters import dead_letters
from bus.commands.workflow import workflow
from bus.orchestration.instances import Instances, count_by_status, get_instance
from bus.orchestration.orders import Orders
from bus.orchestration.stimuli import Order
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


async def test_an_event_that_comes_before_its_wait_is_kept_for_it(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.result("v1")
        await bus.start("v1")
        instance = await bus.until("v1", "completed")
    assert instance.vars["lab_result"] == {"visit_no": "Vv1", "value": "5.4"}


async def test_an_event_goes_to_the_visit_that_its_fields_name(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1")
        await bus.start("v2")
        await bus.result("v2")
        await bus.until("v2", "completed")
        other = await bus.instance("v1")
    assert other is not None
    assert other.status == "running"


async def test_a_start_letter_that_comes_twice_starts_one_instance(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1")
        await bus.until("v1", "running")
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "completed")
    assert len(ledger.done("his.Register")) == 1


async def test_a_settlement_without_an_answer_is_reversed_before_it_is_made_again(
    settings: Settings, ledger: Ledger
) -> None:
    hospital = Hospital(ledger, {"insurance.Settle": ["late"], "insurance.Reverse": ["transient", "late"]})
    async with playing(settings, hospital) as bus:
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "completed")
    assert ledger.arrivals("insurance.Settle") == ["v1:billing/settle:1", "v1:billing/settle:2"]
    assert ledger.standing("insurance.Settle", "insurance.Reverse") == ["v1:billing/settle:2"]
    assert set(ledger.arrivals("insurance.Reverse")) == {"v1:billing/settle:unknown:1"}
    assert [document for _, _, document in ledger.done("insurance.Reverse")] == [{"undoes": "v1:billing/settle:1"}]


async def test_a_pharmacy_that_refuses_has_the_whole_visit_compensated(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger, {"pharmacy.Dispense": ["permanent"]})) as bus:
        await bus.start("v1", drugs=1, imaging=True)
        await bus.result("v1")
        instance = await bus.until("v1", "compensated")
    assert instance.failure is not None
    assert (instance.failure.step, instance.failure.code) == ("dispense", "provider-fault")
    assert ledger.standing("insurance.Settle", "insurance.Refund") == []
    assert ledger.standing("lis.PlaceOrder", "lis.CancelOrder") == []
    assert ledger.standing("pacs.Schedule", "pacs.Unschedule") == []
    assert ledger.standing("his.Register", "his.CancelRegistration") == []
    assert ledger.done()[-1][0] == "his.CancelRegistration"


async def test_transient_errors_are_tried_again_under_one_key(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger, {"lis.PlaceOrder": ["transient", "lost", "late"]})) as bus:
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "completed")
    assert ledger.arrivals("lis.PlaceOrder") == ["v1:place-order:1"] * 4
    assert len(ledger.done("lis.PlaceOrder")) == 1


async def test_an_undo_that_fails_for_good_leaves_the_visit_to_an_operator(settings: Settings, ledger: Ledger) -> None:
    script = {"insurance.Settle": ["permanent"], "lis.CancelOrder": ["permanent", "permanent"]}
    async with playing(settings, Hospital(ledger, script)) as bus:
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "stuck")
        assert await bus.alerts() == [("stuck", "v1", "place-order")]
        orders = Orders(Source(snapshot()))
        await bus.state.write(lambda c: orders.give(c, "v1", Order("retry"), who="operator"))
        await bus.wait_for(lambda _: len(ledger.arrivals("lis.CancelOrder")), lambda count: count == 2)
        await bus.until("v1", "stuck")
        skip, why = Order("skip", "place-order"), "cancelled by telephone"
        await bus.state.write(lambda c: orders.give(c, "v1", skip, who="operator", reason=why))
        await bus.until("v1", "compensated")
    assert ledger.standing("his.Register", "his.CancelRegistration") == []


async def test_a_crash_inside_a_call_is_a_failure_of_the_step_alone(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger, {"emr.GetPatient": ["crash"]})) as bus:
        await bus.start("v1")
        instance = await bus.until("v1", "compensated")
        assert await bus.dead() == []
    assert instance.failure is not None
    assert instance.failure.code == "internal"


async def test_a_workflow_that_nobody_has_released_is_kept_with_the_dead_letters(
    settings: Settings, ledger: Ledger
) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1", workflow="surgery")
        dead = await bus.wait_for(lambda c: [each.code for each in dead_letters(c)], bool)
    assert dead == ["internal"]


async def test_an_instance_keeps_the_definition_that_it_started_with(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1", drugs=1)
        await bus.wait_for(lambda _: ledger.done("insurance.Settle") or ledger.done("lis.PlaceOrder"), bool)
    shorter = snapshot(VISIT.replace("pharmacy.Dispense", "pharmacy.Return"), BILLING)
    async with playing(settings, Hospital(ledger), shorter) as bus:
        await bus.result("v1")
        await bus.until("v1", "completed")
        await bus.start("v2", drugs=1)
        await bus.result("v2")
        await bus.until("v2", "completed")
    assert [key for _, key, _ in ledger.done("pharmacy.Dispense")] == ["v1:dispense:1"]
    assert [key for _, key, _ in ledger.done("pharmacy.Return")] == ["v2:return:1"]


async def test_the_console_reads_a_visit_with_its_steps_keys_and_waits(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1")
        await bus.wait_for(count_by_status, bool)
        reader = Instances(bus.state, Source(snapshot()))
        one = await bus.wait_for(lambda c: get_instance(c, "v1"), lambda found: bool(found and found["waits"]))
        assert one is not None
        assert one["waits"][0]["event"] == "lab.resulted"
        assert [timer["kind"] for timer in one["timers"]] == ["deadline"]
        await bus.result("v1")
        await bus.until("v1", "completed")
        done = await asyncio.to_thread(reader.one, "v1")
        by_visit = await asyncio.to_thread(reader.by_key, "visit_no", "Vv1")
        counts = await asyncio.to_thread(reader.counts)
    assert done is not None
    steps = {step["step"]: step["status"] for step in done["steps"]}
    assert steps["register"] == "completed"
    assert steps["schedule"] == "skipped"
    assert steps["billing/settle"] == "completed"
    assert done["keys"] == [("patient_id", "P-v1"), ("visit_no", "Vv1")]
    assert [entry["id"] for entry in by_visit] == ["v1"]
    assert counts == {"completed": 1}


async def test_the_command_line_shows_instances_beside_a_running_bus(settings: Settings, ledger: Ledger) -> None:
    async with playing(settings, Hospital(ledger)) as bus:
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "completed")
        listed = CliRunner().invoke(workflow, ["list", "--key", "Vv1"], obj=settings)
        shown = CliRunner().invoke(workflow, ["show", "v1"], obj=settings)
        missing = CliRunner().invoke(workflow, ["show", "v2"], obj=settings)
    assert listed.output.startswith("v1\tvisit\tcompleted\t")
    assert "billing/settle  insurance.Settle  completed" in shown.output
    assert "5.4" not in shown.output
    assert missing.exit_code == 1
