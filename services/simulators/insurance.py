"""The insurance platform: one JSON envelope for every transaction, counted in Decimal, sometimes answered too late."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from aiohttp import web

from services.simulators.context import Context, header_ok
from services.simulators.faults import every
from services.simulators.insurance_money import Fee, Refusal, money, settlement

Node = dict[str, Any]

_HEAD = (
    "infno",
    "msgid",
    "mdtrtarea_admvs",
    "recer_sys_code",
    "infver",
    "opter_type",
    "opter",
    "opter_name",
    "inf_time",
    "fixmedins_code",
    "fixmedins_name",
)


class Insurance:
    """Persons, registrations, fees and settlements of the insured. A message id is honoured once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger
        self._transactions: dict[str, Callable[[Node, str], Node]] = {
            "1101": self._person,
            "2201": self._register,
            "2202": self._cancel_registration,
            "2203": self._visit,
            "2204": self._fees,
            "2205": self._cancel_fees,
            "2206": self._presettle,
            "2207": self._settle,
            "2208": self._cancel_settlement,
            "2601": self._reverse,
        }

    async def transaction(self, request: web.Request) -> web.Response:
        """Answer one transaction; HTTP is always 200, ``infcode`` says how it went."""
        if not header_ok(request, "x-tif-paasid", self._context.secret("INSURANCE_PAASID")):
            return web.json_response({"infcode": -1, "err_msg": "paasid 无效"}, status=401)
        late = 0.0
        try:
            envelope = _envelope(await request.read(), request.match_info["infno"])
            msgid, infno = envelope["msgid"], envelope["infno"]
            if self._ledger.last("reversed", ref=msgid):
                raise Refusal("该交易已冲正")
            output = self._ledger.once(msgid, lambda: self._transactions[infno](envelope["input"], msgid))
            if infno == "2207" and every(self._context.faults.late_every, self._ledger.count("settled")):
                late = self._context.faults.late_by
            answer: Node = {"infcode": 0, "err_msg": "", "output": output}
        except Refusal as refusal:
            answer = {"infcode": -1, "err_msg": str(refusal), "output": None}
        except (KeyError, TypeError, IndexError, AttributeError, InvalidOperation, orjson.JSONDecodeError):
            answer = {"infcode": -1, "err_msg": "入参不完整或格式不正确", "output": None}
        await asyncio.sleep(late)
        stamp = time.strftime("%Y%m%d%H%M%S")
        head = {"inf_refmsgid": f"110100{stamp}{time.monotonic_ns() % 10**10:010d}", "refmsg_time": f"{stamp}000"}
        return web.Response(body=orjson.dumps(answer | head), content_type="application/json")

    def _person(self, node: Node, _msgid: str) -> Node:
        data = node["data"]
        psn_no = _psn_no(data["certno"] or data["mdtrt_cert_no"])
        base = {"psn_no": psn_no, "psn_cert_type": "01", "certno": data["certno"], "psn_name": data["psn_name"]}
        cover = {
            "insutype": "310",
            "psn_type": "11",
            "balc": "1200.00",
            "psn_insu_stas": "1",
            "insuplc_admdvs": "110105",
        }
        return {"baseinfo": base, "insuinfo": [cover], "idetinfo": []}

    def _register(self, node: Node, msgid: str) -> Node:
        data = node["data"]
        mdtrt_id = f"M{msgid[12:]}"
        self._ledger.record("registered", visit_no=data["ipt_otp_no"], ref=mdtrt_id, psn_no=data["psn_no"])
        return {"data": {"mdtrt_id": mdtrt_id, "psn_no": data["psn_no"], "ipt_otp_no": data["ipt_otp_no"]}}

    def _cancel_registration(self, node: Node, _msgid: str) -> Node:
        mdtrt_id = node["data"]["mdtrt_id"]
        visit_no = self._visit_of(mdtrt_id)
        if self._last(mdtrt_id, "registered", "registration-cancelled") == "registered":
            self._ledger.record("registration-cancelled", visit_no=visit_no, ref=mdtrt_id)
        return {}

    def _visit(self, node: Node, _msgid: str) -> Node:
        visit = node["mdtrtinfo"]
        if not node["diseinfo"]:
            raise Refusal("缺少诊断信息")
        self._ledger.record("visit-uploaded", visit_no=self._visit_of(visit["mdtrt_id"]), ref=visit["mdtrt_id"])
        return {}

    def _fees(self, node: Node, msgid: str) -> Node:
        fees = [Fee.read(line) for line in node["feedetail"]]
        for fee in fees:
            fee.check()
        mdtrt_id = node["feedetail"][0]["mdtrt_id"]
        total = sum((fee.amount for fee in fees), Decimal(0))
        self._ledger.record("fees", visit_no=self._visit_of(mdtrt_id), ref=mdtrt_id, amount=str(total), msgid=msgid)
        return {"result": [fee.answer() for fee in fees]}

    def _cancel_fees(self, node: Node, _msgid: str) -> Node:
        mdtrt_id = node["data"]["mdtrt_id"]
        if self._last(mdtrt_id, "fees", "fees-cancelled") == "fees":
            self._ledger.record("fees-cancelled", visit_no=self._visit_of(mdtrt_id), ref=mdtrt_id)
        return {}

    def _presettle(self, node: Node, _msgid: str) -> Node:
        data = node["data"]
        self._agree(data)
        return {"setlinfo": settlement(data, setl_id="", msgid="")}

    def _settle(self, node: Node, msgid: str) -> Node:
        data = node["data"]
        total = self._agree(data)
        setl_id = f"S{msgid[12:]}"
        self._ledger.record(
            "settled", visit_no=self._visit_of(data["mdtrt_id"]), ref=setl_id, amount=str(total), msgid=msgid
        )
        return {"setlinfo": settlement(data, setl_id=setl_id, msgid=msgid), "setldetail": []}

    def _cancel_settlement(self, node: Node, _msgid: str) -> Node:
        setl_id = node["data"]["setl_id"]
        settled = self._ledger.last("settled", ref=setl_id)
        if settled is None:
            raise Refusal("结算记录不存在")
        if self._last(setl_id, "settled", "settlement-cancelled", "settlement-reversed") == "settled":
            self._ledger.record(
                "settlement-cancelled", visit_no=settled.visit_no, ref=setl_id, amount=f"-{settled.amount}"
            )
        return {"setlinfo": {"setl_id": f"C{setl_id}", "medfee_sumamt": f"-{settled.amount}"}}

    def _reverse(self, node: Node, _msgid: str) -> Node:
        data = node["data"]
        undo = {"2201": ("registered", "registration-cancelled", "M"), "2207": ("settled", "settlement-reversed", "S")}
        if data["oinfno"] not in undo:
            raise Refusal("该交易不支持冲正")
        kind, reversal, prefix = undo[data["oinfno"]]
        number = f"{prefix}{data['omsgid'][12:]}"
        done = self._ledger.last(kind, reversal, ref=number)
        # Noted even when nothing is known of it: a transaction still on its way must not count afterwards.
        self._ledger.record("reversed", visit_no=done.visit_no if done else "", ref=data["omsgid"])
        if done is not None and done.kind == kind:
            self._ledger.record(reversal, visit_no=done.visit_no, ref=number)
        return {}

    def _agree(self, data: Node) -> Decimal:
        """Answer the bill's total if it is what was uploaded, line by line."""
        total = money(data["medfee_sumamt"])
        uploaded = self._ledger.last("fees", "fees-cancelled", ref=data["mdtrt_id"])
        if uploaded is None or uploaded.kind != "fees" or Decimal(uploaded.amount) != total:
            raise Refusal("医疗费总额与已上传的费用明细之和不一致")
        return total

    def _visit_of(self, mdtrt_id: str) -> str:
        registered = self._ledger.last("registered", ref=mdtrt_id)
        if registered is None:
            raise Refusal("就诊登记不存在")
        return registered.visit_no

    def _last(self, ref: str, *kinds: str) -> str:
        last = self._ledger.last(*kinds, ref=ref)
        return last.kind if last else ""


def _psn_no(certno: str) -> str:
    return "11" + str(int.from_bytes(hashlib.sha256(certno.encode()).digest()[:12]))[:20]


def _envelope(body: bytes, infno: str) -> Node:
    envelope: Node = orjson.loads(body)
    missing = [name for name in _HEAD if not envelope.get(name)]
    if missing:
        raise Refusal(f"报文头缺少 {'、'.join(missing)}")
    if (
        len(envelope["msgid"]) != 30
        or envelope["infno"] != infno
        or not envelope["msgid"].startswith(envelope["fixmedins_code"])
    ):
        raise Refusal("msgid 或 infno 不正确")
    if infno not in ("1101",) and not envelope.get("insuplc_admdvs"):
        raise Refusal("缺少 insuplc_admdvs")
    return envelope


def application(context: Context) -> web.Application:
    """Answer the insurance platform as a web application."""
    app = web.Application()
    app.router.add_post("/fsi/api/{infno}", Insurance(context).transaction)
    return app
