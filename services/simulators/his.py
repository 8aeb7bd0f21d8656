"""The HIS: one ASMX method with a trade code and a string of XML, in GBK and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from xml.sax.saxutils import escape

from aiohttp import web
from lxml import etree

from services.simulators.caller import deliver
from services.simulators.catalogue import ITEMS
from services.simulators.context import Context, basic, basic_ok
from services.simulators.envelope import NotUnderstood, fault, open_envelope, parse, payload, seal
from services.simulators.registration_notice import Registered, patient_info_register

CHARSET = "gbk"
NAMESPACE = "http://tempuri.org/"
_SEX = {"M": "1", "F": "2", "U": "0"}


class Refusal(Exception):
    """A business reason for ResultCode -1."""


Fields = dict[str, str]


def _fields(request: etree._Element) -> Fields:
    return {str(child.tag): (child.text or "").strip() for child in request if not len(child)}


def old_form(id_no: str) -> str:
    """Answer the 15-digit form under which this HIS has kept patients born before 1970 (GB 11643-1989)."""
    return id_no[:6] + id_no[8:17] if len(id_no) == 18 and id_no[6:10] < "1970" else id_no


class His:
    """Registration, pricing and charging of the simulated hospital."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trades: dict[str, Callable[[etree._Element], Fields]] = {
            "1001": self._register,
            "1002": self._cancel,
            "2001": self._price,
            "2002": self._charge,
            "2003": self._refund,
        }

    async def interface(self, request: web.Request) -> web.Response:
        """Answer ``HIS_Interface(TradeCode, InputParameter)``."""
        if not basic_ok(request, "meridian", self._context.secret("HIS_PASSWORD")):
            return web.Response(status=401)
        try:
            call = payload(open_envelope(await request.read(), CHARSET))
            trade = self._trades[call.findtext(f"{{{NAMESPACE}}}TradeCode", "")]
            inner = parse(call.findtext(f"{{{NAMESPACE}}}InputParameter", ""))
        except (NotUnderstood, KeyError) as error:
            body = fault(f"HIS_Interface: {escape(str(error))}", CHARSET, side="Client")
            return web.Response(body=body, status=500, content_type="text/xml", charset=CHARSET)
        try:
            answer = self._context.ledger.once(
                request.headers.get("Idempotency-Key", ""),
                lambda: {"ResultCode": "0", "ResultMsg": "成功"} | trade(inner),
            )
        except Refusal as refusal:
            answer = {"ResultCode": "-1", "ResultMsg": str(refusal)}
        if trade == self._register and answer["ResultCode"] == "0":
            self._context.later(self._announce(_fields(inner), answer["BRID"], request.headers.get("traceparent", "")))
        return web.Response(body=_reply(answer), content_type="text/xml", charset=CHARSET)

    def _register(self, request: etree._Element) -> Fields:
        patient = _fields(request)
        if patient["XB"] not in _SEX or not patient["KSDM"].startswith("K"):
            raise Refusal("性别或科室代码不是本系统的代码")
        patient_id = "P" + uuid.uuid5(uuid.NAMESPACE_OID, old_form(patient["SFZH"])).hex[:10].upper()
        number = f"GH{patient['JZLSH']}"
        self._context.ledger.record("registered", visit_no=patient["JZLSH"], ref=number, patient=patient_id)
        return {"GHXH": number, "BRID": patient_id}

    def _cancel(self, request: etree._Element) -> Fields:
        visit_no = _fields(request)["JZLSH"]
        number = f"GH{visit_no}"
        if self._state(number, "registered", "cancelled") == "registered":
            self._context.ledger.record("cancelled", visit_no=visit_no, ref=number)
        return {"GHXH": number}

    def _price(self, request: etree._Element) -> Fields:
        lines, total = [], Decimal(0)
        for number, item in enumerate(request.findall("MX/XM"), start=1):
            known = ITEMS.get(item.findtext("BM", ""))
            if known is None:
                raise Refusal("收费项目不存在")
            count = Decimal(item.findtext("SL", "1"))
            amount = (known.price * count).quantize(Decimal("0.01"))
            total += amount
            lines.append(
                f"<XM><XH>{number}</XH><BM>{known.code}</BM><MC>{known.name}</MC><SL>{count}</SL>"
                f"<DJ>{known.price}</DJ><JE>{amount}</JE></XM>"
            )
        return {"MX": "".join(lines), "ZJE": str(total)}

    def _charge(self, request: etree._Element) -> Fields:
        bill = _fields(request)
        if Decimal(bill["TCZF"]) + Decimal(bill["GRZF"]) != Decimal(bill["ZJE"]):
            raise Refusal("统筹支付与个人支付之和不等于总金额")
        number = f"SF{bill['JZLSH']}"
        self._context.ledger.record(
            "charged", visit_no=bill["JZLSH"], ref=number, amount=bill["ZJE"], settlement=bill["JSID"]
        )
        return {"SFXH": number}

    def _refund(self, request: etree._Element) -> Fields:
        visit_no = _fields(request)["JZLSH"]
        number = f"SF{visit_no}"
        if self._state(number, "charged", "refunded") == "charged":
            charged = self._context.ledger.last("charged", ref=number)
            self._context.ledger.record(
                "refunded", visit_no=visit_no, ref=number, amount=charged.amount if charged else "0"
            )
        return {"SFXH": number}

    def _state(self, ref: str, *kinds: str) -> str:
        last = self._context.ledger.last(*kinds, ref=ref)
        return last.kind if last else ""

    async def _announce(self, fields: Fields, patient_id: str, traceparent: str) -> None:
        patient = Registered(
            patient_id, old_form(fields["SFZH"]), fields["XM"], _SEX[fields["XB"]], fields["CSRQ"], fields["LXDH"]
        )
        document = patient_info_register(patient, str(uuid.uuid5(uuid.NAMESPACE_OID, fields["JZLSH"])))
        await self.announce(document, traceparent)

    async def announce(self, document: str, traceparent: str = "") -> None:
        """Tell the platform about a patient: HIPMessageServer with the document as text, until it says AA."""
        inner = (
            f'<HIPMessageServer xmlns="{NAMESPACE}"><action>PatientInfoRegister</action>'
            f"<message><![CDATA[{document}]]></message></HIPMessageServer>"
        )
        secret = self._context.secret("HIS_BUS_PASSWORD")
        headers = {
            "Content-Type": f"text/xml; charset={CHARSET}",
            "SOAPAction": f'"{NAMESPACE}HIPMessageServer"',
            "Authorization": basic("his", secret),
        }
        if traceparent:
            headers["traceparent"] = traceparent
        await deliver(self._context, "/soap/hip", seal(inner, CHARSET), headers, accepted=_acknowledged)


def _acknowledged(status: int, body: bytes) -> bool:
    return status == 200 and 'typeCode="AA"' in body.decode(CHARSET)


def _reply(answer: Fields) -> bytes:
    inner = "".join(f"<{tag}>{text if tag == 'MX' else escape(text)}</{tag}>" for tag, text in answer.items())
    # Real ones claim GB2312 whatever they write; what is inside a string parameter needs no true declaration.
    text = f'<?xml version="1.0" encoding="gb2312"?><Response>{inner}</Response>'
    return seal(
        f'<HIS_InterfaceResponse xmlns="{NAMESPACE}"><HIS_InterfaceResult><![CDATA[{text}]]></HIS_InterfaceResult>'
        "</HIS_InterfaceResponse>",
        CHARSET,
    )


def application(context: Context) -> web.Application:
    """Answer the HIS as a web application."""
    app = web.Application()
    app.router.add_post("/HIS_Interface.asmx", His(context).interface)
    return app
