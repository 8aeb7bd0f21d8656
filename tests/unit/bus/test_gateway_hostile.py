"""Hostile and broken requests: each answered in the caller's protocol with its own error, and journaled."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest
from asgi_caller import Response, call, gateway
from twins import ORDER, PLACED, SOAP12, CannedConnector, World, answered, envelope, operation, snapshot

from bus.settings import Settings

SOAP = {"content-type": "text/xml; charset=utf-8", "x-api-key": "kiosk"}
JSON = {"content-type": "application/json", "x-api-key": "kiosk"}


def world(**settings: object) -> World:
    reply = envelope(PLACED).encode()
    return World(
        snapshot(
            operation(),
            operation("CancelOrder"),
            operation("Ping", form="json", http_method="GET", http_path="/ping/{no}"),
        ),
        connector=CannedConnector(lambda message: answered(message, reply, "text/xml; charset=utf-8")),
        settings=replace(Settings(), **settings),  # type: ignore[arg-type]
    )


async def soap(one: World, body: bytes | str, path: str = "/soap/lis", **headers: str) -> Response:
    given = {**SOAP, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await call(gateway(one), "POST", path, body.encode() if isinstance(body, str) else body, given)


def fault_code(response: Response) -> str:
    """The bus's code in the fault's detail."""
    return response.text("code") if b"problem" in response.body else ""


def expect_fault(one: World, response: Response, code: str, *, status: int = 500, words: str = "") -> None:
    """A SOAP 1.1 fault of this code, journaled under the id it names, with nothing sent."""
    assert response.status == status, response.body
    assert response.headers["content-type"].startswith("text/xml")
    assert response.xml.tag.endswith("Envelope")
    assert fault_code(response) == code
    assert words in response.text("faultstring")
    (record,) = one.journal.outcomes
    assert (record.status, record.error) == ("error", code)
    assert response.text("messageId") == record.id == response.headers["x-meridian-message"]
    assert one.connector.sent == []


def expect_problem(one: World, response: Response, code: str, *, status: int, words: str = "") -> dict[str, object]:
    """A problem document of this code, journaled, with nothing sent."""
    problem: dict[str, object] = orjson.loads(response.body)
    assert response.headers["content-type"].startswith("application/problem+json")
    assert (response.status, problem["status"]) == (status, status)
    assert problem["type"] == f"urn:meridian:problem:{code}"
    assert words in str(problem["detail"])
    (record,) = one.journal.outcomes
    assert (record.status, record.error) == ("error", code)
    assert problem["instance"] == record.id
    assert one.connector.sent == []
    return problem


@pytest.mark.parametrize(
    "prolog",
    [
        "<!DOCTYPE x>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY a "b">]>',
        '<?xml version="1.0"?><!--c--><!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
    ],
)
async def test_any_document_type_declaration_is_refused_as_unsafe(prolog: str) -> None:
    one = world()
    expect_fault(one, await soap(one, prolog + envelope(ORDER)), "unsafe", words="DOCTYPE")


async def test_xml_nested_deeper_than_256_is_refused_as_too_large() -> None:
    one = world()
    response = await soap(one, envelope("<a>" * 3000 + "</a>" * 3000))
    expect_fault(one, response, "too-large", status=413)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (("﻿" + envelope(ORDER)).encode("utf-16"), {"content_type": "text/xml; charset=utf-16"}),
        (f'<?xml version="1.0" encoding="utf-16"?>{envelope(ORDER)}'.encode(), {}),
        (b"\xef\xbb\xbf" + envelope(ORDER).encode(), {}),
        (
            f'<?xml version="1.0" encoding="GBK"?>{envelope(ORDER.replace("V1", "镕"))}'.encode("gb18030"),
            {"content_type": "text/xml"},
        ),
    ],
)
async def test_charsets_that_lie_or_surprise_reach_the_provider_as_it_reads_them(
    body: bytes, headers: dict[str, str]
) -> None:
    one = world()
    response = await soap(one, body, **headers)
    assert response.status == 200, response.body
    sent = one.connector.sent[0]
    assert b"utf-16" not in sent.body.lower()
    assert sent.charset == "utf-8"
    sent.body.decode("utf-8")
    assert sent.body[:1] == b"<"


@pytest.mark.parametrize("body", [b"\xff\xfe\xff\xff\x00\xd8<", b"<a>\x81\xff\xff</a>"])
async def test_bytes_that_no_charset_reads_are_refused(body: bytes) -> None:
    one = world()
    response = await soap(one, body)
    assert response.status == 500
    assert fault_code(response) in ("charset", "malformed")
    assert one.journal.outcomes[0].bodies[0].data == body


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "no-such-charset"])
async def test_a_charset_nobody_should_believe_changes_nothing(name: str) -> None:
    one = world()
    response = await soap(one, envelope("+ADw-PlaceOrder xmlns='urn:lab'/>"), content_type=f"text/xml; charset={name}")
    expect_fault(one, response, "envelope")


async def test_a_nul_character_in_xml_is_malformed() -> None:
    one = world()
    expect_fault(one, await soap(one, envelope("<a>\0</a>")), "malformed")


EMPTY = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{}</s:Envelope>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (envelope(""), "Body is empty"),
        (EMPTY.format(""), "no Body"),
        (EMPTY.format("<s:Body/><s:Body/>"), "exactly one Body"),
        (envelope(ORDER + ORDER), "more than one child"),
        ("<other/>", "not a SOAP Envelope"),
        ("", "no body"),
    ],
)
async def test_every_broken_envelope_is_refused_saying_what_is_broken(body: str, words: str) -> None:
    one = world()
    expect_fault(one, await soap(one, body), "envelope", words=words)


@pytest.mark.parametrize("action", ['"urn:lab/CancelOrder"', '"CancelOrder"', '"urn:other/Delete"'])
async def test_an_action_that_contradicts_the_body_is_refused(action: str) -> None:
    one = world()
    expect_fault(one, await soap(one, envelope(ORDER), soapaction=action), "bad-request", words="SOAPAction")


@pytest.mark.parametrize(
    "action", ['"urn:lab/PlaceOrder"', '""', "", '"http://his/services#PlaceOrder"', "urn:lab/PlaceOrder"]
)
async def test_an_action_that_fits_or_is_empty_passes(action: str) -> None:
    assert (await soap(world(), envelope(ORDER), soapaction=action)).status == 200


async def test_a_soap_12_envelope_with_the_content_type_of_11_is_a_version_mismatch() -> None:
    one = world()
    response = await soap(one, envelope(ORDER, namespace=SOAP12))
    assert response.text("faultcode").endswith("VersionMismatch")
    expect_fault(one, response, "soap-version", words="make them agree")


async def test_a_soap_11_envelope_with_the_content_type_of_12_is_a_version_mismatch_in_12() -> None:
    one = world()
    response = await soap(one, envelope(ORDER), content_type="application/soap+xml")
    assert (response.status, response.text("Value")) == (500, "soap:VersionMismatch")
    assert response.headers["content-type"].startswith("application/soap+xml")
    assert fault_code(response) == "soap-version"
    assert one.journal.outcomes[0].error == "soap-version"


async def test_a_mandatory_header_nobody_understands_is_refused() -> None:
    header = '<t:Tx xmlns:t="urn:tx" s:mustUnderstand="1"/>'
    one = world()
    response = await soap(one, envelope(ORDER, header=header))
    assert response.text("faultcode").endswith("MustUnderstand")
    expect_fault(one, response, "must-understand", words="Tx")


async def test_an_optional_header_and_one_for_somebody_else_pass() -> None:
    header = '<t:A xmlns:t="urn:tx"/><t:B xmlns:t="urn:tx" s:mustUnderstand="1" s:actor="urn:somebody"/>'
    one = world()
    assert (await soap(one, envelope(ORDER, header=header))).status == 200
    assert b"urn:somebody" in one.connector.sent[0].body


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/", "http://127.0.0.1:5672/", "file:///etc/passwd", "http://lis.invalid/"]
)
async def test_a_reply_is_never_sent_where_only_the_message_asks_for_it(name: str, address: str) -> None:
    header = (
        f'<a:{name} xmlns:a="http://www.w3.org/2005/08/addressing" s:mustUnderstand="1">'
        f"<a:Address>{address}</a:Address></a:{name}>"
    )
    one = world()
    expect_fault(one, await soap(one, envelope(ORDER, header=header)), "addressing", words="anonymous")
    assert one.connector.sent == []
    assert one.outbox.letters == []


async def test_attachments_are_refused_by_name() -> None:
    one = world()
    body = f"--x\r\nContent-Type: text/xml\r\n\r\n{envelope(ORDER)}\r\n--x--"
    response = await soap(one, body, content_type='multipart/related; boundary="x"; type="text/xml"')
    expect_fault(one, response, "media-type", status=415, words="attachments")


async def test_plain_text_is_not_read_as_soap() -> None:
    one = world()
    expect_fault(one, await soap(one, envelope(ORDER), content_type="text/plain"), "media-type", status=415)


async def test_too_many_headers_are_refused_before_the_body_is_read() -> None:
    one = world()
    pairs = [*SOAP.items(), *((f"x-{n}", "y") for n in range(2000))]
    response = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), pairs, hangs=True)
    expect_fault(one, response, "headers-too-large", status=431, words="headers")


async def test_one_huge_header_is_refused_by_its_name() -> None:
    one = world()
    response = await soap(one, envelope(ORDER), soapaction="a" * 100_000)
    expect_fault(one, response, "headers-too-large", status=431, words="soapaction")


async def test_a_huge_header_is_refused_also_where_nobody_reads_it() -> None:
    one = world()
    response = await soap(one, envelope(ORDER), x_anything="a" * 8192)
    expect_fault(one, response, "headers-too-large", status=431, words="one of its headers")


async def test_a_list_that_is_huge_by_its_many_lines_is_refused() -> None:
    one = world()
    pairs = [*SOAP.items(), *(("accept", "a" * 3000) for _ in range(3))]
    response = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), pairs)
    expect_fault(one, response, "headers-too-large", status=431, words="accept")


async def test_a_credential_given_twice_is_refused() -> None:
    one = world()
    pairs = [*SOAP.items(), ("x-api-key", "other")]
    response = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), pairs)
    expect_fault(one, response, "bad-request", words="x-api-key")


async def test_a_list_given_in_several_lines_is_one_list() -> None:
    one = world()
    pairs = [*SOAP.items(), ("accept", "text/xml"), ("accept", "multipart/*"), ("accept", "application/soap")]
    assert (await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), pairs)).status == 200
    assert one.journal.outcomes[0].status == "ok"


async def test_an_announced_body_over_the_limit_is_refused_without_reading_it() -> None:
    one = world(max_body=1000)
    headers = {**SOAP, "content-length": "1001"}
    response = await call(gateway(one), "POST", "/soap/lis", b"", headers, hangs=True)
    expect_fault(one, response, "too-large", status=413, words="announced")


async def test_a_body_that_grows_over_the_limit_is_cut_off() -> None:
    one = world(max_body=1000)
    response = await call(gateway(one), "POST", "/rest/lis/x", [b"x" * 600, b"x" * 600, b"x"], JSON, hangs=True)
    expect_problem(one, response, "too-large", status=413)


async def test_a_body_that_never_ends_is_given_up() -> None:
    one = world(body_timeout=0.05)
    response = await call(gateway(one), "POST", "/soap/lis", b"<s:Env", SOAP, hangs=True)
    expect_fault(one, response, "body-timeout", status=408, words="0.05 s")


async def test_a_caller_that_hangs_up_in_its_body_is_journaled() -> None:
    one = world()
    await call(gateway(one), "POST", "/soap/lis", b"<s:Env", SOAP, leaves=True)
    assert [record.error for record in one.journal.outcomes] == ["caller-gone"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "GET"])
async def test_a_soap_door_takes_nothing_but_post(method: str) -> None:
    one = world()
    response = await call(gateway(one), method, "/soap/lis", b"", {**SOAP, "x-http-method-override": "POST"})
    expect_fault(one, response, "method", status=405)
    assert response.headers["allow"] == "GET, POST"


async def test_a_rest_path_says_which_methods_it_answers() -> None:
    one = world()
    response = await call(gateway(one), "POST", "/rest/lis/ping/7", b"{}", {**JSON, "x-http-method-override": "GET"})
    expect_problem(one, response, "method", status=405, words="GET")
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "path",
    [
        "/rest/lis/../admin",
        "/rest/lis/%2e%2e/admin",
        "/rest/lis/ping/%2E%2E",
        "/rest/lis/ping/..%5C..",
        "/rest/lis/ping/a%00b",
        "/rest/lis/ping/%ff",
    ],
)
async def test_a_path_that_climbs_or_holds_control_characters_is_refused(path: str) -> None:
    one = world()
    expect_problem(one, await call(gateway(one), "GET", path, b"", {"x-api-key": "kiosk"}), "bad-request", status=400)


@pytest.mark.parametrize("name", ["LIS", "l%69s", "lis%2F..", "ｌｉｓ", "lsi"])
async def test_a_service_name_is_taken_exactly_as_it_is_registered(name: str) -> None:
    one = world()
    response = await call(gateway(one), "POST", f"/rest/{quote(name, safe='%')}/x", b"{}", JSON)
    assert orjson.loads(response.body)["code"] in ("unknown-service", "bad-request")
    assert response.status in (400, 404)
    assert len(one.journal.outcomes) == 1


async def test_a_misspelt_service_is_answered_with_the_one_meant() -> None:
    one = world()
    expect_fault(one, await soap(one, envelope(ORDER), "/soap/lsi"), "unknown-service", words="did you mean lis?")


async def test_an_unknown_version_and_operation_are_named() -> None:
    one, two = world(), world()
    expect_fault(one, await soap(one, envelope(ORDER), "/soap/lis/9"), "unknown-version", words="known: 1")
    wrong = envelope('<PlaceOrdr xmlns="urn:lab"/>')
    expect_fault(two, await soap(two, wrong), "unknown-operation", words="did you mean PlaceOrder?")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a":', "malformed"),
        (b'{"a":NaN}', "malformed"),
        (b'{"a":1,"a":2}', "malformed"),
        (b"[" * 500 + b"]" * 500, "too-large"),
    ],
)
async def test_broken_json_is_answered_as_a_problem(body: bytes, code: str) -> None:
    one = world()
    status = 413 if code == "too-large" else 400
    expect_problem(one, await call(gateway(one), "POST", "/rest/lis/PlaceOrder", body, JSON), code, status=status)


async def test_a_caller_without_a_credential_is_refused_in_either_protocol() -> None:
    one, two = world(), world()
    bare = {"content-type": "text/xml"}
    response = await call(gateway(one), "POST", "/soap/lis", envelope(ORDER).encode(), bare)
    expect_fault(one, response, "not-authenticated", status=401)
    assert response.headers["www-authenticate"].startswith("Basic ")
    expect_problem(two, await call(gateway(two), "GET", "/rest/lis/ping/7"), "not-authenticated", status=401)


async def test_a_caller_over_its_rate_is_told_when_to_come_back() -> None:
    one = world()
    one.limiter.closed = True
    response = await soap(one, envelope(ORDER))
    expect_fault(one, response, "rate-limited")
    assert (response.headers["retry-after"], response.text("retryAfter")) == ("2", "2")


async def test_no_fault_ever_quotes_what_the_document_says() -> None:
    one = world()
    response = await soap(one, envelope("<PlaceOrder xmlns='urn:lab'>张三 110105194912310021<x></PlaceOrder>"))
    expect_fault(one, response, "malformed", words="line 1")
    assert "张三" not in response.body.decode()
    assert "张三" not in one.journal.outcomes[0].detail


@pytest.mark.parametrize(("coding", "window"), [("gzip", 31), ("GZip", 31), ("deflate", 15), ("deflate", -15)])
async def test_a_packed_request_is_unpacked_and_goes_on_as_if_it_had_come_plain(coding: str, window: int) -> None:
    one = world()
    packer = zlib.compressobj(wbits=window)
    body = packer.compress(envelope(ORDER).encode()) + packer.flush()
    assert (await soap(one, body, content_encoding=coding)).status == 200
    assert one.connector.sent[0].body == envelope(ORDER).encode()


async def test_a_packed_request_that_unpacks_beyond_the_limit_is_too_large() -> None:
    one = world(max_body=10_000)
    response = await soap(one, gzip.compress(bytes(1_000_000)), content_encoding="gzip")
    expect_fault(one, response, "too-large", status=413, words="unpacks to more than the 10000 bytes")


async def test_a_request_that_is_not_packed_as_it_says_is_named_so() -> None:
    one = world()
    response = await soap(one, envelope(ORDER), content_encoding="gzip")
    expect_fault(one, response, "malformed", words="not gzip")


async def test_a_coding_that_nobody_unpacks_is_refused_with_those_that_are() -> None:
    one = world()
    response = await call(gateway(one), "POST", "/rest/lis/PlaceOrder", b"{}", {**JSON, "content-encoding": "br"})
    expect_problem(one, response, "content-coding", status=415, words="gzip")
    assert response.headers["accept-encoding"] == "gzip, deflate"
