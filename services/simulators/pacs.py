"""The RIS and a PACS: imaging orders over REST, reports later as events, studies over DICOMweb QIDO-RS."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from services.simulators.caller import deliver
from services.simulators.context import Context, basic, basic_ok
from services.simulators.dicom import instance, study_uid

_DICOM_JSON = "application/dicom+json"


class Pacs:
    """Takes orders, makes an image of each, and reports it; keeps the studies itself unless a real PACS does."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger

    async def place(self, request: web.Request) -> web.Response:
        """Accept an imaging order."""
        if not basic_ok(request, "meridian", self._context.secret("RIS_PASSWORD")):
            return web.json_response({"error": "unauthorized"}, status=401)
        try:
            order: dict[str, Any] = orjson.loads(await request.read())
            number, visit_no = order["accession_number"], order["visit_no"]
            facts = {key: str(order[key]) for key in ("patient_id", "patient_name", "modality", "procedure_name")}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return web.json_response({"error": "order cannot be read"}, status=400)

        def work() -> dict[str, str]:
            self._ledger.record("accepted", visit_no=visit_no, ref=number, **facts)
            self._context.later(self._examine(number, visit_no, facts, request.headers.get("traceparent", "")))
            return {"accession_number": number, "state": "SCHEDULED", "study_uid": study_uid(number)}

        return web.json_response(self._ledger.once(request.headers.get("Idempotency-Key", ""), work), status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order, done or not."""
        if not basic_ok(request, "meridian", self._context.secret("RIS_PASSWORD")):
            return web.json_response({"error": "unauthorized"}, status=401)
        number = request.match_info["number"]
        last = self._ledger.last("accepted", "cancelled", ref=number)
        if last is not None and last.kind == "accepted":
            self._ledger.record("cancelled", visit_no=last.visit_no, ref=number)
        return web.json_response({"accession_number": number, "state": "CANCELLED"})

    async def studies(self, request: web.Request) -> web.Response:
        """Answer QIDO-RS for studies (PS3.18 §10.6) by accession number, patient id, or both."""
        if not basic_ok(request, "meridian", self._context.secret("PACS_PASSWORD")):
            return web.Response(status=401)
        accession, patient = request.query.get("AccessionNumber", ""), request.query.get("PatientID", "")
        found = [
            _study(entry.ref, {key: str(value) for key, value in entry.facts.items()})
            for entry in self._ledger.entries(ref=accession)
            if entry.kind == "stored" and patient in ("", entry.facts["patient_id"])
        ]
        return web.Response(body=orjson.dumps(found), content_type=_DICOM_JSON)

    async def _examine(self, number: str, visit_no: str, facts: dict[str, str], traceparent: str) -> None:
        await asyncio.sleep(self._context.delay * (1 + hashlib.sha256(number.encode()).digest()[0] / 255))
        last = self._ledger.last("accepted", "cancelled", ref=number)
        if last is None or last.kind == "cancelled":
            return
        if self._context.pacs:
            await self._store(number, facts)
        self._ledger.record("stored", visit_no=visit_no, ref=number, **facts)
        self._ledger.record("examined", visit_no=visit_no, ref=number)
        report = {
            "accession_number": number,
            "visit_no": visit_no,
            "study_uid": study_uid(number),
            "state": "VERIFIED",
            "findings": "双肺纹理清晰，未见明确异常密度影。",
            "impression": f"{facts['procedure_name']}未见明显异常。",
        }
        headers = {"Content-Type": "application/json", "X-API-Key": self._context.secret("RIS_BUS_KEY")}
        headers |= {"Idempotency-Key": f"ris-report-{number}"}
        if traceparent:
            headers["traceparent"] = traceparent
        await deliver(self._context, "/rest/pacs-events/reports", orjson.dumps(report), headers)

    async def _store(self, number: str, facts: dict[str, str]) -> None:
        body = await asyncio.to_thread(instance, number, facts)
        headers = {"Content-Type": "application/dicom"}
        if secret := self._context.secret("PACS_PASSWORD"):
            headers["Authorization"] = basic(self._context.secret("PACS_USERNAME") or "meridian", secret)
        url = f"{self._context.pacs.rstrip('/')}/instances"
        for _ in range(60):
            if await self._stored(url, body, headers):
                return
            await asyncio.sleep(1)

    async def _stored(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        try:
            async with self._context.session.post(url, data=body, headers=headers) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


def _study(number: str, facts: dict[str, str]) -> dict[str, object]:
    name = {"Alphabetic": "PATIENT", "Ideographic": facts["patient_name"]}
    return {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080050": {"vr": "SH", "Value": [number]},
        "00080061": {"vr": "CS", "Value": [facts["modality"]]},
        "00081030": {"vr": "LO", "Value": [facts["procedure_name"]]},
        "00100010": {"vr": "PN", "Value": [name]},
        "00100020": {"vr": "LO", "Value": [facts["patient_id"]]},
        "0020000D": {"vr": "UI", "Value": [study_uid(number)]},
        "00201208": {"vr": "IS", "Value": [1]},
    }


def application(context: Context) -> web.Application:
    """Answer RIS and PACS as one web application."""
    pacs = Pacs(context)
    app = web.Application()
    app.router.add_post("/api/orders", pacs.place)
    app.router.add_delete("/api/orders/{number}", pacs.cancel)
    app.router.add_get("/dicom-web/studies", pacs.studies)
    return app
