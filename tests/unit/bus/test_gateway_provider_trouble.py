"""What a caller is told when the other side fails, in the caller's own protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import orjson
import pytest
from gateway_worlds import CONVERTERS, replying, rest, rest_world, soap, soap_world
from twins import (
    ORDER,
    SOAP12,
    World,
    envelope,
    operation,
    snapshot,
)

from bus.errors import (
    CircuitOpen,
    EndpointBusy,
    MeridianError,
    ProviderRefusedUs,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    meaning,
)
from bus.message import Message
from registry.model import Check
from transformers.errors import Violation

FAULT = (
    "<s:Fault><faultcode>s:Client.BadOrder</faultcode><faultstring>检验项目已停用\n   at Lis.Orders.Place(String x)\n"
    "   at Lis.Web.Call()</faultstring><detail><e:Err xmlns:e='urn:e'><e:Code>E7</e:Code>"
    "<e:StackTrace>at Lis.Orders</e:StackTrace></e:Err></detail></s:Fault>"
)


async def test_a_soap_caller_reads_the_soap_providers_own_fault_without_its_stack() -> None:
    response = await soap(soap_world(envelope(FAULT), 500))
    assert response.status == 500
    assert response.text("faultcode").endswith("Client")
    assert response.text("faultstring") == "检验项目已停用"
    assert response.text("Code") == "E7"
    assert response.text("code") == "provider-fault"
    assert b"Lis.Orders" not in response.body


async def test_a_soap_12_caller_reads_the_fault_of_a_11_provider_in_12() -> None:
    response = await soap(
        soap_world(envelope(FAULT), 500), envelope(ORDER, namespace=SOAP12), content_type="application/soap+xml"
    )
    assert (response.status, response.text("Value")) == (400, "soap:Sender")
    assert (response.text("Text"), response.text("Code") != "") == ("检验项目已停用", True)


async def test_a_fault_that_comes_with_status_200_is_still_a_fault() -> None:
    one = soap_world(envelope(FAULT), 200)
    assert (await soap(one)).text("code") == "provider-fault"
    assert one.journal.outcomes[0].status == "fault"


async def test_a_rest_caller_reads_the_soap_providers_fault_as_a_problem() -> None:
    response = await rest(soap_world(envelope(FAULT), 500, http_path="/orders"))
    problem = orjson.loads(response.body)
    assert (response.status, problem["code"]) == (502, "provider-fault")
    assert problem["provider"]["code"] == "Client.BadOrder"
    assert problem["provider"]["reason"] == "检验项目已停用"


async def test_a_rest_caller_reads_the_rest_providers_own_refusal() -> None:
    body = b'{"error":{"code":"E7","stackTrace":"at Lis.Orders"},"message":"disabled"}'
    response = await rest(rest_world(body, 409))
    problem = orjson.loads(response.body)
    assert (response.status, problem["provider"]["status"]) == (409, 409)
    assert problem["provider"]["detail"] == {"error": {"code": "E7"}, "message": "disabled"}


async def test_a_soap_caller_of_a_rest_provider_reads_its_http_error_as_a_server_fault() -> None:
    response = await soap(rest_world(b"<html>oops</html>", 500, "text/html"))
    assert (response.status, response.text("code")) == (500, "provider-fault")
    assert "HTTP 500" in response.text("faultstring")
    assert b"oops" not in response.body


@pytest.mark.parametrize(
    ("make", "body", "media"),
    [
        (soap_world, b"<html><body>login</body></html>", "text/html"),
        (soap_world, b"<html><body>login</body></html>", "text/xml"),
        (soap_world, b"not xml at all", "text/xml"),
        (soap_world, b'{"a":1}', "application/json"),
        (rest_world, b"<html><body>login</body></html>", "text/html"),
        (rest_world, b"<html/>", "application/json"),
        (rest_world, b"\xff\xfe\x00\xd8\x00", "application/json"),
    ],
)
async def test_a_provider_that_lies_about_its_answer_is_named_as_lying(
    make: Callable[..., World], body: bytes, media: str
) -> None:
    one = make()
    one.snapshot = snapshot(
        operation(**{**CONVERTERS, "form": "xml" if make is soap_world else "json", "http_path": "/orders"}),
        protocol="soap11" if make is soap_world else "rest",
    )
    one.connector = replying(body, media)
    response = await soap(one)
    assert (response.status, response.text("code")) == (500, "provider-lied")
    assert one.journal.outcomes[0].bodies[-1].data == body


TROUBLE: list[MeridianError] = [
    ProviderUnreachable("http://lis.invalid: connection refused", endpoint="http://lis.invalid"),
    ProviderTimeout("http://lis.invalid: no answer in time", endpoint="http://lis.invalid"),
    ProviderRefusedUs("http://lis.invalid answered 401", endpoint="http://lis.invalid"),
    ProviderUnavailable("http://lis.invalid answered 503", endpoint="http://lis.invalid", retry_after=4.2),
    CircuitOpen("http://lis.invalid: open", endpoint="http://lis.invalid", retry_after=2.0),
    EndpointBusy("http://lis.invalid: full", endpoint="http://lis.invalid"),
]


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
async def test_every_trouble_of_a_provider_has_its_own_answer_in_either_protocol(error: MeridianError) -> None:
    def fail(message: Message) -> NoReturn:
        raise error

    one, two = soap_world(), rest_world()
    one.connector.reply = two.connector.reply = fail
    fault, response = await soap(one), await rest(two)
    row = meaning(error)
    assert (fault.status, fault.text("code")) == (500, row.code)
    assert (response.status, orjson.loads(response.body)["code"]) == (row.status, row.code)
    seconds = getattr(error, "retry_after", 0.0)
    assert response.headers.get("retry-after", "0") == fault.headers.get("retry-after", "0") == str(-int(-seconds // 1))


BROKEN = (
    Violation("/visit_no", "does not match the pattern", "pattern"),
    Violation("/items/0", "is missing", "required"),
)


async def test_a_request_that_breaks_its_contract_is_told_every_place() -> None:
    one = rest_world(request_check=Check("reject", lambda document: BROKEN))
    problem = orjson.loads((response := await rest(one)).body)
    assert (response.status, problem["code"]) == (422, "contract")
    assert [violation["path"] for violation in problem["violations"]] == ["/visit_no", "/items/0"]
    two = rest_world(request_check=Check("reject", lambda document: BROKEN))
    fault = await soap(two)
    assert [place.text for place in fault.xml.iter("{urn:meridian:2026}path")] == ["/visit_no", "/items/0"]
    assert one.connector.sent == two.connector.sent == []


async def test_a_request_that_is_only_warned_about_goes_on_and_is_noted() -> None:
    one = rest_world(request_check=Check("warn", lambda document: BROKEN))
    assert (await rest(one)).status == 200
    assert "/visit_no (pattern)" in one.journal.outcomes[0].detail
    assert one.journal.outcomes[0].status == "ok"


async def test_a_check_that_is_switched_off_is_not_even_run() -> None:
    def never(document: object) -> NoReturn:
        raise AssertionError("an off check ran")

    assert (await rest(rest_world(request_check=Check("off", never), reply_check=Check("off", never)))).status == 200


async def test_a_reply_that_breaks_its_contract_is_the_providers_doing() -> None:
    one = rest_world(reply_check=Check("reject", lambda document: BROKEN))
    problem = orjson.loads((response := await rest(one)).body)
    assert (response.status, problem["code"]) == (502, "provider-lied")
    assert [violation["path"] for violation in problem["violations"]] == ["/visit_no", "/items/0"]


@pytest.mark.parametrize("body", [b"<html><body>login</body></html>", b"  \n<x/>", b"oops"])
async def test_a_rest_caller_never_gets_a_page_that_calls_itself_json(body: bytes) -> None:
    response = await rest(rest_world(body, 200, "application/json"))
    assert (response.status, orjson.loads(response.body)["code"]) == (502, "provider-lied")
