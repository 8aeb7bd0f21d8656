"""HTTP made to be read differently, to hold connections, or to turn the bus against its own network."""

from __future__ import annotations

import socket
import time
import zlib

import pytest
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset
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


#: What the HTTP server refuses before the bus can see it: docs/operations.md says which, and that no record exists.
UNREADABLE = {
    "two lengths": request(f"Content-Length: {len(ORDER)}", "Content-Length: 5"),
    "a length with a sign": request(f"Content-Length: +{len(ORDER)}"),
    "a length that is no number": request("Content-Length: 0x10"),
    "an unknown transfer encoding": request("Transfer-Encoding: gzip, identity"),
    "a name with a blank before its colon": request(f"Content-Length : {len(ORDER)}"),
    "a folded header": request(f"Content-Length: {len(ORDER)}", "X-Folded: a\r\n b"),
    "a control character in a header": request(f"Content-Length: {len(ORDER)}", "X-Nul: a\0b"),
    "no request line": [b"\x16\x03\x01\x00\x00garbage\r\n\r\n"],
}  # fmt: skip

#: A request hidden behind the chunks of another.
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\nGET /soap/lab?wsdl HTTP/1.1\r\nHost: x\r\n\r\n" % (len(ORDER), ORDER)

#: What is read in the one way that the standard leaves.
CLEAR = {
    "a length and chunks": request(f"Content-Length: {len(ORDER)}", "Transfer-Encoding: chunked", body=CHUNKS),
    "chunks and a length": request("Transfer-Encoding: chunked", f"Content-Length: {len(ORDER)}", body=CHUNKS),
    "line feeds alone": [request(f"Content-Length: {len(ORDER)}")[0].replace(b"\r", b""), ORDER],
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_request_that_two_servers_would_cut_differently_is_refused_by_the_server(target: Target, kind: str) -> None:
    sent = len(target.hostile.bodies)
    answer = target.raw(UNREADABLE[kind])
    target.quiet(answer)
    assert (answer.status, answer.body, answer.headers.get("connection")) == (400, b"", "close")
    assert target.hostile.bodies[sent:] == []


@pytest.mark.parametrize("kind", CLEAR)
def test_a_request_that_can_be_cut_in_one_way_only_is_cut_so_on_record(target: Target, kind: str) -> None:
    sent = len(target.hostile.bodies)
    answer = target.raw(CLEAR[kind])
    target.quiet(answer)
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert target.hostile.bodies[sent:] == [ORDER]
    record = target.record(answer)
    assert record is not None
    assert record.status == "ok"


def test_chunks_that_are_none_are_refused_on_record(target: Target) -> None:
    broken = request("Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n")
    target.refused(lambda: target.raw(broken), "caller-gone")


def test_a_request_without_host_and_body_is_refused_on_record(target: Target) -> None:
    target.refused(lambda: target.raw([b"POST /soap/lab HTTP/1.1\r\nContent-Length: 0\r\n\r\n"]), "envelope")


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_packed_request_that_unpacks_to_three_hundred_megabytes_is_refused(target: Target, packing: str) -> None:
    bomb = BOMB if packing == "gzip" else zlib.compress(b" " * 300_000_000, 6)
    target.refused(lambda: target.soap(bomb, Content_Encoding=packing), "too-large", status=413)


def test_two_thousand_headers_are_refused(target: Target) -> None:
    flood = [f"X-Flood-{number}: y" for number in range(2000)]
    answer = target.raw(request(f"Content-Length: {len(ORDER)}", *flood))
    target.quiet(answer)
    assert answer.status == 431


def test_two_thousand_headers_over_http_2_are_refused_on_record(target: Target) -> None:
    flood = [(f"x-flood-{number}", "y") for number in range(2000)]
    target.refused(lambda: over_http_2(target, flood), "headers-too-large", status=431)


@pytest.mark.parametrize("name", ["SOAPAction", "X-Anything"])
def test_a_header_of_a_hundred_kilobytes_is_refused_on_record(target: Target, name: str) -> None:
    huge = {name.replace("-", "_"): "a" * 100_000}
    target.refused(lambda: target.soap(ORDER, **huge), "headers-too-large", status=431)
    target.refused(lambda: target.rest('{"visit_no": "V1"}', **huge), "headers-too-large", status=431)


def over_http_2(target: Target, headers: list[tuple[str, str]]) -> Answer:
    """Call a REST door with these headers as well, in HTTP/2 without TLS (RFC 9113 §3.3)."""
    call = H2Connection()
    call.initiate_connection()
    head = [(":method", "POST"), (":scheme", "http"), (":authority", "bus"), (":path", "/rest/orders/Place")]
    call.send_headers(1, [*head, ("x-api-key", KEY), ("content-type", "application/json"), *headers])
    call.send_data(1, b'{"visit_no": "V1"}', end_stream=True)
    began = time.monotonic()
    told: dict[str, str] = {}
    body = b""
    with socket.create_connection(("127.0.0.1", target.bus.port), timeout=20) as line:
        line.sendall(call.data_to_send())
        while True:
            for event in call.receive_data(line.recv(65536)):
                if isinstance(event, ResponseReceived):
                    told = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded | StreamReset | ConnectionTerminated):
                    return Answer(int(told.get(":status", 0)), told, body, time.monotonic() - began)
            line.sendall(call.data_to_send())


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
