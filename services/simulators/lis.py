"""The LIS: typed SOAP, document/literal, in GB18030, with item and status codes of its own; results come later."""

from __future__ import annotations

import asyncio
import time
import uuid
from xml.sax.saxutils import escape

from aiohttp import web
from lxml import etree

from services.simulators.caller import deliver
from services.simulators.context import Context, basic
from services.simulators.envelope import NotUnderstood, fault, open_envelope, payload, seal, username_token_ok
from services.simulators.faults import Hang

CHARSET = "gb18030"
NAMESPACE = "urn:hospital:lis:v1"
EVENTS = "urn:hospital:lis:events:v1"

#: This laboratory's own item codes: name, unit, low and high reference.
_TESTS = {
    "XCG": ("血常规", "10^9/L", "4.0", "10.0"),
    "ALT": ("谷丙转氨酶", "U/L", "7", "40"),
    "CREA": ("肌酐", "umol/L", "57", "97"),
    "GLU": ("葡萄糖", "mmol/L", "3.9", "6.1"),
}


class Lis:
    """Orders in, results out."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hang = Hang(context.faults)

    async def service(self, request: web.Request) -> web.Response:
        """Answer one SOAP call, or hang."""
        try:
            envelope = open_envelope(await request.read(), CHARSET)
            if not username_token_ok(envelope, "meridian", self._context.secret("LIS_PASSWORD")):
                return _response(fault("UsernameToken 无效", CHARSET, side="Client"), 500)
            call = payload(envelope)
            work = {"PlaceOrder": self._place, "CancelOrder": self._cancel, "QueryOrder": self._query}
            answer = work[etree.QName(call).localname](call, request.headers.get("Idempotency-Key", ""))
        except (NotUnderstood, KeyError, AttributeError) as error:
            return _response(fault(f"LIS: {escape(str(error))}", CHARSET, side="Client"), 500)
        await asyncio.sleep(self._hang.remaining())
        return _response(seal(answer, CHARSET), 200)

    def _place(self, call: etree._Element, key: str) -> str:
        order_no, visit_no = _text(call, "orderNo"), _text(call, "visitNo")
        codes = [str(node.text) for node in call.iterfind(f".//{{{NAMESPACE}}}itemCode")]
        if not codes or any(code not in _TESTS for code in codes):
            raise NotUnderstood("检验项目代码不是本系统的代码")

        def work() -> dict[str, str]:
            barcode = f"B{uuid.uuid4().int % 10**10:010d}"
            self._context.ledger.record("accepted", visit_no=visit_no, ref=order_no, items=codes, barcode=barcode)
            self._context.later(self._examine(order_no, visit_no, codes))
            return {"barcode": barcode}

        answer = self._context.ledger.once(key, work)
        return _reply("PlaceOrder", orderNo=order_no, status="10", barcode=answer["barcode"])

    def _cancel(self, call: etree._Element, _key: str) -> str:
        order_no = _text(call, "orderNo")
        last = self._context.ledger.last("accepted", "cancelled", ref=order_no)
        if last is not None and last.kind == "accepted":
            self._context.ledger.record("cancelled", visit_no=last.visit_no, ref=order_no)
        return _reply("CancelOrder", orderNo=order_no, status="90")

    def _query(self, call: etree._Element, _key: str) -> str:
        order_no = _text(call, "orderNo")
        last = self._context.ledger.last("accepted", "cancelled", "examined", ref=order_no)
        status = {"accepted": "10", "examined": "30", "cancelled": "90"}[last.kind] if last else "00"
        return _reply("QueryOrder", orderNo=order_no, status=status)

    async def _examine(self, order_no: str, visit_no: str, codes: list[str]) -> None:
        await asyncio.sleep(self._context.delay + self._hang.remaining())
        last = self._context.ledger.last("accepted", "cancelled", ref=order_no)
        if last is None or last.kind == "cancelled":
            return
        self._context.ledger.record("examined", visit_no=visit_no, ref=order_no)
        await deliver(
            self._context,
            "/soap/lis-events",
            seal(_result(order_no, visit_no, codes), CHARSET),
            {
                "Content-Type": f"text/xml; charset={CHARSET}",
                "SOAPAction": f'"{EVENTS}/ReportResult"',
                "Authorization": basic("lis", self._context.secret("LIS_BUS_PASSWORD")),
                "Idempotency-Key": f"lis-result-{order_no}",
            },
        )


def _result(order_no: str, visit_no: str, codes: list[str]) -> str:
    lines = []
    for number, code in enumerate(codes):
        name, unit, low, high = _TESTS[code]
        value = low if (len(order_no) + number) % 2 else high
        lines.append(
            f"<result><itemCode>{code}</itemCode><itemName>{name}</itemName><value>{value}</value>"
            f"<unit>{unit}</unit><reference>{low}-{high}</reference></result>"
        )
    issued = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600))
    return (
        f'<ReportResult xmlns="{EVENTS}"><orderNo>{order_no}</orderNo><visitNo>{visit_no}</visitNo>'
        f"<status>30</status><issuedAt>{issued}</issuedAt><results>{''.join(lines)}</results></ReportResult>"
    )


def _text(call: etree._Element, name: str) -> str:
    found = call.findtext(f"{{{NAMESPACE}}}{name}")
    if not found:
        raise NotUnderstood(f"{name} is missing")
    return found


def _reply(operation: str, **fields: str) -> str:
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
    return f'<{operation}Response xmlns="{NAMESPACE}">{inner}</{operation}Response>'


def _response(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type="text/xml", charset=CHARSET)


def application(context: Context) -> web.Application:
    """Answer the LIS as a web application."""
    app = web.Application()
    app.router.add_post("/lis", Lis(context).service)
    return app
