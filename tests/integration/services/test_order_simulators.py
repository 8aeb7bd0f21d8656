"""The systems that take orders: LIS, PACS, pharmacy, EMR and app, each with its own ways and faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from simulated import Client, simulated

from services.simulators import app, emr, lis, pacs, pharmacy
from services.simulators.envelope import open_envelope, payload
from services.simulators.faults import Faults

pytestmark = pytest.mark.integration

IMAGE = {
    "accession_number": "X1",
    "visit_no": "V1",
    "patient_id": "P1",
    "patient_name": "王小东",
    "modality": "CT",
    "procedure_code": "210200001",
    "procedure_name": "胸部CT平扫",
}
PRESCRIPTION = {
    "prescription_no": "R1",
    "visit_no": "V1",
    "lines": [{"drug_code": "XR05CBA206E002010100999", "quantity": 1}],
}


@asynccontextmanager
async def listening_bus() -> AsyncIterator[tuple[str, asyncio.Queue[tuple[str, bytes]]]]:
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def hear(request: web.Request) -> web.Response:
        heard.put_nowait((request.path, await request.read()))
        return web.Response(status=202)

    bus = web.Application()
    bus.router.add_post("/{tail:.*}", hear)
    runner = web.AppRunner(bus)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard
    await runner.cleanup()


async def place(
    client: Client, *, items: str = "<item><itemCode>XCG</itemCode></item>", key: str = "k"
) -> tuple[int, str]:
    call = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<PlaceOrder xmlns="urn:hospital:lis:v1">'
        f"<orderNo>L1</orderNo><visitNo>V1</visitNo><items>{items}</items></PlaceOrder></s:Body></s:Envelope>"
    )
    headers = {"Content-Type": "text/xml; charset=gb18030", "Idempotency-Key": key}
    async with client.post("/lis", data=call.encode("gb18030"), headers=headers) as answer:
        return answer.status, (await answer.read()).decode("gb18030")


async def test_the_lis_reports_a_result_in_its_own_codes_after_the_order(tmp_path: Path) -> None:
    async with listening_bus() as (bus, heard), simulated(lis.application, tmp_path, bus=bus) as (client, context):
        status, answer = await place(client)
        assert (status, "<status>10</status>" in answer) == (200, True)
        path, body = await asyncio.wait_for(heard.get(), 5)
        assert path == "/soap/lis-events"
        result = payload(open_envelope(body, "gb18030"))
        assert result.findtext(".//{urn:hospital:lis:events:v1}itemCode") == "XCG"
        assert context.ledger.count("examined") == 1


async def test_the_lis_refuses_item_codes_that_are_not_its_own(tmp_path: Path) -> None:
    async with simulated(lis.application, tmp_path) as (client, context):
        status, answer = await place(client, items="<item><itemCode>250101015</itemCode></item>")
        assert (status, "faultstring" in answer) == (500, True)
        assert context.ledger.count("accepted") == 0


async def test_a_hanging_lis_keeps_the_order_and_answers_the_same_once_it_returns(tmp_path: Path) -> None:
    faults = Faults(hang_after=0.0, hang_for=0.8)
    async with simulated(lis.application, tmp_path, faults=faults, delay=60) as (client, context):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(place(client), 0.2)
        begin = time.monotonic()
        status, _ = await place(client)
        assert status == 200
        assert 0.3 < time.monotonic() - begin < 2
        assert context.ledger.count("accepted") == 1


async def test_a_cancelled_imaging_order_is_neither_examined_nor_reported(tmp_path: Path) -> None:
    async with listening_bus() as (bus, heard), simulated(pacs.application, tmp_path, bus=bus) as (client, context):
        assert (await client.post("/api/orders", json=IMAGE)).status == 201
        assert (await client.delete("/api/orders/X1")).status == 200
        await asyncio.sleep(0.2)
        assert heard.empty()
        assert context.ledger.count("examined") == 0


async def test_an_examined_study_is_found_over_dicomweb_by_accession_number_and_patient(tmp_path: Path) -> None:
    async with listening_bus() as (bus, heard), simulated(pacs.application, tmp_path, bus=bus) as (client, _):
        await client.post("/api/orders", json=IMAGE)
        path, _body = await asyncio.wait_for(heard.get(), 5)
        assert path == "/rest/pacs-events/reports"
        async with client.get("/dicom-web/studies", params={"AccessionNumber": "X1", "PatientID": "P1"}) as answer:
            assert answer.content_type == "application/dicom+json"
            (study,) = await answer.json()
        assert study["00100010"]["Value"][0]["Ideographic"] == "王小东"
        async with client.get("/dicom-web/studies", params={"AccessionNumber": "X1", "PatientID": "P2"}) as answer:
            assert await answer.json() == []


async def test_every_second_prescription_is_refused_however_often_it_is_asked_for(tmp_path: Path) -> None:
    async with simulated(pharmacy.application, tmp_path, faults=Faults(refuse_every=2)) as (client, context):
        states = []
        for number in ("R1", "R2", "R2", "R1", "R3"):
            async with client.post("/api/dispenses", json=PRESCRIPTION | {"prescription_no": number}) as answer:
                states.append((answer.status, (await answer.json()).get("reason", "")))
        assert [status for status, _ in states] == [201, 409, 409, 201, 201]
        assert states[1][1] == "库存不足"
        assert context.ledger.count("refused") == 2


async def test_returned_drugs_are_taken_back_once(tmp_path: Path) -> None:
    async with simulated(pharmacy.application, tmp_path) as (client, context):
        await client.post("/api/dispenses", json=PRESCRIPTION)
        for _ in range(2):
            assert (await client.post("/api/dispenses/R1/return")).status == 200
        assert context.ledger.count("returned") == 1


async def test_the_emr_orders_the_same_for_a_visit_every_time_it_is_asked(tmp_path: Path) -> None:
    encounter: dict[str, Any] = {
        "resourceType": "Encounter",
        "identifier": [{"value": "MZ26112300001"}],
        "status": "arrived",
    }
    async with simulated(emr.application, tmp_path) as (client, context):
        assert (await client.post("/fhir/Encounter", json=encounter)).status == 201
        bundles = [await (await client.get("/fhir/Encounter/MZ26112300001/$everything")).json() for _ in range(2)]
        assert bundles[0] == bundles[1]
        refs = {entry.ref for entry in context.ledger.entries() if entry.kind == "ordered"}
        assert {number[0] for number in refs} <= {"L", "X", "R"}
        assert "RMZ26112300001" in refs


async def test_orders_of_an_encounter_nobody_opened_are_an_outcome_not_found(tmp_path: Path) -> None:
    async with simulated(emr.application, tmp_path) as (client, _):
        answer = await client.get("/fhir/Encounter/NONE/$everything")
        assert answer.status == 404
        assert (await answer.json())["resourceType"] == "OperationOutcome"


async def test_a_report_is_filed_once_and_can_be_withdrawn(tmp_path: Path) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "identifier": [{"value": "L1"}],
        "encounter": {"reference": "Encounter/V1"},
    }
    async with simulated(emr.application, tmp_path) as (client, context):
        for _ in range(2):
            await client.post("/fhir/DiagnosticReport", json=report, headers={"Idempotency-Key": "k"})
        await client.put("/fhir/DiagnosticReport/L1", json=report | {"status": "entered-in-error"})
        assert [entry.kind for entry in context.ledger.entries(ref="L1")] == ["reported", "withdrawn"]


async def test_the_app_hears_a_notification_once_and_only_from_those_who_know_its_token(tmp_path: Path) -> None:
    notice = {"visit_no": "V1", "topic": "report-ready"}
    async with simulated(app.application, tmp_path, environ={"APP_TOKEN": "right"}) as (client, context):
        assert (await client.post("/notifications", json=notice)).status == 401
        headers = {"Authorization": "Bearer right", "Idempotency-Key": "k"}
        for _ in range(2):
            assert (await client.post("/notifications", json=notice, headers=headers)).status == 200
        assert context.ledger.count("notified") == 1
