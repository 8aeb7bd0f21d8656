"""The EMR: patients, encounters, orders and reports as FHIR R4 resources over REST."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson
from aiohttp import web

from services.simulators.catalogue import Item, of_kind
from services.simulators.context import Context, bearer_ok

Resource = dict[str, Any]
_JSON = "application/fhir+json"
_ITEM_SYSTEM = "urn:hospital:items"


def orders_of(visit_no: str) -> tuple[tuple[str, str, tuple[Item, ...]], ...]:
    """Answer what the doctor orders in a visit as (category, order number, items): always the same for one visit.

    Every visit has drugs, and examinations in the laboratory, of the imaging department, or of both.
    """
    dice = hashlib.sha256(visit_no.encode()).digest()
    laboratory, imaging, drugs = of_kind("laboratory"), of_kind("imaging"), of_kind("drug")
    found = []
    if dice[0] % 6 != 0:
        found.append(("laboratory", f"L{visit_no}", laboratory[: 1 + dice[1] % len(laboratory)]))
    if dice[0] % 6 == 0 or dice[2] % 5 != 0:
        found.append(("imaging", f"X{visit_no}", (imaging[dice[3] % len(imaging)],)))
    found.append(("drug", f"R{visit_no}", drugs[dice[4] % 2 : 2 + dice[5] % 2]))
    return tuple(found)


def _concept(item: Item) -> Resource:
    return {"coding": [{"system": _ITEM_SYSTEM, "code": item.code, "display": item.name}]}


def _requests(visit_no: str) -> Iterator[Resource]:
    encounter = {"reference": f"Encounter/{visit_no}"}
    for category, number, items in orders_of(visit_no):
        for index, item in enumerate(items, start=1):
            common = {"id": f"{number}-{index}", "status": "active", "intent": "order", "encounter": encounter}
            if category == "drug":
                yield common | {
                    "resourceType": "MedicationRequest",
                    "groupIdentifier": {"value": number},
                    "medicationCodeableConcept": _concept(item),
                    "dispenseRequest": {"quantity": {"value": index, "unit": "盒"}},
                }
            else:
                yield common | {
                    "resourceType": "ServiceRequest",
                    "requisition": {"value": number},
                    "category": [{"coding": [{"code": category}]}],
                    "code": _concept(item),
                    "orderDetail": [{"text": item.modality}] if item.modality else [],
                }


def _answer(resource: Resource, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(resource), status=status, content_type=_JSON)


def _outcome(status: int, code: str, text: str) -> web.Response:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return _answer({"resourceType": "OperationOutcome", "issue": [issue]}, status)


class Emr:
    """The part of a FHIR server that an outpatient visit needs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Refuse strangers, and anything that is not JSON in UTF-8."""
        if not bearer_ok(request, self._context.secret("EMR_TOKEN")):
            return _outcome(401, "login", "bearer token missing or wrong")
        try:
            answer: web.StreamResponse = await handler(request)
        except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
            return _outcome(400, "structure", "the resource cannot be read")
        return answer

    async def put_patient(self, request: web.Request) -> web.Response:
        """Create or update a patient."""
        patient: Resource = orjson.loads(await request.read())
        number = request.match_info["id"]
        if patient["resourceType"] != "Patient" or patient["id"] != number:
            return _outcome(400, "invariant", "not this Patient")
        known = self._ledger.last("patient", ref=number)
        facts = {"identifier": patient["identifier"][0]["value"], "name": patient["name"][0]["text"]}
        if known is None or known.facts != facts:
            self._ledger.record("patient", visit_no="", ref=number, **facts)
        return _answer(patient, 200 if known else 201)

    async def get_patient(self, request: web.Request) -> web.Response:
        """Read what is known of a patient."""
        known = self._ledger.last("patient", ref=request.match_info["id"])
        if known is None:
            return _outcome(404, "not-found", "no such Patient")
        return _answer({"resourceType": "Patient", "id": known.ref, **known.facts})

    async def post_encounter(self, request: web.Request) -> web.Response:
        """Open an encounter; its doctor orders at once."""
        encounter: Resource = orjson.loads(await request.read())
        visit_no = encounter["identifier"][0]["value"]

        def work() -> Resource:
            self._ledger.record("opened", visit_no=visit_no, ref=visit_no)
            for category, number, items in orders_of(visit_no):
                codes = [item.code for item in items]
                self._ledger.record("ordered", visit_no=visit_no, ref=number, category=category, items=codes)
            return encounter | {"id": visit_no}

        return _answer(self._ledger.once(_key(request), work), 201)

    async def put_encounter(self, request: web.Request) -> web.Response:
        """Change an encounter's status; a cancelled one takes its orders with it."""
        encounter: Resource = orjson.loads(await request.read())
        visit_no = request.match_info["id"]
        last = self._ledger.last("opened", "cancelled", "finished", ref=visit_no)
        if encounter["status"] != "opened" and (last is None or last.kind != encounter["status"]):
            self._ledger.record(encounter["status"], visit_no=visit_no, ref=visit_no)
        return _answer(encounter | {"id": visit_no})

    async def everything(self, request: web.Request) -> web.Response:
        """Answer the encounter's orders as a Bundle."""
        visit_no = request.match_info["id"]
        if self._ledger.last("opened", ref=visit_no) is None:
            return _outcome(404, "not-found", "no such Encounter")
        entries = [{"resource": resource} for resource in _requests(visit_no)]
        return _answer({"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})

    async def post_report(self, request: web.Request) -> web.Response:
        """File a report."""
        report: Resource = orjson.loads(await request.read())
        number = report["identifier"][0]["value"]
        visit_no = report["encounter"]["reference"].removeprefix("Encounter/")

        def work() -> Resource:
            self._ledger.record("reported", visit_no=visit_no, ref=number, conclusion=report.get("conclusion", ""))
            return report | {"id": number}

        return _answer(self._ledger.once(_key(request), work), 201)

    async def put_report(self, request: web.Request) -> web.Response:
        """Withdraw a report (status entered-in-error)."""
        report: Resource = orjson.loads(await request.read())
        number = request.match_info["id"]
        filed = self._ledger.last("reported", "withdrawn", ref=number)
        if filed is not None and filed.kind == "reported" and report["status"] == "entered-in-error":
            self._ledger.record("withdrawn", visit_no=filed.visit_no, ref=number)
        return _answer(report | {"id": number})


def _key(request: web.Request) -> str:
    return request.headers.get("Idempotency-Key", "")


def application(context: Context) -> web.Application:
    """Answer the EMR as a web application."""
    emr = Emr(context)
    app = web.Application(middlewares=[emr.guard])
    app.router.add_put("/fhir/Patient/{id}", emr.put_patient)
    app.router.add_get("/fhir/Patient/{id}", emr.get_patient)
    app.router.add_post("/fhir/Encounter", emr.post_encounter)
    app.router.add_put("/fhir/Encounter/{id}", emr.put_encounter)
    app.router.add_get("/fhir/Encounter/{id}/$everything", emr.everything)
    app.router.add_post("/fhir/DiagnosticReport", emr.post_report)
    app.router.add_put("/fhir/DiagnosticReport/{id}", emr.put_report)
    return app
