"""The simulated HIS speaks GBK in an ASMX method, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from simulated import Client, simulated

from services.simulators import his
from services.simulators.context import basic
from services.simulators.envelope import open_envelope, parse, payload

pytestmark = pytest.mark.integration

PATIENT = (
    "<JZLSH>MZ26112300001</JZLSH><KSDM>K103</KSDM><YSGH>D1</YSGH><XM>张镕</XM><SFZH>11010519491231002X</SFZH>"
    "<XB>M</XB><CSRQ>19491231</CSRQ><LXDH>19900000000</LXDH>"
)


async def ask(
    client: Client, trade: str, inner: str, *, charset: str = "gbk", key: str = ""
) -> tuple[int, dict[str, str]]:
    call = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<HIS_Interface xmlns="http://tempuri.org/"><TradeCode>{trade}</TradeCode>'
        f"<InputParameter><![CDATA[<Request>{inner}</Request>]]></InputParameter></HIS_Interface></s:Body></s:Envelope>"
    )
    headers = {"Content-Type": f"text/xml; charset={charset}", "Idempotency-Key": key}
    async with client.post("/HIS_Interface.asmx", data=call.encode(charset), headers=headers) as answer:
        body = await answer.read()
        assert answer.charset == "gbk"
        reply = payload(open_envelope(body, "gbk"))
        text = "".join(str(part) for part in reply.itertext())
        return answer.status, {child.tag: child.text or "" for child in parse(text)} if answer.status == 200 else {}


async def test_a_registration_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async with simulated(his.application, tmp_path) as (client, context):
        answers = [await ask(client, "1001", PATIENT, key="k1") for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][1]["ResultCode"] == "0"
        assert context.ledger.count("registered") == 1


async def test_utf8_bytes_are_answered_with_a_fault_in_gbk(tmp_path: Path) -> None:
    async with simulated(his.application, tmp_path) as (client, context):
        status, _ = await ask(client, "1001", PATIENT.replace("张镕", "张小镕"), charset="utf-8")
        assert status == 500
        assert context.ledger.count("registered") == 0


async def test_standard_sex_and_department_codes_are_refused_as_foreign(tmp_path: Path) -> None:
    async with simulated(his.application, tmp_path) as (client, _):
        _, answer = await ask(client, "1001", PATIENT.replace("<XB>M</XB>", "<XB>1</XB>"))
        assert answer["ResultCode"] == "-1"


async def test_a_bill_is_priced_to_the_cent_and_must_add_up_to_be_charged(tmp_path: Path) -> None:
    async with simulated(his.application, tmp_path) as (client, context):
        items = "<MX><XM><BM>250302001</BM><SL>3</SL></XM><XM><BM>110200001</BM><SL>1</SL></XM></MX>"
        _, priced = await ask(client, "2001", f"<JZLSH>MZ26112300001</JZLSH>{items}")
        assert priced["ZJE"] == "71.15"
        bill = "<JZLSH>MZ26112300001</JZLSH><ZJE>71.15</ZJE><TCZF>49.81</TCZF><GRZF>21.33</GRZF><JSID>S1</JSID>"
        _, refused = await ask(client, "2002", bill)
        assert refused["ResultCode"] == "-1"
        _, charged = await ask(client, "2002", bill.replace("21.33", "21.34"))
        assert charged["ResultCode"] == "0"
        assert [entry.amount for entry in context.ledger.entries(ref=charged["SFXH"])] == ["71.15"]


async def test_without_the_right_login_nothing_is_answered_or_kept(tmp_path: Path) -> None:
    async with simulated(his.application, tmp_path, environ={"HIS_PASSWORD": "right"}) as (client, context):
        for login in ({}, {"Authorization": basic("meridian", "wrong")}):
            async with client.post("/HIS_Interface.asmx", data=b"", headers=login) as answer:
                assert answer.status == 401
        assert context.ledger.count("registered") == 0


async def test_the_platform_is_told_of_an_old_patient_in_gbk_with_a_15_digit_number_until_it_acknowledges(
    tmp_path: Path,
) -> None:
    heard: list[bytes] = []
    done = asyncio.Event()

    async def hip(request: web.Request) -> web.Response:
        heard.append(await request.read())
        if len(heard) < 2:
            return web.Response(status=503)
        done.set()
        return web.Response(body='<a typeCode="AA">处理成功</a>'.encode("gbk"))

    platform = web.Application()
    platform.router.add_post("/soap/hip", hip)
    runner = web.AppRunner(platform)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with simulated(his.application, tmp_path, bus=url) as (client, _):
        await ask(client, "1001", PATIENT, key="k1")
        await asyncio.wait_for(done.wait(), 5)
    await runner.cleanup()
    call = payload(open_envelope(heard[1], "gbk"))
    message = call.findtext("{http://tempuri.org/}message", "")
    assert 'extension="110105491231002"' in message
    assert "张镕" in message
