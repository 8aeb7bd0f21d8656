"""WS-Security X.509: what is signed is what is processed, whatever a forger moves, doubles, renames or replays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from certificates import NOW, identity
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from transformers import ns
from transformers.certificates import Certificate, Pin, Pins, issuer_of
from transformers.errors import SecurityInvalid, TransformerInvalid
from transformers.soap import Envelope, SoapVersion, envelope_of, open_envelope
from transformers.ws_message import open_message, protect
from transformers.ws_security import SECURITY, WSU_ID, Proof
from transformers.ws_signature import sign
from transformers.x509 import read_certificate, read_identity
from transformers.xml import parse, serialise

HIS, BUS, STRANGER = identity("his"), identity("bus"), identity("stranger")
SOAP = ns.SOAP11
DS = f"{{{ns.XML_DSIG}}}"
ORDER = f"""<s:Envelope xmlns:s="{SOAP}" xmlns:q="urn:q"><s:Header><q:Ward>7</q:Ward></s:Header><s:Body>
  <q:Order q:kind="a&lt;b" xmlns="urn:d"><no>1&#13;2</no><名>张&amp;三</名></q:Order> </s:Body></s:Envelope>"""

Forge = Callable[[Any], None]


def pins(*certificates: Certificate, legacy: bool = False) -> Pins:
    return Pins(Pin(each.sha256, each, legacy) for each in certificates or (HIS.certificate,))


def protected(document: str = ORDER, **options: Any) -> Any:
    """An envelope signed by HIS, as its receiver parses it."""
    root = parse(document.encode())
    protect(root, options.pop("signer", HIS), options.pop("now", NOW), **options)
    return parse(serialise(root))


def opened(root: Any, trusted: Pins | None = None, now: float = NOW + 1, **options: Any) -> tuple[Envelope, Proof]:
    return open_message(open_envelope(root), trusted or pins(), options.pop("identity", BUS), now, **options)


def security(root: Any) -> Any:
    return root.find(f"{{{SOAP}}}Header/{SECURITY}")


def body(root: Any) -> Any:
    return root.find(f"{{{SOAP}}}Body")


# ── what holds ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("names_by", ["binary-token", "thumbprint", "subject-key", "issuer-serial"])
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_signature_is_verified_however_it_names_its_certificate(kind: str, names_by: str) -> None:
    signer = identity(f"his-{kind}", kind)
    envelope, proof = opened(protected(signer=signer, names_by=names_by), pins(signer.certificate))
    assert proof.certificate is not None
    assert proof.certificate.sha256 == signer.certificate.sha256
    assert [block.tag for block in envelope.headers] == ["{urn:q}Ward"]
    assert envelope.payload is not None
    assert envelope.payload.tag == "{urn:q}Order"


def test_a_certificate_known_by_its_fingerprint_must_be_sent_along() -> None:
    known = Pins([Pin(HIS.certificate.sha256)])
    assert opened(protected(), known)[1].certificate is not None
    with pytest.raises(SecurityInvalid, match="not accepted"):
        opened(protected(names_by="thumbprint"), known)


@pytest.mark.parametrize("legacy", [False, True])
def test_what_is_encrypted_for_the_service_comes_out_as_it_went_in(legacy: bool) -> None:
    root = protected(encrypt_for=BUS.certificate, legacy=legacy)
    assert "张".encode() not in serialise(root)
    envelope, proof = opened(root, legacy=legacy)
    assert proof.encrypted
    assert etree.tostring(envelope.payload, method="c14n", exclusive=True, with_tail=False) == etree.tostring(
        body(parse(ORDER.encode()))[0], method="c14n", exclusive=True, with_tail=False
    )


def test_an_encrypted_body_without_a_signature_proves_nobody() -> None:
    root = protected(encrypt_for=BUS.certificate)
    security(root).remove(security(root).find(f"{DS}Signature"))
    envelope, proof = opened(root)
    assert proof == Proof(encrypted=True)
    assert envelope.payload is not None


