"""Orders, tasks, migration and the purge on the store that several machines share."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ledger_hospital import BILLING, VISIT, Hospital, Ledger, Source, snapshot
from orchestration_bus import playing

from bus.orchestration.instances import get_instance
from bus.orchestration.orders import Orders
from bus.orchestration.purging import purge
from bus.orchestration.stimuli import Order
from bus.orchestration.tasks import list_tasks
from bus.settings import Settings

pytestmark = pytest.mark.integration

#: The cancellation that the laboratory refuses is replaced by another.
MENDED = VISIT.replace("lis.CancelOrder", "pacs.Unschedule")


async def test_a_stuck_visit_is_migrated_to_a_mended_definition_retried_and_at_last_dropped(
    tmp_path: Path, postgres_database: str
) -> None:
    settings, ledger = Settings(data=tmp_path, database=postgres_database), Ledger(tmp_path / "ledger.db")
    script = {"insurance.Settle": ["permanent"], "lis.CancelOrder": ["permanent"]}
    orders = Orders(Source(snapshot(MENDED, BILLING)))
    async with playing(settings, Hospital(ledger, script)) as bus:
        await bus.start("v1")
        await bus.result("v1")
        await bus.until("v1", "stuck")
        (task,) = await bus.state.read(list_tasks)
        assert (task["step"], task["phase"], task["code"]) == ("place-order", "undo", "provider-fault")

        foretold = await bus.state.read(lambda c: orders.foresee(c, "v1", Order("migrate")))
        assert foretold.notes == ("step 'place-order' would be undone by pacs.Unschedule, no longer lis.CancelOrder",)
        why = "the laboratory has no such cancellation"
        await bus.state.write(lambda c: orders.give(c, "v1", Order("migrate"), who="wang", reason=why))
        await bus.state.write(lambda c: orders.give(c, "v1", Order("retry"), who="wang"))
        await bus.until("v1", "compensated")
        one = await bus.state.read(lambda c: get_instance(c, "v1"))
        assert one is not None
        assert [(order["verb"], order["who"]) for order in one["orders"]] == [("retry", "wang"), ("migrate", "wang")]
        assert await bus.state.read(list_tasks) == []

        assert await bus.state.write(lambda c: purge(c, time.time() + 1.0)) is False
        assert await bus.state.read(lambda c: get_instance(c, "v1")) is None
    assert ledger.standing("his.Register", "his.CancelRegistration") == []
