"""WS-Security X.509 against zeep's own implementation, as sender and as receiver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xmlsec
from certificates import NOW, identity
from lxml import etree
from zeep.exceptions import SignatureVerificationFailed
from zeep.wsse.signature import BinarySignature, Signature
from zeep.wsse.utils import get_security_header

from transformers import ns
from transformers.certificates import Pin, Pins
from transformers.errors import SecurityInvalid
from transformers.soap import open_envelope
from transformers.ws_message import open_message, protect
from transformers.ws_security import SECURITY, add_timestamp
from transformers.xml import parse, serialise

HIS = identity("his")
ORDER = f"""<s:Envelope xmlns:s="{ns.SOAP11}" xmlns:q="urn:q"><s:Header/><s:Body>
  <q:Order><no>1</no><名>张三</名></q:Order></s:Body></s:Envelope>""".encode()


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """The key and the certificate as the files that zeep reads."""
    key, certificate = tmp_path / "his.key", tmp_path / "his.pem"
    key.write_bytes(HIS.pem)
    certificate.write_bytes(HIS.certificate.pem)
    return str(key), str(certificate)


def signed_by_zeep(signature: Any) -> bytes:
    root = etree.fromstring(ORDER)
    security = get_security_header(root)
    add_timestamp(security, NOW)
    signature.apply(root, {})
    return etree.tostring(root, encoding="utf-8")


@pytest.mark.parametrize("kind", [BinarySignature, Signature])
def test_what_zeep_signs_is_verified_here(kind: Any, files: tuple[str, str]) -> None:
    strong = {
        "signature_method": xmlsec.constants.TransformRsaSha256,
        "digest_method": xmlsec.constants.TransformSha256,
    }
    body = signed_by_zeep(kind(*files, **strong))
    pins = Pins([Pin(HIS.certificate.sha256, HIS.certificate)])
    envelope, proof = open_message(open_envelope(parse(body)), pins, None, NOW + 1)
    assert proof.certificate is not None
    assert envelope.payload is not None
    forged = parse(body.replace(b"<no>1<", b"<no>2<"))
    with pytest.raises(SecurityInvalid, match="does not fit"):
        open_message(open_envelope(forged), pins, None, NOW + 1)


def test_zeeps_sha1_by_default_needs_a_pin_that_opens_it(files: tuple[str, str]) -> None:
    body = signed_by_zeep(BinarySignature(*files))
    with pytest.raises(SecurityInvalid, match="rsa-sha1"):
        open_message(open_envelope(parse(body)), Pins([Pin(HIS.certificate.sha256)]), None, NOW + 1)
    legacy = Pins([Pin(HIS.certificate.sha256, legacy=True)])
    assert open_message(open_envelope(parse(body)), legacy, None, NOW + 1)[1].certificate is not None


def test_what_is_signed_here_is_verified_by_zeep(files: tuple[str, str]) -> None:
    root = parse(ORDER)
    protect(root, HIS, NOW)
    body = serialise(root)
    assert BinarySignature(*files).verify(etree.fromstring(body)) is not None
    assert etree.fromstring(body).find(f".//{SECURITY}") is not None
    with pytest.raises(SignatureVerificationFailed):
        BinarySignature(*files).verify(etree.fromstring(body.replace(b"<no>1<", b"<no>2<")))