def test_a_signature_over_the_encrypted_form_is_verified_first() -> None:
    root = protected(encrypt_for=BUS.certificate)
    header = security(root)
    header.remove(header.find(f"{DS}Signature"))
    stamp = header.find(f"{{{ns.WSU}}}Timestamp")
    sign(header, (body(root), stamp), HIS)
    header.insert(0, header.find(f"{DS}Signature"))
    envelope, proof = opened(parse(serialise(root)))
    assert proof.certificate is not None
    assert proof.encrypted
    assert envelope.payload is not None
    assert envelope.payload.tag == "{urn:q}Order"


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")))
@settings(max_examples=25, deadline=None)
def test_any_text_survives_signature_and_encryption(text: str) -> None:
    payload = etree.Element("{urn:q}Order", nsmap={None: "urn:q"})
    payload.text = text
    root = envelope_of(payload, SoapVersion.V12).root
    protect(root, HIS, NOW, encrypt_for=BUS.certificate)
    found = opened(parse(serialise(root)))[0].payload
    assert found is not None
    assert (found.text or "") == text


# ── signature wrapping: McIntosh and Austel 2005, and XSW 1–8 as they look in SOAP ────────────────────


def forged_body(root: Any) -> Any:
    """A copy of the Body with another order in it, and the signed id taken away."""
    fake = copy.deepcopy(body(root))
    fake[0][0].text = "666"
    del fake.attrib[WSU_ID]
    return fake


def _move_body(root: Any, into: Any, *, keep_id: bool = False) -> None:
    real, fake = body(root), forged_body(root)
    if keep_id:
        fake.set(WSU_ID, real.get(WSU_ID))
    root.replace(real, fake)
    into.append(real)


def _wrapper(parent: Any, tag: str = "{urn:w}Wrapper") -> Any:
    return etree.SubElement(parent, tag)


def into_a_header(root: Any) -> None:
    _move_body(root, _wrapper(root[0]))


def into_an_optional_header_of_nobody(root: Any) -> None:
    wrapper = _wrapper(root[0])
    wrapper.set(f"{{{SOAP}}}actor", "urn:nobody")
    _move_body(root, wrapper)


def straight_into_the_header(root: Any) -> None:
    _move_body(root, root[0])


def into_the_security_header(root: Any) -> None:
    _move_body(root, security(root))


def into_a_wrapper_in_the_security_header(root: Any) -> None:
    _move_body(root, _wrapper(security(root)))


def into_the_signature_as_an_object(root: Any) -> None:
    _move_body(root, _wrapper(security(root).find(f"{DS}Signature"), f"{DS}Object"))


def into_the_key_info(root: Any) -> None:
    _move_body(root, security(root).find(f"{DS}Signature/{DS}KeyInfo"))


def into_the_forged_body(root: Any) -> None:
    real, fake = body(root), forged_body(root)
    root.replace(real, fake)
    fake[0].append(real)


def around_the_real_body(root: Any) -> None:
    real = body(root)
    inner = real[0]
    fake = etree.SubElement(real, "{urn:q}Order")
    fake.append(inner)


def into_a_header_with_the_same_id(root: Any) -> None:
    _move_body(root, _wrapper(root[0]), keep_id=True)


def same_id_written_another_way(root: Any) -> None:
    real, fake = body(root), forged_body(root)
    fake.set("Id", real.get(WSU_ID))
    root.replace(real, fake)
    _wrapper(root[0]).append(real)


def same_id_as_an_xml_id(root: Any) -> None:
    real, fake = body(root), forged_body(root)
    fake.set(ns.clark(ns.XML, "id"), real.get(WSU_ID))
    root.replace(real, fake)
    _wrapper(root[0]).append(real)


def a_reference_to_the_whole_document(root: Any) -> None:
    next(root.iter(f"{DS}Reference")).set("URI", "")


def a_reference_by_xpointer(root: Any) -> None:
    reference = next(root.iter(f"{DS}Reference"))
    reference.set("URI", f"#xpointer(id('{reference.get('URI')[1:]}'))")


def a_reference_elsewhere(root: Any) -> None:
    next(root.iter(f"{DS}Reference")).set("URI", "http://evil.example/body.xml")


def an_old_timestamp_moved_aside(root: Any) -> None:
    header = security(root)
    stamp = header.find(f"{{{ns.WSU}}}Timestamp")
    fresh = copy.deepcopy(stamp)
    del fresh.attrib[WSU_ID]
    header.replace(stamp, fresh)
    root[0].append(stamp)


