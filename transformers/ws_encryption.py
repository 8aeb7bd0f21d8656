"""XML encryption of WS-Security: parts of an envelope are decrypted, or its Body encrypted for one receiver.

OASIS WSS 1.1 §9, W3C XML Encryption 1.1: RSA-OAEP for the key, AES-GCM for the content. The cryptography is the
package ``cryptography``'s (the optional extra ``wssec``): it gives bytes, so that what was hidden goes through the one
hardened parser like everything else that arrives.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from secrets import token_bytes, token_hex
from typing import NoReturn
from xml.sax.saxutils import escape  # writes only; nothing is parsed by it

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from transformers import ns
from transformers.certificates import Certificate, Identity
from transformers.document import Element
from transformers.errors import DocumentError, SecurityInvalid
from transformers.soap import Envelope, open_envelope
from transformers.ws_security import BASE64, ENCRYPTED_DATA, ENCRYPTED_KEY, elements_by_id, referenced
from transformers.xml import Limits, parse, serialise

_XENC = f"{{{ns.XML_ENC}}}"
_DS = f"{{{ns.XML_DSIG}}}"
_OAEP = frozenset({f"{ns.XML_ENC}rsa-oaep-mgf1p", f"{ns.XML_ENC11}rsa-oaep"})
_GCM = {f"{ns.XML_ENC11}aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}
#: Without authentication whoever asks often enough learns the content; only for senders from before XML Encryption 1.1.
_CBC = {f"{ns.XML_ENC}aes{bits}-cbc": bits // 8 for bits in (128, 192, 256)}
# SHA-1 inside OAEP is a mask, not a proof: nothing is known against it there, and it is the standard's default.
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    f"{ns.XML_DSIG}sha1": hashes.SHA1, f"{ns.XML_ENC}sha256": hashes.SHA256, f"{ns.XML_ENC}sha512": hashes.SHA512,
}  # fmt: skip
_MASKS: dict[str, type[hashes.HashAlgorithm]] = {
    f"{ns.XML_ENC11}mgf1sha1": hashes.SHA1, f"{ns.XML_ENC11}mgf1sha256": hashes.SHA256,
    f"{ns.XML_ENC11}mgf1sha512": hashes.SHA512,
}  # fmt: skip

_NONCE, _TAG, _BLOCK = 12, 16, 16


def decrypt(
    envelope: Envelope, security: Element, identity: Identity | None, *, legacy: bool = False
) -> tuple[Envelope, tuple[Element, ...]]:
    """Replace what is encrypted for ``identity`` by what it is; answer the envelope and whose children were hidden.

    Parts that may be encrypted: the content of the Body, and parts of this Security header. ``legacy`` admits AES-CBC.
    Raises SecurityInvalid, in one text for whatever does not decrypt.
    """
    keys = security.findall(ENCRYPTED_KEY)
    if not keys:
        return envelope, ()
    if identity is None:
        raise SecurityInvalid("the message is encrypted, and no key of this service can read it; send it plain")
    if len(keys) > 1:
        raise SecurityInvalid("the Security header holds more than one EncryptedKey; send one")
    elements = elements_by_id(envelope.root)
    references = [*keys[0].iterfind(f"{_XENC}ReferenceList/*"), *security.iterfind(f"{_XENC}ReferenceList/*")]
    hidden = [referenced(elements, reference.get("URI", "")) for reference in references]
    if not hidden or any(part.tag != ENCRYPTED_DATA for part in hidden) or len(set(hidden)) != len(hidden):
        raise SecurityInvalid("the EncryptedKey must refer to each EncryptedData once")
    parents = []
    session = _session_key(keys[0], identity)
    for part in hidden:
        parent = part.getparent()
        if parent is None or (parent is not envelope.body and parent is not security):
            raise SecurityInvalid("only the Body's content and parts of the Security header may be encrypted")
        _replace(part, parent, _opened(part, session, legacy=legacy))
        parents.append(parent)
    security.remove(keys[0])
    try:
        return open_envelope(envelope.root), tuple(parents)
    except DocumentError:
        _unreadable()


def encrypt(envelope: Envelope, security: Element, receiver: Certificate, *, legacy: bool = False) -> None:
    """Encrypt the Body's content for ``receiver`` (an RSA certificate): AES-256-GCM, or AES-CBC where ``legacy``."""
    body = envelope.body
    session, content = token_bytes(32), _inside(body)
    data = etree.Element(
        ENCRYPTED_DATA, Id=f"enc-{token_hex(8)}", Type=f"{ns.XML_ENC}Content", nsmap={"xenc": ns.XML_ENC}
    )
    nonce = token_bytes(_BLOCK if legacy else _NONCE)
    if legacy:
        pad = _BLOCK - len(content) % _BLOCK
        cipher = Cipher(algorithms.AES(session), modes.CBC(nonce)).encryptor()
        sealed = cipher.update(content + bytes(pad - 1) + bytes([pad])) + cipher.finalize()
    else:
        sealed = AESGCM(session).encrypt(nonce, content, None)
    etree.SubElement(data, f"{_XENC}EncryptionMethod", Algorithm=next(reversed(_CBC if legacy else _GCM)))
    _add_value(data, nonce + sealed)
    for child in list(body):
        body.remove(child)
    body.text = None
    body.append(data)
    security.insert(0, _encrypted_key(session, receiver, data.get("Id", "")))


