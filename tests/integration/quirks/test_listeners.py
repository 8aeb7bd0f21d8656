"""Every listener has a TLS level of its own, and a weak one weakens nobody else."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from raw_sockets import ENVELOPE, REGISTER, Caller, OldProvider, post
from served_bus import KEY, PASSWORD, ServedBus, eventually

pytestmark = pytest.mark.integration

HOSPITAL = Path(__file__).parent / "hospital"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def handshake(port: int, *options: str) -> str:
    """What OpenSSL's own client says of a handshake."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize(("version", "name"), [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2")])
def test_the_listener_for_old_callers_takes_their_tls_and_the_modern_one_does_not(
    bus: ServedBus, ports: dict[str, int], version: str, name: str
) -> None:
    old = ("-cipher", "DEFAULT:@SECLEVEL=0")
    assert f"Protocol  : {name}" in handshake(ports["xp"], version, *old)
    assert "Cipher    : 0000" in handshake(ports["modern"], version, *old)
    if version != "-tls1_2":
        assert "Cipher    : 0000" in handshake(ports["mutual"], version, *old)


def test_the_modern_listener_speaks_tls_13(bus: ServedBus, ports: dict[str, int]) -> None:
    assert "TLSv1.3" in handshake(ports["modern"], "-tls1_3")


def test_a_call_over_tls_10_reaches_the_provider_by_the_profile_of_its_listener(
    bus: ServedBus, ports: dict[str, int]
) -> None:
    token = (
        f'<s:Header><w:Security xmlns:w="{WSSE}"><w:UsernameToken><w:Username>xp</w:Username>'
        f"<w:Password>{PASSWORD}</w:Password></w:UsernameToken></w:Security></s:Header>"
    )
    body = ENVELOPE.format(token, '<Register xmlns="urn:his"><name>王</name></Register>').encode()
    request = post(body, "Content-Type: text/plain", "Connection: close")
    command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{ports['xp']}", "-tls1", "-cipher",
               "DEFAULT:@SECLEVEL=0"]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(request)
    process.stdin.flush()
    assert process.stdout is not None
    answer = process.stdout.read().decode("utf-8", "replace")
    process.communicate()
    assert answer.startswith("HTTP/1.1 200")
    assert "RegisterResponse" in answer
    with Caller(bus.port) as caller:
        caller.send(request)
        assert caller.read().status == 415


def test_a_listener_that_demands_a_certificate_serves_only_those_who_have_one(
    bus: ServedBus, ports: dict[str, int], certificates: Path
) -> None:
    url = f"https://127.0.0.1:{ports['mutual']}/soap/his"
    headers = {"X-API-Key": KEY, "Content-Type": "text/xml"}
    options = {"data": REGISTER.encode(), "headers": headers, "verify": False, "timeout": 20}
    caller = (str(certificates / "caller.pem"), str(certificates / "caller.key"))
    with pytest.warns(Warning, match="Unverified HTTPS"):
        assert requests.post(url, cert=caller, **options).status_code == 200  # type: ignore[arg-type]
    with pytest.raises(requests.ConnectionError), pytest.warns(Warning, match="Unverified HTTPS"):
        requests.post(url, **options)  # type: ignore[arg-type]


def test_a_further_listener_shows_no_console(bus: ServedBus, ports: dict[str, int]) -> None:
    assert requests.get(f"http://127.0.0.1:{ports['side']}/messages", timeout=20).status_code == 404
    assert requests.get(f"http://127.0.0.1:{ports['side']}/healthz", timeout=20).status_code == 200
    assert requests.get(f"{bus.url}/messages", timeout=20).status_code == 200


def test_a_connection_that_sends_no_whole_header_is_closed(bus: ServedBus, ports: dict[str, int]) -> None:
    with Caller(ports["side"]) as caller:
        caller.send(b"POST /soap/his HTTP/1.1\r\nHost:")
        began = time.monotonic()
        with pytest.raises((AssertionError, ConnectionError)):
            caller.read()
        assert time.monotonic() - began < 9


def test_the_main_listener_speaks_modern_tls_where_it_has_a_certificate(
    tmp_path: Path, certificates: Path, provider: OldProvider
) -> None:
    environ = {
        "HIS_URL": f"http://127.0.0.1:{provider.port}",
        "MERIDIAN_TLS_CERTIFICATE": str(certificates / "server.pem"),
        "MERIDIAN_TLS_KEY": str(certificates / "server.key"),
    }
    served = ServedBus(tmp_path, environ, HOSPITAL)
    with (tmp_path / "serve.log").open("wb") as log:
        command = [sys.executable, "-c", "from bus.cli import main; main()", "serve"]
        process = subprocess.Popen(command, env=served.environ, stdout=log, stderr=log)
    try:
        eventually(lambda: "Protocol  : TLSv1.2" in handshake(served.port, "-tls1_2"), 60)
        assert "TLSv1.3" in handshake(served.port, "-tls1_3")
        assert "Cipher    : 0000" in handshake(served.port, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    finally:
        process.terminate()
        assert process.wait(40) == 0