WRAPPINGS = [
    into_a_header, into_an_optional_header_of_nobody, straight_into_the_header, into_the_security_header,
    into_a_wrapper_in_the_security_header, into_the_signature_as_an_object, into_the_key_info, into_the_forged_body,
    around_the_real_body, into_a_header_with_the_same_id, same_id_written_another_way, same_id_as_an_xml_id,
    a_reference_to_the_whole_document, a_reference_by_xpointer, a_reference_elsewhere, an_old_timestamp_moved_aside,
]  # fmt: skip


@pytest.mark.parametrize("forge", WRAPPINGS, ids=lambda forge: forge.__name__)
@pytest.mark.parametrize("again", [False, True], ids=["in-place", "parsed-again"])
def test_no_signature_counts_for_a_part_that_is_not_processed(forge: Forge, again: bool) -> None:
    root = protected()
    forge(root)
    with pytest.raises(SecurityInvalid):
        opened(parse(serialise(root)) if again else root)


@pytest.mark.parametrize("inserted", ["<!-- x -->", "<?x y?>", "<![CDATA[]]>"])
def test_what_canonical_form_leaves_out_of_a_signed_value_does_not_cut_it_short(inserted: str) -> None:
    # Exclusive C14N without comments: a comment put into a signed value breaks no signature (CVE-2018-0489).
    text = serialise(protected(ORDER.replace("1&#13;2", "172"))).decode()
    assert "<no>172</no>" in text
    payload = opened(parse(text.replace("<no>172</no>", f"<no>1{inserted}72</no>").encode()))[0].payload
    assert payload is not None
    assert b"<no>172</no>" in serialise(payload)


# ── tampering, algorithms, keys ──────────────────────────────────────────────────────────────────────


def change_the_body(root: Any) -> None:
    body(root)[0][0].text = "2"


def change_a_header(root: Any) -> None:
    root[0].find("{urn:q}Ward").text = "8"


def stretch_the_timestamp(root: Any) -> None:
    security(root).find(f"{{{ns.WSU}}}Timestamp")[1].text = "2026-03-01T09:00:00Z"


def leave_the_body_out(root: Any) -> None:
    reference = next(each for each in root.iter(f"{DS}Reference") if each.get("URI") == f"#{body(root).get(WSU_ID)}")
    reference.getparent().remove(reference)


def sign_with_a_shared_secret(root: Any) -> None:
    next(root.iter(f"{DS}SignatureMethod")).set("Algorithm", f"{ns.XML_DSIG}hmac-sha1")


def sign_with_sha1(root: Any) -> None:
    next(root.iter(f"{DS}SignatureMethod")).set("Algorithm", f"{ns.XML_DSIG}rsa-sha1")


def truncate_the_signature(root: Any) -> None:
    etree.SubElement(next(root.iter(f"{DS}SignatureMethod")), f"{DS}HMACOutputLength").text = "1"


def digest_with_md5(root: Any) -> None:
    next(root.iter(f"{DS}DigestMethod")).set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#md5")


def transform_by_xslt(root: Any) -> None:
    next(root.iter(f"{DS}Transform")).set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")


def transform_by_xpath(root: Any) -> None:
    transforms = next(root.iter(f"{DS}Transforms"))
    etree.SubElement(transforms, f"{DS}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116")


def canonicalise_inclusively(root: Any) -> None:
    next(root.iter(f"{DS}CanonicalizationMethod")).set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def sign_twice(root: Any) -> None:
    security(root).append(copy.deepcopy(security(root).find(f"{DS}Signature")))


def address_two_security_headers_to_us(root: Any) -> None:
    root[0].append(copy.deepcopy(security(root)))


def leave_the_key_out(root: Any) -> None:
    info = next(root.iter(f"{DS}KeyInfo"))
    info.getparent().remove(info)


def bring_the_key_bare(root: Any) -> None:
    info = next(root.iter(f"{DS}KeyInfo"))
    info.clear()
    etree.SubElement(info, f"{DS}KeyValue")


