"""The simulated insurance platform: its envelope, its sums, its lateness, its reversal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from simulated import Client, simulated

from services.simulators import insurance
from services.simulators.faults import Faults

pytestmark = pytest.mark.integration

CODE = "H11010500001"
DATA = {
    "psn_no": "11",
    "mdtrt_cert_type": "02",
    "mdtrt_cert_no": "x",
    "med_type": "11",
    "psn_setlway": "01",
    "chrg_bchno": "1",
    "acct_used_flag": "1",
    "insutype": "310",
}


def msgid(number: int) -> str:
    return f"{CODE}20261123080000{number:04d}"


async def ask(client: Client, infno: str, number: int, node: dict[str, Any], without: str = "") -> dict[str, Any]:
    envelope = {
        "infno": infno,
        "msgid": msgid(number),
        "mdtrtarea_admvs": "110105",
        "insuplc_admdvs": "110105",
        "recer_sys_code": "MERIDIAN",
        "infver": "V1.0",
        "opter_type": "2",
        "opter": "k",
        "opter_name": "k",
        "inf_time": "2026-11-23 08:00:00",
        "fixmedins_code": CODE,
        "fixmedins_name": "示例医院",
        "input": node,
    }
    async with client.post(f"/fsi/api/{infno}", json=envelope | {without: ""}) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def registered(client: Client) -> str:
    node = {"data": {"psn_no": "11", "ipt_otp_no": "MZ26112300001"}}
    answer = await ask(client, "2201", 1, node)
    mdtrt_id: str = answer["output"]["data"]["mdtrt_id"]
    fee = {"feedetl_sn": "1", "mdtrt_id": mdtrt_id, "det_item_fee_sumamt": "100.10", "cnt": "1", "pric": "100.10"}
    assert (await ask(client, "2204", 2, {"feedetail": [fee]}))["infcode"] == 0
    return mdtrt_id


async def settle(client: Client, mdtrt_id: str, number: int, total: str = "100.10") -> dict[str, Any]:
    return await ask(client, "2207", number, {"data": DATA | {"mdtrt_id": mdtrt_id, "medfee_sumamt": total}})


async def test_a_settlement_repeated_under_its_message_id_is_done_once(tmp_path: Path) -> None:
    async with simulated(insurance.application, tmp_path) as (client, context):
        mdtrt_id = await registered(client)
        first, second = await settle(client, mdtrt_id, 7), await settle(client, mdtrt_id, 7)
        assert first["output"] == second["output"]
        assert context.ledger.count("settled") == 1
        assert first["output"]["setlinfo"]["fund_pay_sumamt"] == "70.07"


async def test_a_total_that_is_not_the_sum_of_the_uploaded_lines_is_refused(tmp_path: Path) -> None:
    async with simulated(insurance.application, tmp_path) as (client, context):
        mdtrt_id = await registered(client)
        assert (await settle(client, mdtrt_id, 7, "100.11"))["infcode"] == -1
        assert context.ledger.count("settled") == 0


async def test_a_late_settlement_counts_until_it_is_reversed_and_its_message_id_is_dead_afterwards(
    tmp_path: Path,
) -> None:
    faults = Faults(late_every=1, late_by=5)
    async with simulated(insurance.application, tmp_path, faults=faults) as (client, context):
        mdtrt_id = await registered(client)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(settle(client, mdtrt_id, 7), 0.3)
        assert context.ledger.count("settled") == 1
        reversal = {"data": {"psn_no": "11", "omsgid": msgid(7), "oinfno": "2207"}}
        assert (await ask(client, "2601", 8, reversal))["infcode"] == 0
        assert context.ledger.count("settlement-reversed") == 1
        assert (await settle(client, mdtrt_id, 7))["infcode"] == -1


async def test_a_reversal_of_what_never_arrived_keeps_it_from_counting_later(tmp_path: Path) -> None:
    async with simulated(insurance.application, tmp_path) as (client, context):
        mdtrt_id = await registered(client)
        reversal = {"data": {"psn_no": "11", "omsgid": msgid(7), "oinfno": "2207"}}
        assert (await ask(client, "2601", 8, reversal))["infcode"] == 0
        assert (await settle(client, mdtrt_id, 7))["infcode"] == -1
        assert context.ledger.count("settled") == 0


@pytest.mark.parametrize("field", ["infno", "opter", "mdtrtarea_admvs", "fixmedins_code"])
async def test_an_envelope_that_lacks_a_published_field_is_refused(tmp_path: Path, field: str) -> None:
    async with simulated(insurance.application, tmp_path) as (client, _):
        answer = await ask(client, "2201", 1, {"data": {"psn_no": "1", "ipt_otp_no": "V"}}, without=field)
        assert answer["infcode"] == -1


async def test_a_cancelled_settlement_is_answered_with_the_negated_amount(tmp_path: Path) -> None:
    async with simulated(insurance.application, tmp_path) as (client, context):
        mdtrt_id = await registered(client)
        setl_id = (await settle(client, mdtrt_id, 7))["output"]["setlinfo"]["setl_id"]
        node = {"data": {"psn_no": "11", "mdtrt_id": mdtrt_id, "setl_id": setl_id}}
        cancelled = await ask(client, "2208", 9, node)
        assert cancelled["output"]["setlinfo"]["medfee_sumamt"] == "-100.10"
        await ask(client, "2208", 10, node)
        assert context.ledger.count("settlement-cancelled") == 1
