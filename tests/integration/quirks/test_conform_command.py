"""``meridian conform`` over the journal of a running bus, over a file, and over a call made now."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from raw_sockets import ENVELOPE, REGISTER, Caller, OldProvider, post
from served_bus import KEY, ServedBus

pytestmark = pytest.mark.integration


def conform(bus: ServedBus, *arguments: str) -> tuple[int, str]:
    """Exit status and output."""
    command = [sys.executable, "-c", "from bus.cli import main; main()", "conform", *arguments]
    done = subprocess.run(command, env=bus.environ, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_journal_tells_the_caller_s_mistakes_from_the_provider_s(bus: ServedBus) -> None:
    drifted = REGISTER.replace("urn:his", "http://tempuri.org/").encode()
    with Caller(bus.port) as caller:
        caller.send(post(REGISTER.encode("gbk"), f"X-API-Key: {KEY}", "Content-Type: text/xml; charset=utf-8"))
        assert caller.read().status == 200
        caller.send(post(drifted, f"X-API-Key: {KEY}", "Content-Type: text/xml; charset=utf-8"))
        assert caller.read().status == 500
    status, told = conform(bus, "his", "--since", "1h")
    assert status == 1
    assert "his.Register · ward · request\n          declares UTF-8 and is GB18030 (charset)" in told
    assert "SOAPAction" not in told
    assert "missing (soap_action)" in told
    assert "his.Register · ward · request\n          line 1, /Register: the root is in another namespace" in told
    assert "reply.received\n          text/html announces an envelope that is text/xml (content_type)" in told
    assert "王" not in told


def test_an_exchange_from_a_file_is_examined_the_same_way(bus: ServedBus, tmp_path: Path) -> None:
    body = ENVELOPE.format("", '<Register xmlns="urn:his"/>').encode()
    file = tmp_path / "exchange.json"
    request = {"content_type": "application/octet-stream", "base64": b64encode(body).decode()}
    file.write_text(json.dumps({"consumer": "pb", "bodies": {"request": request}}))
    status, told = conform(bus, "his.Register", "--file", str(file))
    assert (status, "1 exchanges checked, 1 findings: provider 0, bus 0, caller 1" in told) == (1, True)
    assert "application/octet-stream announces an envelope that is text/xml (content_type)" in told
    assert "exchange.json" in told


def test_a_call_made_now_lays_the_answer_at_the_provider_s_door(
    bus: ServedBus, provider: OldProvider, tmp_path: Path
) -> None:
    body = tmp_path / "register.xml"
    body.write_text(REGISTER)
    url = f"http://127.0.0.1:{provider.port}"
    status, told = conform(bus, "his.Register", "--live", url, "--body", str(body))
    assert status == 1
    assert "provider 1" in told
    assert "text/html announces an envelope that is text/xml (content_type)" in told


def test_a_name_that_is_not_registered_is_refused_with_a_suggestion(bus: ServedBus) -> None:
    for name, said in (("hiss", "his"), ("his.Registre", "Register")):
        status, told = conform(bus, name)
        assert status == 1
        assert said in told
        assert "Traceback" not in told
    assert conform(bus, "his", "--since", "long")[0] == 2
    assert conform(bus, "his", "--live", "http://127.0.0.1:9/")[0] == 2
