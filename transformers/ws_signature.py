"""XML signatures of WS-Security: one is verified, or made, over whole parts of the envelope and nothing else.

OASIS WSS X.509 Certificate Token Profile 1.1, W3C XML Signature 1.1. The cryptography is xmlsec's (the optional extra
``wssec``); what a signature may look like and what it may cover is decided here, so that a part counts as signed only
where it stands as the part that is processed. Signature wrapping has no room: a reference means one element by id,
that element must be the Body, a header block or a part of this Security header, and it is handed back itself.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

import xmlsec
from lxml import etree
from xmlsec import constants

from transformers import ns
from transformers.certificates import Certificate, Identity, Named, Pin, Pins, issuer_of
from transformers.document import Element
from transformers.errors import SecurityInvalid, TransformerInvalid
from transformers.soap import Envelope
from transformers.ws_security import BASE64, IDS, SIGNATURE, WSU_ID, elements_by_id, referenced
from transformers.x509 import read_certificate

_DS = f"{{{ns.XML_DSIG}}}"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SIGNS = {"rsa": f"{_MORE}rsa-sha256", "ec": f"{_MORE}ecdsa-sha256"}
_SHA256 = f"{ns.XML_ENC}sha256"
_SIGNATURES = frozenset(f"{_MORE}{kind}-sha{size}" for kind in ("rsa", "ecdsa") for size in (256, 384, 512))
_DIGESTS = frozenset({_SHA256, f"{ns.XML_ENC}sha512", f"{_MORE}sha384"})
#: What callers from before 2010 know; only for those whose pin says so.
_OLD_SIGNATURES = frozenset({f"{ns.XML_DSIG}rsa-sha1"})
_OLD_DIGESTS = frozenset({f"{ns.XML_DSIG}sha1"})
_MOST_REFERENCES = 16

_STR = ns.clark(ns.WSSE, "SecurityTokenReference")
_BINARY_TOKEN = ns.clark(ns.WSSE, "BinarySecurityToken")
_KEY_IDENTIFIER = ns.clark(ns.WSSE, "KeyIdentifier")
_X509_V3 = f"{ns.WSS_X509}#X509v3"
_SUBJECT_KEY = f"{ns.WSS_X509}#X509SubjectKeyIdentifier"
_THUMBPRINT = f"{ns.WSS11}#ThumbprintSHA1"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a signature proves: whose it is, and the very elements it covers.

    ``seal`` is the SHA-256 of its canonical SignedInfo, the same for every copy of the message.
    """

    pin: Pin
    certificate: Certificate
    parts: tuple[Element, ...]
    seal: bytes


def verify(envelope: Envelope, security: Element, pins: Pins, now: float) -> Verified | None:
    """Verify the Signature of a Security header; None when it has none. ``now`` is Unix seconds.

    Raises SecurityInvalid.
    """
    signatures = security.findall(SIGNATURE)
    if not signatures:
        return None
    if len(signatures) > 1:
        raise SecurityInvalid("the Security header holds more than one Signature; send one")
    signature = signatures[0]
    if [child.tag for child in signature] != [f"{_DS}SignedInfo", f"{_DS}SignatureValue", f"{_DS}KeyInfo"]:
        raise SecurityInvalid("a Signature must hold SignedInfo, SignatureValue and KeyInfo, and nothing else")
    info, _, key_info = signature
    elements = elements_by_id(envelope.root)
    found = pins.find(_named(key_info, security, elements))
    if found is None:
        raise SecurityInvalid("the signature's certificate is not accepted here")
    pin, certificate = found
    if not certificate.is_strong(legacy=pin.legacy):
        raise SecurityInvalid(
            f"the signature's certificate has an RSA key of {certificate.bits} bits, which is too few"
        )
    if not certificate.not_before <= now <= certificate.not_after:
        raise SecurityInvalid("the signature's certificate is not valid at this time; renew it")
    parts = _parts(info, envelope, security, elements, legacy=pin.legacy)
    _check(signature, certificate, parts)
    canonical = etree.tostring(info, method="c14n", exclusive=True, with_tail=False)
    return Verified(pin, certificate, parts, hashlib.sha256(canonical).digest())


