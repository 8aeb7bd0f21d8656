"""Puts the bus's own WS-Security UsernameToken into an outgoing envelope (OASIS WSS UsernameToken Profile 1.1)."""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import UTC, datetime

from lxml import etree

from bus.security.wsse import BASE64, PASSWORD_DIGEST, SECURITY, TOKEN, WSSE, WSU, password_digest
from registry.model import Auth
from transformers import charset as charsets
from transformers.document import Element
from transformers.soap import SoapVersion, open_envelope
from transformers.xml import Limits, hardened_parser, parse, serialise

_NAMESPACES = {"wsse": WSSE, "wsu": WSU}


def with_username_token(body: bytes, charset: str, auth: Auth) -> bytes:
    """Answer the envelope in ``body`` with a fresh digest token for ``auth`` in its Header, in the same charset.

    A Security header that is already there was made for the bus by its caller and is replaced. Raises
    DocumentError for a body that is no envelope.
    """
    decoded = charsets.read(body, charset)
    # Our own document: it passed the limits of the door, and its mapping may have made it larger.
    own = Limits(bytes=len(decoded.text_utf8))
    root = parse(decoded.text_utf8, own, parser=hardened_parser(keep_comments=True))
    version = open_envelope(root).version
    header = root.find(f"{{{version.value}}}Header")
    if header is None:
        header = etree.Element(f"{{{version.value}}}Header")
        root.insert(0, header)
    for old in header.findall(SECURITY):
        header.remove(old)
    header.append(_security(version, auth))
    return serialise(root, charset, declaration=True)


def _security(version: SoapVersion, auth: Auth) -> Element:
    nonce = os.urandom(16)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    security = etree.Element(SECURITY, nsmap=_NAMESPACES)
    security.set(f"{{{version.value}}}mustUnderstand", "1" if version is SoapVersion.V11 else "true")
    token = etree.SubElement(security, TOKEN)
    etree.SubElement(token, f"{{{WSSE}}}Username").text = auth.username
    password = etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST)
    password.text = password_digest(nonce, created, auth.secret)
    etree.SubElement(token, f"{{{WSSE}}}Nonce", EncodingType=BASE64).text = b64encode(nonce).decode("ascii")
    etree.SubElement(token, f"{{{WSU}}}Created").text = created
    return security
