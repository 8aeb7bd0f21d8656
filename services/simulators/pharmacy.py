"""The pharmacy: dispenses over REST/JSON, and refuses what is out of stock."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.simulators.catalogue import ITEMS
from services.simulators.context import Context, header_ok
from services.simulators.faults import every


class Pharmacy:
    """Hands out drugs and takes them back."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger
        self._asked: dict[str, bool] = {}

    async def dispense(self, request: web.Request) -> web.Response:
        """Dispense a prescription."""
        if not header_ok(request, "X-Pharmacy-Key", self._context.secret("PHARMACY_KEY")):
            return web.json_response({"reason": "unauthorized"}, status=401)
        try:
            order: dict[str, Any] = orjson.loads(await request.read())
            number, visit_no = order["prescription_no"], order["visit_no"]
            lines = [(line["drug_code"], int(line["quantity"])) for line in order["lines"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return web.json_response({"reason": "处方无法读取", "code": "bad-prescription"}, status=400)
        unknown = any(ITEMS.get(code) is None or ITEMS[code].kind != "drug" for code, _ in lines)
        if unknown or not lines or self._refuses(number):
            if not unknown:
                self._ledger.record("refused", visit_no=visit_no, ref=number)
            return web.json_response({"reason": "库存不足", "code": "out-of-stock"}, status=409)

        def work() -> dict[str, str]:
            self._ledger.record("dispensed", visit_no=visit_no, ref=number, lines=lines)
            return {"prescription_no": number, "state": "dispensed", "window": "3"}

        return web.json_response(self._ledger.once(request.headers.get("Idempotency-Key", ""), work), status=201)

    async def take_back(self, request: web.Request) -> web.Response:
        """Take the drugs of a prescription back."""
        if not header_ok(request, "X-Pharmacy-Key", self._context.secret("PHARMACY_KEY")):
            return web.json_response({"reason": "unauthorized"}, status=401)
        number = request.match_info["number"]
        last = self._ledger.last("dispensed", "returned", ref=number)
        if last is not None and last.kind == "dispensed":
            self._ledger.record("returned", visit_no=last.visit_no, ref=number)
        return web.json_response({"prescription_no": number, "state": "returned"})

    def _refuses(self, number: str) -> bool:
        """Every k-th prescription is out of stock, however often it is asked for."""
        if number not in self._asked:
            self._asked[number] = every(self._context.faults.refuse_every, len(self._asked) + 1)
        return self._asked[number]


def application(context: Context) -> web.Application:
    """Answer the pharmacy as a web application."""
    pharmacy = Pharmacy(context)
    app = web.Application()
    app.router.add_post("/api/dispenses", pharmacy.dispense)
    app.router.add_post("/api/dispenses/{number}/return", pharmacy.take_back)
    return app