def sign(security: Element, parts: Sequence[Element], identity: Identity, *, names_by: str = "binary-token") -> None:
    """Append a Signature over these parts, made last: nothing it covers may change after it.

    ``names_by`` is how the certificate is named: binary-token, thumbprint, subject-key or issuer-serial.
    """
    certificate = identity.certificate
    reference = _naming(security, certificate, names_by)
    signature = etree.SubElement(security, SIGNATURE, nsmap={"ds": ns.XML_DSIG})
    info = etree.SubElement(signature, f"{_DS}SignedInfo")
    etree.SubElement(info, f"{_DS}CanonicalizationMethod", Algorithm=ns.EXC_C14N)
    etree.SubElement(info, f"{_DS}SignatureMethod", Algorithm=_SIGNS[certificate.key])
    for part in parts:
        if part.get(WSU_ID) is None:
            part.set(WSU_ID, f"id-{token_hex(8)}")
        entry = etree.SubElement(info, f"{_DS}Reference", URI=f"#{part.get(WSU_ID)}")
        transforms = etree.SubElement(entry, f"{_DS}Transforms")
        etree.SubElement(transforms, f"{_DS}Transform", Algorithm=ns.EXC_C14N)
        etree.SubElement(entry, f"{_DS}DigestMethod", Algorithm=_SHA256)
        etree.SubElement(entry, f"{_DS}DigestValue")
    etree.SubElement(signature, f"{_DS}SignatureValue")
    etree.SubElement(signature, f"{_DS}KeyInfo").append(reference)
    context = _context(parts)
    context.key = xmlsec.Key.from_memory(identity.pem, constants.KeyDataFormatPem, None)
    context.sign(signature)


def _check(signature: Element, certificate: Certificate, parts: Sequence[Element]) -> None:
    context = _context(parts)
    context.key = xmlsec.Key.from_memory(certificate.pem, constants.KeyDataFormatCertPem, None)
    try:
        context.verify(signature)
    except xmlsec.Error as error:
        raise SecurityInvalid(
            "the signature does not fit what it covers: the message was changed, or badly signed"
        ) from error


def _context(parts: Sequence[Element]) -> xmlsec.SignatureContext:
    context = xmlsec.SignatureContext()
    for part in parts:
        for namespace, name in map(ns.split, IDS):
            if part.get(ns.clark(namespace, name)) is not None:
                context.register_id(part, name, namespace or None)
    return context


def _parts(
    info: Element, envelope: Envelope, security: Element, elements: dict[str, list[Element]], *, legacy: bool
) -> tuple[Element, ...]:
    """The elements that a SignedInfo covers, each in a place where it can only be what it seems."""
    if len(info) < 3 or info[0].tag != f"{_DS}CanonicalizationMethod" or info[1].tag != f"{_DS}SignatureMethod":
        raise SecurityInvalid("the SignedInfo is not made as XML Signature says")
    _exclusive(info[0])
    _allowed(info[1], _SIGNATURES, _OLD_SIGNATURES if legacy else frozenset())
    references = list(info)[2:]
    if len(references) > _MOST_REFERENCES:
        raise SecurityInvalid(f"a Signature may cover {_MOST_REFERENCES} parts at most")
    places = {*security, *envelope.headers, envelope.body} - {security, *security.iterchildren(SIGNATURE)}
    parts = []
    for reference in references:
        if [child.tag for child in reference] != [f"{_DS}Transforms", f"{_DS}DigestMethod", f"{_DS}DigestValue"]:
            raise SecurityInvalid("a signature's Reference must hold Transforms, DigestMethod and DigestValue")
        transforms, method, _ = reference
        if [child.tag for child in transforms] != [f"{_DS}Transform"]:
            raise SecurityInvalid("a signature's Reference must have one transform, exclusive canonicalisation")
        _exclusive(transforms[0])
        _allowed(method, _DIGESTS, _OLD_DIGESTS if legacy else frozenset())
        part = referenced(elements, reference.get("URI", ""))
        if part not in places or part in parts:
            raise SecurityInvalid("the signature covers something that is not the Body or a header of this envelope")
        parts.append(part)
    return tuple(parts)


def _exclusive(method: Element) -> None:
    inside = [child.tag for child in method]
    if method.get("Algorithm") != ns.EXC_C14N or inside not in ([], [ns.clark(ns.EXC_C14N, "InclusiveNamespaces")]):
        raise SecurityInvalid(
            "a signature must use exclusive canonicalisation without comments, and no other transform"
        )


