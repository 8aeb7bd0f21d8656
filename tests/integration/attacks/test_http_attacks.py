"""HTTP made to be read differently, to hold connections, or to turn the bus against its own network."""

from __future__ import annotations

import socket
import time
import zlib

import pytest
from hostile_provider import BOMB
from served_bus import KEY
from target import Answer, Target, envelope, order

pytestmark = pytest.mark.integration

ORDER = envelope(order()).encode()
HEAD = f"Host: bus\r\nX-API-Key: {KEY}\r\nContent-Type: text/xml; charset=utf-8\r\n"


def request(*lines: str, body: bytes = ORDER) -> list[bytes]:
    """A request with these lines behind the ordinary ones."""
    return [("POST /soap/lab HTTP/1.1\r\n" + HEAD + "\r\n".join([*lines, "Connection: close", "", ""])).encode(), body]


def test_sixty_slow_callers_do_not_keep_an_honest_one_waiting(target: Target) -> None:
    lines = []
    try:
        for number in range(60):
            line = socket.create_connection(("127.0.0.1", target.bus.port), timeout=20)
            lines.append(line)
            if number % 2:
                line.sendall(b"POST /soap/lab HTTP/1.1\r\nHost: bus\r\nX-Slow: ")
            else:
                line.sendall(f"POST /soap/lab HTTP/1.1\r\n{HEAD}Content-Length: 5000\r\n\r\n<s:Env".encode())
        began = time.monotonic()
        target.alive()
        assert time.monotonic() - began < 5
        # The ones with slow headers are cut off after five seconds; the bus answers none of them with success.
        lines[1].settimeout(20)
        assert not lines[1].recv(4096).startswith(b"HTTP/1.1 2")
    finally:
        for line in lines:
            line.close()


#: What the HTTP server itself must refuse, or read in the one way that nobody else can doubt.
AMBIGUOUS = {
    "two lengths": request(f"Content-Length: {len(ORDER)}", "Content-Length: 5"),
    "a length with a sign": request(f"Content-Length: +{len(ORDER)}"),
    "a length that is no number": request("Content-Length: 0x10"),
    "a length and chunks": request(
        f"Content-Length: {len(ORDER)}", "Transfer-Encoding: chunked",
        body=b"%x\r\n%s\r\n0\r\n\r\nGET /soap/lab?wsdl HTTP/1.1\r\nHost: x\r\n\r\n" % (len(ORDER), ORDER),
    ),
    "an unknown transfer encoding": request("Transfer-Encoding: gzip, identity"),
    "a chunk size that is no number": request("Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),
    "a name with a blank before its colon": request(f"Content-Length : {len(ORDER)}"),
    "a folded header": request(f"Content-Length: {len(ORDER)}", "X-Folded: a\r\n b"),
    "line feeds alone": [request(f"Content-Length: {len(ORDER)}")[0].replace(b"\r", b""), ORDER],
    "no host at all": [b"POST /soap/lab HTTP/1.1\r\nContent-Length: 0\r\n\r\n"],
}  # fmt: skip


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_a_request_that_two_servers_would_cut_differently_gets_one_answer(target: Target, kind: str) -> None:
    sent = len(target.hostile.bodies)
    answer = target.raw(AMBIGUOUS[kind])
    target.quiet(answer)
    if answer.status == 200:
        assert target.hostile.bodies[sent:] == [ORDER]
    else:
        assert answer.status in (0, 400, 411, 501) or answer.code in ("envelope", "caller-gone", "not-authenticated")
        assert target.hostile.bodies[sent:] == []


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_packed_request_that_unpacks_to_three_hundred_megabytes_is_refused(target: Target, packing: str) -> None:
    bomb = BOMB if packing == "gzip" else zlib.compress(b" " * 300_000_000, 6)
    target.refused(lambda: target.soap(bomb, Content_Encoding=packing), "too-large", status=413)


def test_two_thousand_headers_are_refused(target: Target) -> None:
    flood = [f"X-Flood-{number}: y" for number in range(2000)]
    answer = target.raw(request(f"Content-Length: {len(ORDER)}", *flood))
    target.quiet(answer)
    assert answer.status in (0, 400, 431, 500)
    assert answer.status != 200


def test_a_header_of_a_hundred_kilobytes_is_refused(target: Target) -> None:
    answer = target.raw(request(f"Content-Length: {len(ORDER)}", f'SOAPAction: "{"a" * 100_000}"'))
    target.quiet(answer)
    assert answer.status != 200


def test_a_line_break_in_a_field_never_becomes_a_header_for_the_provider(target: Target) -> None:
    target.quiet(target.send("GET", "/rest/orders/look/V1%0d%0aX-Injected:%201", b"", {}))
    target.quiet(target.rest('{"visit_no": "V1\\r\\nX-Injected: 1"}'))
    key = target.raw(request(f"Content-Length: {len(ORDER)}", "Idempotency-Key: a\rX-Injected: 1"))
    target.quiet(key)
    assert [head for head in target.hostile.heads if "\nX-Injected" in head] == []


def operation(target: Target, name: str) -> Answer:
    """Call one of the operations whose provider does harm."""
    return target.rest("{}", f"/rest/orders/{name}")


def test_a_redirect_is_never_followed(target: Target) -> None:
    target.refused(lambda: operation(target, "Redirect"), "provider-lied")
    assert target.hostile.asked("canary ") == []


def test_a_reply_of_two_hundred_megabytes_is_cut_off(target: Target) -> None:
    target.refused(lambda: operation(target, "Huge"), "reply-too-large")


def test_a_packed_reply_that_unpacks_to_three_hundred_megabytes_is_cut_off(target: Target) -> None:
    target.refused(lambda: operation(target, "Bomb"), "reply-too-large", "provider-lied")


def test_a_reply_without_end_ends_at_the_deadline(target: Target) -> None:
    answer = target.refused(lambda: operation(target, "Endless"), "provider-timeout")
    assert answer.seconds < 6


def test_a_page_that_calls_itself_json_is_a_lie(target: Target) -> None:
    answer = target.refused(lambda: operation(target, "Liar"), "provider-lied")
    assert "<html>" not in answer.words


def test_what_the_provider_prints_of_its_own_program_goes_no_further(target: Target) -> None:
    answer = operation(target, "Trace")
    assert answer.code == "provider-fault"
    target.quiet(answer)
    assert "his.py" not in answer.words


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_no_header_turns_one_method_into_another(target: Target, method: str) -> None:
    sent = len(target.hostile.bodies)
    answer = target.rest("{}", method=method, X_HTTP_Method_Override="POST", X_Method_Override="POST")
    target.quiet(answer)
    assert answer.status in (400, 404, 405)
    assert len(target.hostile.bodies) == sent


PATHS = [
    "/rest/orders/../lab",
    "/rest/orders/%2e%2e/lab",
    "/rest/orders/look/..%2f..%2fadmin",
    "/rest/orders/look/%00",
    "/rest/orders/look/%ff",
    "/rest/%6frders/%2e/Place",
    "/soap/lab/..%5c..",
    "/soap/ｌａｂ".encode().decode("latin-1"),
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_climbs_out_of_its_service(target: Target, path: str) -> None:
    sent = len(target.hostile.bodies)
    answer = target.send("POST", path, b"{}", {"Content-Type": "application/json"})
    target.quiet(answer)
    assert 400 <= answer.status < 500 or answer.code in ("bad-request", "unknown-service")
    assert len(target.hostile.bodies) == sent
