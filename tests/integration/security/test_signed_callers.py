"""WS-Security and WS-Addressing on a served bus: zeep signs its calls and verifies the bus's replies over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import xmlsec
import zeep
from certificates import identity
from loopback import QuietHandler, serving
from lxml import etree
from served_bus import HOSPITAL, KEY, ServedBus, eventually
from zeep.exceptions import Fault, SignatureVerificationFailed
from zeep.wsse.signature import BinarySignature
from zeep.wsse.utils import get_security_header

from transformers.ws_security import add_timestamp

pytestmark = pytest.mark.integration

WSA = "http://www.w3.org/2005/08/addressing"
PLACED = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<PlaceOrderResponse xmlns="urn:example:lab"><orderNo>L1</orderNo><note>已受理</note></PlaceOrderResponse>'
    "</s:Body></s:Envelope>"
).encode()
MANIFEST = """
kind: System
name: laboratory
title: {{zh: 检验科, en: Laboratory}}
---
kind: Service
name: lab
system: laboratory
title: {{zh: 检验, en: Laboratory}}
versions:
  - version: "1"
    contract: {{wsdl: contracts/lab.wsdl}}
    provider: {{protocol: soap11, endpoints: [{{url: "{url}/lab"}}]}}
    security: {security}
---
kind: Consumer
name: his
title: {{zh: HIS, en: HIS}}
credentials: [{{kind: x509, certificate: certs/his.pem}}, {{kind: api-key, secret: "${{WARD_KEY}}"}}]
reply_to: ["{url}/replies/"]
grants: [{{service: lab, operations: ["*"]}}]
"""


@dataclass
class Outside:
    """The laboratory, and the place where replies are to be delivered."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Both on one port of loopback."""
    found = Outside()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            (found.replies if self.path.startswith("/replies/") else found.asked).append(body)
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(PLACED)))
            self.end_headers()
            self.wfile.write(PLACED)

    with serving(Handler) as found.url:
        yield found


def served(folder: Path, outside: Outside, security: str) -> ServedBus:
    """A bus before the laboratory, with certificates made for this test."""
    catalogue = folder / "hospital"
    (catalogue / "contracts").mkdir(parents=True)
    (catalogue / "certs").mkdir()
    for name in ("lab.wsdl", "lab.xsd"):
        (catalogue / "contracts" / name).write_bytes((HOSPITAL / "contracts" / name).read_bytes())
    for name in ("his", "bus"):
        (catalogue / "certs" / f"{name}.pem").write_bytes(identity(name).certificate.pem)
        (folder / f"{name}.key").write_bytes(identity(name).pem)
    (catalogue / "manifest.yaml").write_text(MANIFEST.format(url=outside.url, security=security), encoding="utf-8")
    return ServedBus(folder, {"BUS_KEY": str(folder / "bus.key")}, catalogue)


class Signed(BinarySignature):  # type: ignore[misc]
    """zeep's signature over Body and Timestamp; it verifies replies with the certificate of the bus."""

    def __init__(self, folder: Path) -> None:
        strong = {
            "signature_method": xmlsec.constants.TransformRsaSha256,
            "digest_method": xmlsec.constants.TransformSha256,
        }
        certs = folder / "hospital" / "certs"
        super().__init__(str(folder / "his.key"), str(certs / "his.pem"), **strong)
        self.verified = 0
        self._bus = BinarySignature(str(folder / "bus.key"), str(certs / "bus.pem"))

    def apply(self, envelope: Any, headers: Any) -> Any:
        add_timestamp(get_security_header(envelope), time.time())
        return super().apply(envelope, headers)

    def verify(self, envelope: Any) -> Any:
        self.verified += 1
        return self._bus.verify(envelope)


SECURITY = '{require: [signature], give: [signature], key: "${BUS_KEY}", certificate: certs/bus.pem}'


def test_zeep_signs_its_call_and_verifies_the_reply_of_the_bus(tmp_path: Path, outside: Outside) -> None:
    bus = served(tmp_path, outside, SECURITY).start()
    try:
        wsse = Signed(tmp_path)
        client = zeep.Client(f"{bus.url}/soap/lab?wsdl", wsse=wsse)
        answer = client.service.PlaceOrder(visitNo="V1")
        assert (answer.orderNo, answer.note) == ("L1", "已受理")
        assert wsse.verified == 1
        assert b"Signature" not in outside.asked[0]
        unsigned = zeep.Client(f"{bus.url}/soap/lab?wsdl")
        unsigned.transport.session.headers["X-API-Key"] = KEY
        with pytest.raises(Fault, match="signed messages only"):
            unsigned.service.PlaceOrder(visitNo="V2")
        message = client.create_message(client.service, "PlaceOrder", visitNo="V3")
        forged = etree.tostring(message).replace(b">V3<", b">V4<")
        response = requests.post(f"{bus.url}/soap/lab", forged, headers={"Content-Type": "text/xml"}, timeout=20)
        assert response.status_code >= 400
        replayed = etree.tostring(client.create_message(client.service, "PlaceOrder", visitNo="V5"))
        send = [
            requests.post(f"{bus.url}/soap/lab", replayed, headers={"Content-Type": "text/xml"}, timeout=20)
            for _ in range(2)
        ]
        assert [one.status_code == 200 for one in send] == [True, False]
        assert len(outside.asked) == 2
        with pytest.raises(SignatureVerificationFailed):
            wsse.verify(etree.fromstring(send[0].content.replace(b"<orderNo>L1<", b"<orderNo>L2<")))
    finally:
        bus.stop()


def test_a_reply_goes_to_a_listed_address_and_to_no_other(tmp_path: Path, outside: Outside) -> None:
    bus = served(tmp_path, outside, "{}").start()

    def ask(address: str) -> requests.Response:
        header = (
            f'<a:MessageID xmlns:a="{WSA}">urn:uuid:1</a:MessageID>'
            f'<a:ReplyTo xmlns:a="{WSA}"><a:Address>{address}</a:Address></a:ReplyTo>'
        )
        body = (
            f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>{header}</s:Header><s:Body>'
            '<PlaceOrder xmlns="urn:example:lab"><visitNo>V1</visitNo></PlaceOrder></s:Body></s:Envelope>'
        )
        headers = {"Content-Type": "text/xml; charset=utf-8", "X-API-Key": KEY}
        return requests.post(f"{bus.url}/soap/lab", body.encode(), headers=headers, timeout=20)

    try:
        assert ask(f"{outside.url}/replies/7").status_code == 202
        (reply,) = eventually(lambda: outside.replies)
        assert "已受理" in reply.decode()
        assert etree.fromstring(reply).findtext(f".//{{{WSA}}}RelatesTo") == "urn:uuid:1"
        refused = ask(f"{outside.url}/elsewhere")
        assert refused.status_code >= 400
        assert len(outside.asked) == 1
        assert len(outside.replies) == 1
    finally:
        bus.stop()