def reference_too_much(root: Any) -> None:
    info = next(root.iter(f"{DS}SignedInfo"))
    for _ in range(20):
        info.append(copy.deepcopy(info[-1]))


def reference_a_part_twice(root: Any) -> None:
    info = next(root.iter(f"{DS}SignedInfo"))
    info.append(copy.deepcopy(info[-1]))


TAMPERINGS = [
    change_the_body, change_a_header, stretch_the_timestamp, leave_the_body_out, sign_with_a_shared_secret,
    sign_with_sha1, truncate_the_signature, digest_with_md5, transform_by_xslt, transform_by_xpath,
    canonicalise_inclusively, sign_twice, address_two_security_headers_to_us, leave_the_key_out, bring_the_key_bare,
    reference_too_much, reference_a_part_twice,
]  # fmt: skip


@pytest.mark.parametrize("forge", TAMPERINGS, ids=lambda forge: forge.__name__)
def test_a_signature_that_is_not_as_it_should_be_is_refused(forge: Forge) -> None:
    root = protected()
    forge(root)
    with pytest.raises(SecurityInvalid):
        opened(root)


def test_a_signature_by_a_certificate_nobody_pinned_is_refused() -> None:
    with pytest.raises(SecurityInvalid, match="not accepted"):
        opened(protected(signer=STRANGER))


def test_a_strangers_key_under_a_pinned_name_does_not_verify() -> None:
    root = protected(signer=STRANGER)
    token = next(root.iter(f"{{{ns.WSSE}}}BinarySecurityToken"))
    token.text = next(protected().iter(token.tag)).text
    with pytest.raises(SecurityInvalid, match="does not fit"):
        opened(root)


def test_an_expired_certificate_no_longer_proves_anything() -> None:
    old = identity("expired", days=30)
    with pytest.raises(SecurityInvalid, match="not valid at this time"):
        opened(protected(signer=old), pins(old.certificate))


def test_a_short_key_proves_something_only_for_those_whose_pin_opens_it() -> None:
    short = identity("short", bits=1024)
    root = protected(signer=short)
    with pytest.raises(SecurityInvalid, match="1024 bits"):
        opened(parse(serialise(root)), Pins([Pin(short.certificate.sha256)]))
    assert opened(root, pins(short.certificate, legacy=True))[1].certificate is not None


def test_a_body_must_be_signed_with_a_timestamp_that_cannot_be_replaced() -> None:
    root = parse(ORDER.encode())
    header = etree.SubElement(root[0], SECURITY)
    sign(header, (body(root),), HIS)
    with pytest.raises(SecurityInvalid, match="Timestamp"):
        opened(root)


def test_a_signature_over_anything_inside_the_body_is_refused_as_a_whole() -> None:
    root = protected()
    header = security(root)
    header.remove(header.find(f"{DS}Signature"))
    sign(header, (body(root), header.find(f"{{{ns.WSU}}}Timestamp"), body(root)[0]), HIS)
    with pytest.raises(SecurityInvalid, match="not the Body or a header"):
        opened(parse(serialise(root)))


@pytest.mark.parametrize("off", [-301.0, 301.0, 400.0])
def test_a_message_is_fresh_for_five_minutes_around_now(off: float) -> None:
    with pytest.raises(SecurityInvalid, match=r"Timestamp"):
        opened(protected(), now=NOW + off)


def test_a_mandatory_header_that_is_not_signed_is_refused_and_an_optional_one_left_out() -> None:
    root = protected()
    added = etree.SubElement(root[0], "{urn:t}Extra")
    envelope, proof = opened(parse(serialise(root)))
    assert (proof.dropped, [block.tag for block in envelope.headers]) == (("Extra",), ["{urn:q}Ward"])
    added.set(f"{{{SOAP}}}mustUnderstand", "1")
    with pytest.raises(SecurityInvalid, match="Extra"):
        opened(root)


def test_every_copy_of_a_message_bears_the_same_seal_however_it_is_laid_out() -> None:
    root = protected()
    first = opened(parse(serialise(root)))[1].seal
    signature = next(root.iter(f"{DS}Signature"))
    signature[0].tail = "\n  "
    value = signature.find(f"{DS}SignatureValue")
    value.text = "\n".join(value.text.split()) + "\n\n"
    assert opened(parse(serialise(root)))[1].seal == first
    assert opened(protected(now=NOW + 1))[1].seal != first


