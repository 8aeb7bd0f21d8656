"""What the gateway says of itself, and the ids it carries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from asgi_caller import call, gateway
from gateway_worlds import JSON, rest, rest_world, soap
from twins import (
    ORDER,
    World,
    envelope,
)

from registry.model import PublishedContract, Service


async def test_titles_follow_the_callers_language_and_are_chinese_where_it_has_none() -> None:
    for accept, title in (
        ("en-GB,zh;q=0.5", "No such service"),
        ("zh-CN,en;q=0.9", "没有该服务"),
        ("fr", "没有该服务"),
    ):
        response = await call(gateway(rest_world()), "POST", "/rest/none/x", b"{}", {**JSON, "accept-language": accept})
        assert orjson.loads(response.body)["title"] == title


async def test_a_trace_goes_in_and_comes_out_under_the_same_id() -> None:
    one = rest_world()
    response = await rest(one, traceparent=f"00-{'a' * 31}b-{'c' * 16}-01")
    assert one.journal.outcomes[0].flow == "a" * 31 + "b"
    assert response.headers["traceparent"].split("-")[1] == "a" * 31 + "b"
    assert response.headers["x-meridian-message"] == one.journal.outcomes[0].id


@pytest.mark.parametrize("parent", ["", "00-xyz-1-01", f"00-{'0' * 32}-{'c' * 16}-01", f"ff-{'a' * 32}-{'c' * 16}-01"])
async def test_a_broken_trace_is_replaced_by_a_new_one(parent: str) -> None:
    one = rest_world()
    await rest(one, traceparent=parent)
    flow = one.journal.outcomes[0].flow
    assert len(flow) == 32
    assert flow not in parent


async def test_health_readiness_and_metrics_are_served() -> None:
    async def troubled() -> tuple[str, ...]:
        return ("journal: the disk is full",)

    app = gateway(rest_world())
    assert (await call(app, "GET", "/healthz")).status == 200
    assert (await call(app, "GET", "/readyz")).status == 200
    assert (await call(app, "GET", "/metrics")).body == b"# metrics\n"
    response = await call(gateway(rest_world(), ready=troubled), "GET", "/readyz")
    assert (response.status, orjson.loads(response.body)["causes"]) == (503, ["journal: the disk is full"])


async def test_every_other_path_is_the_fallbacks_or_a_404() -> None:
    async def console(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"console"})

    assert (await call(gateway(rest_world(), fallback=console), "GET", "/anything")).body == b"console"
    assert (await call(gateway(rest_world()), "GET", "/anything")).status == 404


async def test_a_draining_gateway_refuses_what_comes_and_says_to_come_back() -> None:
    one = rest_world()
    app = gateway(one)
    app.drain()
    response = await call(app, "POST", "/rest/lis/orders", b"{}", JSON)
    assert (response.status, orjson.loads(response.body)["code"]) == (503, "shutting-down")
    assert one.connector.sent == []


async def test_a_large_document_is_parsed_off_the_loop_and_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    real = asyncio.to_thread

    async def watched(work: Any, *arguments: Any) -> Any:
        threads.append(work.__name__)
        return await real(work, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", watched)
    one = rest_world()
    note = "甲" * 40_000
    response = await soap(one, envelope(ORDER.replace("<visit_no>V1", f"<note>{note}</note><visit_no>V1")))
    assert response.status == 200
    assert orjson.loads(one.connector.sent[0].body)["note"] == note
    assert threads[0] == "decoded"
    assert "outgoing" in threads


WSDL = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" name="lis">'
    '<service name="lis"><port name="p" binding="b"><s:address location="http://vendor.invalid/lis.asmx"/></port></service>'
    "</definitions>"
)


def world_with_wsdl() -> World:
    one = rest_world()
    version = replace(
        one.snapshot.services["lis"].versions["1"], wsdl=PublishedContract("lis.wsdl", {"lis.wsdl": WSDL.encode()})
    )
    one.snapshot = replace(one.snapshot, services={"lis": Service("lis", "1", {"1": version})})
    one.settings = replace(one.settings, public_url="https://bus.hospital.example/")
    return one


async def test_a_published_contract_names_the_configured_address_whatever_host_is_sent() -> None:
    app = gateway(world_with_wsdl())
    for host in ("evil.example", "bus.hospital.example"):
        response = await call(app, "GET", "/soap/lis?wsdl", b"", {"host": host, "x-forwarded-host": host})
        assert response.status == 200
        assert b"https://bus.hospital.example/soap/lis/1" in response.body
        assert b"evil.example" not in response.body
        assert b"vendor.invalid" not in response.body


@pytest.mark.parametrize("query", ["xsd=../../etc/passwd", "xsd=/etc/passwd", "xsd=http://127.0.0.1/x", "wsdl=none"])
async def test_no_document_outside_the_contract_is_published(query: str) -> None:
    response = await call(gateway(world_with_wsdl()), "GET", f"/soap/lis?{query}")
    assert (response.status, orjson.loads(response.body)["code"]) == (404, "not-found")


async def test_a_service_without_a_contract_says_that_it_publishes_none() -> None:
    response = await call(gateway(rest_world()), "GET", "/soap/lis?wsdl")
    assert (response.status, orjson.loads(response.body)["code"]) == (404, "not-found")