def _allowed(method: Element, known: frozenset[str], old: frozenset[str]) -> None:
    algorithm = method.get("Algorithm", "")
    if (algorithm not in known and algorithm not in old) or len(method):
        raise SecurityInvalid(f"the algorithm {algorithm[:80]} is not accepted; use RSA or ECDSA with SHA-256")


def _named(key_info: Element, security: Element, elements: dict[str, list[Element]]) -> Named:
    """How a KeyInfo names its certificate."""
    if len(key_info) == 1 and key_info[0].tag == _STR and len(key_info[0]) == 1:
        way = key_info[0][0]
        if way.tag == ns.clark(ns.WSSE, "Reference"):
            token = referenced(elements, way.get("URI", ""))
            if token.tag == _BINARY_TOKEN and token.getparent() is security:
                return Named(certificate=_certificate(token.text))
        elif way.tag == _KEY_IDENTIFIER:
            return _identifier(way)
        elif way.tag == f"{_DS}X509Data":
            return _x509_data(way)
    elif len(key_info) == 1 and key_info[0].tag == f"{_DS}X509Data":
        return _x509_data(key_info[0])
    raise SecurityInvalid(
        "the Signature must name its certificate by a BinarySecurityToken, a KeyIdentifier or an X509IssuerSerial"
    )


def _identifier(way: Element) -> Named:
    kind = way.get("ValueType", "")
    if kind == _THUMBPRINT:
        return Named(sha1=_bytes(way.text))
    if kind == _SUBJECT_KEY:
        return Named(subject_key=_bytes(way.text))
    if kind == _X509_V3:
        return Named(certificate=_certificate(way.text))
    raise SecurityInvalid("a KeyIdentifier must be a ThumbprintSHA1, an X509SubjectKeyIdentifier or an X509v3")


def _x509_data(data: Element) -> Named:
    whole = data.findall(f"{_DS}X509Certificate")
    if len(whole) == 1:
        return Named(certificate=_certificate(whole[0].text))
    names = data.findall(f"{_DS}X509IssuerSerial")
    serial = (names[0].findtext(f"{_DS}X509SerialNumber") or "").strip() if len(names) == 1 else ""
    if not serial.isascii() or not serial.isdigit() or len(serial) > 60:
        raise SecurityInvalid("the X509Data must hold one X509Certificate or one X509IssuerSerial")
    return Named(issuer=issuer_of(names[0].findtext(f"{_DS}X509IssuerName") or ""), serial=int(serial))


def _certificate(text: str | None) -> Certificate:
    try:
        return read_certificate(_bytes(text))
    except TransformerInvalid as error:
        raise SecurityInvalid("the message's certificate cannot be read") from error


def _bytes(text: str | None) -> bytes:
    try:
        found = b64decode("".join((text or "").split()), validate=True)
    except ValueError as error:
        raise SecurityInvalid("a token of the Security header is not Base64") from error
    if not found:
        raise SecurityInvalid("a token of the Security header is empty")
    return found


def _naming(security: Element, certificate: Certificate, names_by: str) -> Element:
    reference = etree.Element(_STR, nsmap={"wsse": ns.WSSE})
    if names_by == "thumbprint":
        _key_identifier(reference, _THUMBPRINT, certificate.sha1)
    elif names_by == "subject-key":
        _key_identifier(reference, _SUBJECT_KEY, certificate.subject_key)
    elif names_by == "issuer-serial":
        data = etree.SubElement(reference, f"{_DS}X509Data", nsmap={"ds": ns.XML_DSIG})
        pair = etree.SubElement(data, f"{_DS}X509IssuerSerial")
        etree.SubElement(pair, f"{_DS}X509IssuerName").text = certificate.issuer_name
        etree.SubElement(pair, f"{_DS}X509SerialNumber").text = str(certificate.serial)
    else:
        token = etree.SubElement(security, _BINARY_TOKEN, EncodingType=BASE64, ValueType=_X509_V3)
        token.set(WSU_ID, f"cert-{token_hex(8)}")
        token.text = b64encode(certificate.der).decode("ascii")
        etree.SubElement(reference, ns.clark(ns.WSSE, "Reference"), URI=f"#{token.get(WSU_ID)}", ValueType=_X509_V3)
    return reference


def _key_identifier(reference: Element, kind: str, value: bytes) -> None:
    element = etree.SubElement(reference, _KEY_IDENTIFIER, EncodingType=BASE64, ValueType=kind)
    element.text = b64encode(value).decode("ascii")