def test_sha1_counts_only_for_those_whose_pin_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.ws_signature._SIGNS", {"rsa": f"{ns.XML_DSIG}rsa-sha1"})
    monkeypatch.setattr("transformers.ws_signature._SHA256", f"{ns.XML_DSIG}sha1")
    root = protected()
    with pytest.raises(SecurityInvalid, match="rsa-sha1"):
        opened(parse(serialise(root)))
    assert opened(root, pins(HIS.certificate, legacy=True))[1].certificate is not None


# ── decryption ───────────────────────────────────────────────────────────────────────────────────────


def _values(root: Any) -> list[Any]:
    return list(root.iter(f"{{{ns.XML_ENC}}}CipherValue"))


def test_whatever_does_not_decrypt_is_refused_in_one_text() -> None:
    texts = set()
    for number in (0, 1):
        for at in (4, 40, -8):
            root = protected(encrypt_for=BUS.certificate)
            value = _values(root)[number]
            letters = list(value.text)
            letters[at] = "A" if letters[at] != "A" else "B"
            value.text = "".join(letters)
            with pytest.raises(SecurityInvalid) as caught:
                opened(root)
            texts.add(str(caught.value))
    with pytest.raises(SecurityInvalid) as caught:
        opened(protected(encrypt_for=STRANGER.certificate))
    assert texts | {str(caught.value)} == {"what is encrypted cannot be read with this service's key"}


def test_cbc_is_refused_where_the_manifest_does_not_open_it() -> None:
    with pytest.raises(SecurityInvalid, match="AES-GCM"):
        opened(protected(encrypt_for=BUS.certificate, legacy=True))


def test_rsa_with_the_old_padding_is_never_decrypted() -> None:
    root = protected(encrypt_for=BUS.certificate)
    method = root.find(f".//{{{ns.XML_ENC}}}EncryptedKey/{{{ns.XML_ENC}}}EncryptionMethod")
    method.set("Algorithm", f"{ns.XML_ENC}rsa-1_5")
    with pytest.raises(SecurityInvalid, match="OAEP"):
        opened(root)


def test_a_message_for_a_service_without_a_key_says_so() -> None:
    with pytest.raises(SecurityInvalid, match="send it plain"):
        opened(protected(encrypt_for=BUS.certificate), identity=None)


@pytest.mark.parametrize(
    "inside",
    [
        b"</w><w>", b"<a/></w><b/><w>", b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', b"<a>", b"text",
        b"<a/><b/>", b"",
    ],
)  # fmt: skip
def test_hidden_markup_goes_through_the_hardened_parser(inside: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.ws_encryption._inside", lambda body: inside)
    with pytest.raises(SecurityInvalid, match="cannot be read"):
        opened(protected(encrypt_for=BUS.certificate))


def test_only_body_and_security_header_may_hide_something() -> None:
    root = protected(encrypt_for=BUS.certificate)
    data = root.find(f".//{{{ns.XML_ENC}}}EncryptedData")
    body(root).remove(data)
    root[0].find("{urn:q}Ward").append(data)
    with pytest.raises(SecurityInvalid, match="only the Body"):
        opened(root)


# ── certificates ─────────────────────────────────────────────────────────────────────────────────────


def test_issuers_are_the_same_in_every_order_and_spacing() -> None:
    assert issuer_of("CN=a\\, b,O=H") == issuer_of("o=H, CN = a\\, b") != issuer_of("CN=a")


def test_a_key_must_belong_to_its_certificate_and_be_readable() -> None:
    with pytest.raises(TransformerInvalid, match="does not belong"):
        read_identity(HIS.pem, BUS.certificate)
    for broken in (b"", b"-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----", b"\0"):
        with pytest.raises(TransformerInvalid, match="private key"):
            read_identity(broken, BUS.certificate)
        with pytest.raises(TransformerInvalid, match="certificate"):
            read_certificate(broken)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_refused_as_none(data: bytes) -> None:
    with pytest.raises(TransformerInvalid):
        read_certificate(data)
