"""Callers that write HTTP by hand, as old stacks do, at the main listener and at a further one."""

from __future__ import annotations

import gzip
from base64 import b64encode

import pytest
import requests
from raw_sockets import ENVELOPE, REGISTER, Caller, OldProvider, post
from served_bus import KEY, PASSWORD, ServedBus

pytestmark = pytest.mark.integration

XML = "Content-Type: text/xml; charset=utf-8"
WARD = f"X-API-Key: {KEY}"
OLD = f"Authorization: Basic {b64encode(f'old:{PASSWORD}'.encode()).decode()}"
BODY = REGISTER.encode()


@pytest.fixture(scope="module")
def admin(bus: ServedBus) -> requests.Session:
    """An administrator's session at the console."""
    return bus.console()


@pytest.fixture(params=["main", "side"])
def port(request: pytest.FixtureRequest, bus: ServedBus, ports: dict[str, int]) -> int:
    """The port of Granian, which serves the main listener, and of Hypercorn, which serves the others."""
    return {"main": bus.port, **ports}[request.param]


def test_a_chunked_body_is_read_and_the_answer_has_a_length(port: int) -> None:
    middle = len(BODY) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:middle], BODY[middle:])) + b"0\r\n\r\n"
    with Caller(port) as caller:
        caller.send(post(b"", WARD, XML, "Transfer-Encoding: chunked", length=False), chunks[:40], chunks[40:])
        answer = caller.read()
    assert (answer.status, "通" in answer.body.decode()) == (200, True)
    assert int(answer.header("content-length:")) == len(answer.body)
    assert answer.header("transfer-encoding:") == ""


def test_a_caller_that_expects_100_continue_is_told_to_go_on(port: int) -> None:
    head = post(BODY, WARD, XML, "Expect: 100-continue")[: -len(BODY)]
    with Caller(port) as caller:
        caller.send(head)
        assert caller.read().status == 100
        caller.send(BODY)
        assert caller.read().status == 200


def test_a_caller_that_does_not_wait_for_100_continue_is_answered_too(port: int) -> None:
    with Caller(port) as caller:
        caller.send(post(BODY, WARD, XML, "Expect: 100-continue"))
        answer = caller.read()
        assert (caller.read() if answer.status == 100 else answer).status == 200


def test_http_10_is_answered_with_a_length_and_a_closed_connection(port: int) -> None:
    with Caller(port) as caller:
        caller.send(post(BODY, WARD, XML, version="1.0"))
        answer = caller.read()
    assert (answer.status, answer.closed) == (200, True)
    assert int(answer.header("content-length:")) == len(answer.body)


def test_a_connection_is_kept_for_those_who_can_and_closed_for_those_who_cannot(port: int) -> None:
    with Caller(port) as caller:
        for _ in range(2):
            caller.send(post(BODY, WARD, XML))
            assert not caller.read().closed
    with Caller(port) as caller:
        caller.send(post(REGISTER.encode("gbk"), OLD, XML))
        answer = caller.read()
    assert (answer.status, answer.closed, answer.header("connection:")) == (200, True, "close")


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbf" + BODY, b"\xef\xbb\xbf" + b'<?xml version="1.0" encoding="utf-8"?>' + BODY]
)
def test_a_byte_order_mark_is_no_part_of_the_document(port: int, text: bytes) -> None:
    with Caller(port) as caller:
        caller.send(post(text, WARD, XML))
        assert caller.read().status == 200


def test_gbk_that_is_declared_as_utf_8_reaches_the_provider_as_what_it_means(port: int, provider: OldProvider) -> None:
    with Caller(port) as caller:
        caller.send(post(REGISTER.encode("gbk"), WARD, XML))
        answer = caller.read()
    assert answer.status == 200
    assert "王晓东" in provider.bodies[-1].decode("gb18030")


def test_utf_8_that_is_declared_as_gbk_is_answered_in_utf_8(port: int, provider: OldProvider) -> None:
    with Caller(port) as caller:
        caller.send(post(BODY, WARD, "Content-Type: text/xml; charset=GBK"))
        answer = caller.read()
    assert answer.header("content-type:").lower() == "text/xml; charset=utf-8"
    assert "通" in answer.body.decode()
    assert "王晓东" in provider.bodies[-1].decode("gb18030")


