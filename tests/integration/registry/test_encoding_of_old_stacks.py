"""SOAP's own encoding as PHP and SOAP::Lite really write and read it; neither knows the bus, and no network is used."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from catalogues import SYSTEM, compiled
from outside import absent
from rpc_contract import SOAP11, wsdl

from registry.model import Operation
from transformers.soap import SoapVersion, open_envelope, seal
from transformers.xml import parse

HERE = Path(__file__).parent
NAMES = ["血常规", "肝功能"]


@pytest.fixture(scope="module")
def place() -> Operation:
    manifest = """
kind: Service
name: lis
system: lis
versions:
  - {version: "1", contract: {wsdl: c.wsdl}, provider: {protocol: soap11, endpoints: [{url: "http://x.example/"}]}}
"""
    made = compiled(SYSTEM, manifest, files={"c.wsdl": wsdl("encoded")})
    return made.snapshot.services["lis"].versions["1"].operations["Place"]


def answer(place: Operation) -> bytes:
    """A reply of two names, as the bus writes it for an encoded caller."""
    assert place.reply_to_xml is not None
    assert place.reply_encoding is not None
    document = place.reply_to_xml({"PlaceReturn": NAMES})
    return seal(place.reply_encoding.encode(document, SOAP11), SoapVersion.V11)  # type: ignore[arg-type]


def understood(place: Operation, sent: bytes) -> Any:
    """What the bus reads in a request."""
    payload = open_envelope(parse(sent)).payload
    assert place.encoding is not None
    assert place.to_json is not None
    assert payload is not None
    return place.to_json(place.encoding.decode(payload))


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_php_and_the_bus_understand_each_other_in_soaps_encoding(place: Operation, tmp_path: Path) -> None:
    php = shutil.which("php")
    if php is None or "soap" not in subprocess.run([php, "-m"], capture_output=True, text=True).stdout:
        absent("PHP with SOAP (packages php-cli, php-soap)")
    contract, sent, reply = (tmp_path / name for name in ("lab.wsdl", "sent.xml", "reply.xml"))
    contract.write_bytes(wsdl("encoded"))
    reply.write_bytes(answer(place))
    read = run([php, str(HERE / "encoded_client.php"), str(contract), str(sent), str(reply)])
    assert json.loads(read) == NAMES
    assert b"href" in sent.read_bytes()  # PHP shares the item that stands in the list twice
    shared = {"code": "A1", "count": 2, "price": "5.60"}
    other = {"code": "血常规", "count": 1, "price": None}
    expected = {"visitNo": "V1", "items": [shared, other, shared], "urgent": True}
    assert understood(place, sent.read_bytes()) == expected


def test_soap_lite_and_the_bus_understand_each_other_in_soaps_encoding(place: Operation, tmp_path: Path) -> None:
    perl = shutil.which("perl")
    if perl is None or subprocess.run([perl, "-MSOAP::Lite", "-e", "1"], capture_output=True).returncode:
        absent("SOAP::Lite (package libsoap-lite-perl)")
    sent, reply = tmp_path / "sent.xml", tmp_path / "reply.xml"
    reply.write_bytes(answer(place))
    assert run([perl, str(HERE / "encoded_client.pl"), str(sent), str(reply)]) == "|".join(NAMES)
    items = [{"code": "A1", "count": 2, "price": "5.60"}, {"code": "B2", "count": 1, "price": "0.10"}]
    assert understood(place, sent.read_bytes()) == {"visitNo": "V1", "items": items, "urgent": True}