def _encrypted_key(session: bytes, receiver: Certificate, data: str) -> Element:
    public = load_pem_x509_certificate(receiver.pem).public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise SecurityInvalid("the receiver's certificate has no RSA key to encrypt for")
    key = etree.Element(ENCRYPTED_KEY, Id=f"key-{token_hex(8)}", nsmap={"xenc": ns.XML_ENC, "ds": ns.XML_DSIG})
    method = etree.SubElement(key, f"{_XENC}EncryptionMethod", Algorithm=f"{ns.XML_ENC}rsa-oaep-mgf1p")
    etree.SubElement(method, f"{_DS}DigestMethod", Algorithm=f"{ns.XML_DSIG}sha1")
    names = etree.SubElement(etree.SubElement(key, f"{_DS}KeyInfo"), ns.clark(ns.WSSE, "SecurityTokenReference"))
    name = etree.SubElement(
        names, ns.clark(ns.WSSE, "KeyIdentifier"), EncodingType=BASE64, ValueType=f"{ns.WSS11}#ThumbprintSHA1"
    )
    name.text = b64encode(receiver.sha1).decode("ascii")
    _add_value(key, public.encrypt(session, OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)))  # noqa: S303
    references = etree.SubElement(key, f"{_XENC}ReferenceList")
    etree.SubElement(references, f"{_XENC}DataReference", URI=f"#{data}")
    return key


def _session_key(element: Element, identity: Identity) -> bytes:
    method = element.find(f"{_XENC}EncryptionMethod")
    if method is None or method.get("Algorithm") not in _OAEP:
        raise SecurityInvalid("the EncryptedKey must be made with RSA-OAEP")
    digest, mask = method.find(f"{_DS}DigestMethod"), method.find(f"{{{ns.XML_ENC11}}}MGF")
    hashed = hashes.SHA1 if digest is None else _HASHES.get(digest.get("Algorithm", ""))
    masked = hashes.SHA1 if mask is None else _MASKS.get(mask.get("Algorithm", ""))
    if hashed is None or masked is None or method.find(f"{_XENC}OAEPparams") is not None:
        raise SecurityInvalid("the EncryptedKey's RSA-OAEP must use SHA-1, SHA-256 or SHA-512 and no parameters")
    if not isinstance(identity.key, rsa.RSAPrivateKey):
        raise SecurityInvalid("the service's key is no RSA key, so nothing can be encrypted for it")
    try:
        return identity.key.decrypt(_value(element), OAEP(MGF1(masked()), hashed(), None))
    except ValueError:
        # A made-up key fails later, where every failure looks the same.
        return token_bytes(32)


def _opened(part: Element, session: bytes, *, legacy: bool) -> bytes:
    method = part.find(f"{_XENC}EncryptionMethod")
    algorithm = method.get("Algorithm", "") if method is not None else ""
    known = {**_GCM, **_CBC} if legacy else _GCM
    if algorithm not in known:
        raise SecurityInvalid(
            "an EncryptedData must be made with AES-GCM (AES-CBC only where the manifest says legacy)"
        )
    sealed = _value(part)
    if len(session) != known[algorithm]:
        _unreadable()
    try:
        if algorithm in _GCM:
            return AESGCM(session).decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        plain = Cipher(algorithms.AES(session), modes.CBC(sealed[:_BLOCK])).decryptor()
        padded = plain.update(sealed[_BLOCK:]) + plain.finalize()
        if not padded or not 1 <= padded[-1] <= _BLOCK:
            _unreadable()
        return padded[: -padded[-1]]
    except (InvalidTag, ValueError):
        _unreadable()


def _replace(part: Element, parent: Element, plain: bytes) -> None:
    """Put what was hidden where its EncryptedData stood, with the namespaces that were in scope there."""
    wrapper = etree.Element("w", nsmap=part.nsmap)  # type: ignore[arg-type]  # the default namespace has no prefix
    start = serialise(wrapper)[:-2] + b">"
    data = start + plain + b"</w>"
    try:
        root = parse(data, Limits(bytes=len(data)))
    except DocumentError:
        _unreadable()
    if not len(root):
        _unreadable()
    # Blanks before the first child may be signed: they are kept.
    before, place = part.getprevious(), parent.index(part)
    if before is None:
        parent.text = (parent.text or "") + (root.text or "") or None
    else:
        before.tail = (before.tail or "") + (root.text or "") or None
    for offset, child in enumerate(list(root)):
        parent.insert(place + offset, child)
    parent.remove(part)


def _inside(body: Element) -> bytes:
    """The content of an element, blanks between its children included: a signature covers them."""
    texts = [escape(body.text or "").encode()]
    for child in body:
        texts += [serialise(child), escape(child.tail or "").encode()]
    return b"".join(texts)


def _value(element: Element) -> bytes:
    values: Sequence[Element] = element.findall(f"{_XENC}CipherData/{_XENC}CipherValue")
    try:
        return b64decode("".join((values[0].text or "").split()), validate=True) if len(values) == 1 else b""
    except ValueError:
        _unreadable()


def _add_value(element: Element, value: bytes) -> None:
    data = etree.SubElement(element, f"{_XENC}CipherData")
    etree.SubElement(data, f"{_XENC}CipherValue").text = b64encode(value).decode("ascii")


def _unreadable() -> NoReturn:
    # One text for every reason, and no cause: an answer that tells a wrong padding from a wrong tag is an oracle.
    raise SecurityInvalid("what is encrypted cannot be read with this service's key") from None