def test_a_packed_body_is_unpacked_and_the_answer_is_never_packed(port: int) -> None:
    with Caller(port) as caller:
        caller.send(post(gzip.compress(BODY), WARD, XML, "Content-Encoding: gzip", "Accept-Encoding: gzip"))
        answer = caller.read()
    assert (answer.status, answer.header("content-encoding:")) == (200, "")
    with Caller(port) as caller:
        caller.send(post(BODY, WARD, XML, "Content-Encoding: br"))
        assert caller.read().status in (400, 415)


def test_a_client_that_breaks_every_rule_at_once_is_served_by_its_profile(
    port: int, bus: ServedBus, admin: requests.Session
) -> None:
    strange = REGISTER.replace("urn:his", "http://tempuri.org/").replace("王晓东", "通").encode("gbk")
    with Caller(port) as caller:
        caller.send(post(strange, OLD, "Content-Type: application/x-www-form-urlencoded", 'SOAPAction: "Other"'))
        answer = caller.read()
    assert answer.header("content-type:") == "text/xml; charset=GB18030"
    assert "<RegisterResponse" in answer.body.decode("gb18030").replace("ns0:", "")
    assert b"http://tempuri.org/" in answer.body
    message = answer.header("x-meridian-message:")
    detail = admin.get(f"{bus.url}/api/messages/{message}", timeout=20).json()["detail"]
    for quirk in ("content_type: application/x-www-form-urlencoded", "charset: read in GB18030", "namespace: its root"):
        assert f"quirk {quirk}" in detail


def test_a_fault_reaches_the_old_client_under_200_and_everybody_else_under_500(port: int) -> None:
    wrong = ENVELOPE.format("", "<Unknown/>").encode()
    with Caller(port) as caller:
        caller.send(post(wrong, OLD, XML))
        assert (answer := caller.read()).status == 200
        assert "unknown-operation" in answer.body.decode("gb18030")
    with Caller(port) as caller:
        caller.send(post(wrong, WARD, XML))
        assert caller.read().status == 500


def test_an_old_provider_is_asked_in_http_10_with_a_length_and_an_unquoted_action(
    port: int, provider: OldProvider
) -> None:
    large = REGISTER.replace("王晓东", "王" * 600_000)
    for body in (REGISTER, large):
        with Caller(port) as caller:
            caller.send(post(body.encode(), WARD, XML))
            assert caller.read().status == 200
        head = provider.heads[-1]
        assert head.startswith("POST / HTTP/1.0\r\n")
        assert "\r\nSOAPAction: urn:his/Register\r\n" in f"{head}\r\n"
        assert "Transfer-Encoding" not in head
        assert "Expect" not in head
        assert f"Content-Length: {len(provider.bodies[-1])}" in head


def test_a_huge_header_is_refused_on_record_at_every_listener(
    bus: ServedBus, admin: requests.Session, port: int
) -> None:
    with Caller(port) as caller:
        caller.send(post(BODY, WARD, XML, f"X-Huge: {'a' * 100_000}"))
        answer = caller.read()
    assert (answer.status, b"headers-too-large" in answer.body) == (431, True)
    message = answer.header("x-meridian-message:")
    assert admin.get(f"{bus.url}/api/messages/{message}", timeout=20).json()["error"] == "headers-too-large"


def test_a_large_request_to_a_modern_provider_has_a_length_too(port: int, provider: OldProvider) -> None:
    body = REGISTER.replace("王晓东", "王" * 600_000).encode()
    with Caller(port) as caller:
        caller.send(post(body, WARD, XML, path="/soap/plain"))
        # Without a profile its mislabelled answer is the provider's fault; what matters here is what it was sent.
        assert caller.read().status == 500
    assert provider.heads[-1].startswith("POST / HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}" in provider.heads[-1]
    assert "Transfer-Encoding" not in provider.heads[-1]
