"""The HTTP client against a provider that does what providers should not do."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loopback_provider import LoopbackProvider
from outside import absent

from bus.connectors.http import AioHttpClient
from bus.errors import BadRequest, ProviderLied, ProviderTimeout, ProviderUnreachable, ReplyTooLarge
from bus.ports import Outbound
from bus.settings import Settings

pytestmark = pytest.mark.integration


def get(url: str, timeout: float = 5.0, **headers: str) -> Outbound:
    return Outbound("GET", url, headers, b"", time.monotonic() + timeout)


def post(url: str, body: bytes = b"<a/>", timeout: float = 5.0, **headers: str) -> Outbound:
    return Outbound("POST", url, headers, body, time.monotonic() + timeout)


async def test_a_reply_comes_back_with_its_bytes_status_and_lower_case_headers(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    inbound = await client.send(post(f"{provider.url}/ok"))
    assert (inbound.status, inbound.body) == (200, b"ok")
    assert inbound.headers["content-type"] == "text/xml; charset=GBK"
    assert provider.bodies == [b"<a/>"]


async def test_only_the_headers_that_were_asked_for_go_out(client: AioHttpClient, provider: LoopbackProvider) -> None:
    await client.send(post(f"{provider.url}/ok", SOAPAction='"urn:x"'))
    names = {line.partition(":")[0] for line in provider.heads[0].split("\r\n")[1:] if line}
    assert names == {"Host", "SOAPAction", "Content-Length"}


async def test_a_body_over_a_megabyte_arrives_whole(client: AioHttpClient, provider: LoopbackProvider) -> None:
    body = bytes(range(256)) * 8192
    await client.send(post(f"{provider.url}/ok", body))
    assert provider.bodies == [body]


async def test_calls_in_a_row_share_one_connection(client: AioHttpClient, provider: LoopbackProvider) -> None:
    for _ in range(20):
        await client.send(post(f"{provider.url}/ok"))
    assert (provider.connections, provider.requests["/ok"]) == (1, 20)


async def test_a_packed_reply_is_unpacked(client: AioHttpClient, provider: LoopbackProvider) -> None:
    assert (await client.send(get(f"{provider.url}/gzip"))).body == b"packed"


@pytest.mark.parametrize("path", ["/bomb", "/large", "/endless"])
async def test_a_reply_over_the_limit_is_cut_off_and_its_connection_closed(
    client: AioHttpClient, provider: LoopbackProvider, path: str
) -> None:
    with pytest.raises(ReplyTooLarge) as caught:
        await client.send(get(provider.url + path))
    assert caught.value.endpoint == provider.url
    await asyncio.sleep(0.05)
    assert provider.under_way == 0


@pytest.mark.parametrize("path", ["/not-gzip", "/brotli", "/not-http"])
async def test_an_answer_that_is_not_what_it_says_is_a_lie(
    client: AioHttpClient, provider: LoopbackProvider, path: str
) -> None:
    with pytest.raises(ProviderLied):
        await client.send(get(provider.url + path))


async def test_a_redirect_is_not_followed_and_its_cookie_forgotten(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    inbound = await client.send(get(f"{provider.url}/redirect"))
    await client.send(get(f"{provider.url}/ok"))
    assert inbound.status == 302
    assert provider.requests == {"/redirect": 1, "/ok": 1}
    assert "cookie" not in provider.heads[1].lower()


async def test_proxies_named_by_the_environment_are_ignored(
    client: AioHttpClient, provider: LoopbackProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await client.send(get(f"{provider.url}/ok"))).status == 200


async def test_a_closed_port_is_unreachable_and_nothing_was_sent(client: AioHttpClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ProviderUnreachable) as caught:
        await client.send(post(f"http://127.0.0.1:{port}/patients/110105?name=x"))
    assert caught.value.sent is False
    assert "patients" not in str(caught.value)
    assert "name" not in str(caught.value)


async def test_an_unknown_name_is_unreachable_and_nothing_was_sent(client: AioHttpClient) -> None:
    with pytest.raises(ProviderUnreachable, match="resolved") as caught:
        await client.send(post("http://no-such-host.invalid/"))
    assert caught.value.sent is False


@pytest.mark.parametrize("url", ["http://", "lis.local/orders", "http://127.0.0.1:99999/"])
async def test_an_address_that_is_none_is_unreachable(client: AioHttpClient, url: str) -> None:
    with pytest.raises(ProviderUnreachable) as caught:
        await client.send(get(url))
    assert caught.value.sent is False


async def test_an_address_that_swallows_connections_is_unreachable_and_nothing_was_sent(
    client: AioHttpClient,
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):  # a full backlog drops further SYNs, as a dead host would
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        await asyncio.sleep(0.05)
        try:
            with pytest.raises(ProviderUnreachable) as caught:
                await client.send(post(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=0.3))
        finally:
            for filler in fillers:
                filler.close()
    assert caught.value.sent is False


async def test_a_provider_that_hangs_times_out_at_the_deadline(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    started = time.monotonic()
    with pytest.raises(ProviderTimeout) as caught:
        await client.send(post(f"{provider.url}/hangs", timeout=0.2))
    assert caught.value.sent is True
    assert 0.15 < time.monotonic() - started < 1.0


async def test_an_endless_body_within_the_limit_ends_at_the_deadline(provider: LoopbackProvider) -> None:
    client = AioHttpClient(Settings(max_reply=1 << 40))
    try:
        with pytest.raises(ProviderTimeout):
            await client.send(get(f"{provider.url}/endless", timeout=0.2))
    finally:
        await client.aclose()


async def test_a_deadline_in_the_past_sends_nothing(client: AioHttpClient, provider: LoopbackProvider) -> None:
    with pytest.raises(ProviderTimeout) as caught:
        await client.send(post(f"{provider.url}/ok", timeout=-1.0))
    assert caught.value.sent is False
    assert not provider.requests


@pytest.mark.parametrize("path", ["/closes", "/reset-mid-body"])
async def test_a_connection_that_breaks_before_the_reply_is_whole_leaves_the_outcome_unknown(
    client: AioHttpClient, provider: LoopbackProvider, path: str
) -> None:
    with pytest.raises(ProviderUnreachable) as caught:
        await client.send(post(provider.url + path))
    assert caught.value.sent is True
    assert provider.requests[path] == 1


async def test_a_write_on_a_kept_connection_that_breaks_is_never_sent_twice(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    await client.send(post(f"{provider.url}/ok"))
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(ProviderUnreachable):
            await client.send(Outbound(method, f"{provider.url}/closes", {}, b"", time.monotonic() + 5))
        await client.send(post(f"{provider.url}/ok"))
    assert provider.requests["/closes"] == 3


async def test_a_question_on_a_kept_connection_that_breaks_is_asked_once_more(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    await client.send(get(f"{provider.url}/ok"))
    with pytest.raises(ProviderUnreachable):
        await client.send(get(f"{provider.url}/closes"))
    assert provider.requests["/closes"] == 2


async def test_a_question_on_a_new_connection_that_breaks_is_asked_once(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    with pytest.raises(ProviderUnreachable):
        await client.send(get(f"{provider.url}/closes"))
    assert provider.requests["/closes"] == 1


async def test_connections_that_the_provider_closed_are_not_used_again(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    await client.send(post(f"{provider.url}/ok"))
    provider.drop()
    await asyncio.sleep(0.05)
    assert (await client.send(post(f"{provider.url}/ok"))).status == 200
    assert provider.connections == 2


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
async def test_a_header_with_a_line_break_never_leaves(
    client: AioHttpClient, provider: LoopbackProvider, value: str
) -> None:
    with pytest.raises(BadRequest, match="Idempotency-Key"):
        await client.send(Outbound("POST", f"{provider.url}/ok", {"Idempotency-Key": value}, b"", time.monotonic() + 5))
    assert provider.connections == 0


async def test_a_closed_client_opens_again_for_the_next_call(client: AioHttpClient, provider: LoopbackProvider) -> None:
    await client.send(get(f"{provider.url}/ok"))
    await client.aclose()
    assert (await client.send(get(f"{provider.url}/ok"))).status == 200


async def test_a_request_without_a_body_says_so_where_one_could_be_expected(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    for method in ("POST", "DELETE", "GET"):
        await client.send(Outbound(method, f"{provider.url}/ok", {}, b"", time.monotonic() + 5))
    assert ["Content-Length: 0" in head for head in provider.heads] == [True, True, False]


async def test_a_user_in_the_address_becomes_a_credential_and_the_rest_of_it_the_target(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    await client.send(get(f"{provider.url.replace('//', '//bus:s%20cret@')}/ok?name=张&x=1#part"))
    first, *headers = provider.heads[0].split("\r\n")
    assert first == "GET /ok?name=%E5%BC%A0&x=1 HTTP/1.1"
    assert "Authorization: Basic YnVzOnMgY3JldA==" in headers
    assert f"Host: 127.0.0.1:{provider.port}" in headers


async def test_interim_answers_are_passed_over(client: AioHttpClient, provider: LoopbackProvider) -> None:
    for _ in range(2):
        inbound = await client.send(get(f"{provider.url}/interim"))
        assert (inbound.status, inbound.body) == (200, b"ok")
    assert provider.connections == 1


async def test_an_answer_that_comes_before_the_request_was_read_ends_its_connection(
    client: AioHttpClient, provider: LoopbackProvider
) -> None:
    inbound = await client.send(Outbound("PUT", f"{provider.url}/hasty", {}, bytes(32_000_000), time.monotonic() + 5))
    assert inbound.status == 413
    assert (await client.send(get(f"{provider.url}/ok"))).status == 200
    assert provider.connections == 2


async def test_a_method_that_http_has_not_never_leaves(client: AioHttpClient, provider: LoopbackProvider) -> None:
    with pytest.raises(ProviderUnreachable) as caught:
        await client.send(Outbound("GET /ok HTTP/1.1\r\nX: 1", f"{provider.url}/ok", {}, b"", time.monotonic() + 5))
    assert caught.value.sent is False
    assert provider.connections == 0


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[tuple[LoopbackProvider, Path]]:
    """A provider behind TLS, and its certificate, which nobody but itself has signed."""
    if shutil.which("openssl") is None:
        absent("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=provider"
    command = ["openssl", "req", *options.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    await asyncio.to_thread(
        subprocess.run, [*command, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    provider = LoopbackProvider()
    await provider.start(tls=context)
    yield provider, certificate
    await provider.stop()


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    client: AioHttpClient, secured: tuple[LoopbackProvider, Path]
) -> None:
    with pytest.raises(ProviderUnreachable, match="TLS certificate") as caught:
        await client.send(post(f"https://127.0.0.1:{secured[0].port}/ok"))
    assert caught.value.sent is False


async def test_calls_over_tls_share_one_connection_too(
    client: AioHttpClient, secured: tuple[LoopbackProvider, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, certificate = secured
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=certificate))
    for _ in range(3):
        assert (await client.send(post(f"https://127.0.0.1:{provider.port}/ok"))).body == b"ok"
    assert (provider.connections, provider.bodies) == (1, [b"<a/>"] * 3)
