"""Puts the bus's own WS-Security UsernameToken into an outgoing envelope (OASIS WSS UsernameToken Profile 1.1)."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from datetime import UTC, datetime

from lxml import etree

from bus.errors import BusError
from registry.model import Auth
from transformers.soap import SoapVersion

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
PASSWORD_TEXT = f"{PROFILE}#PasswordText"
PASSWORD_DIGEST = f"{PROFILE}#PasswordDigest"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

_NAMESPACES = {"wsse": WSSE, "wsu": WSU}


def with_username_token(body: bytes, charset: str, auth: Auth) -> bytes:
    """Answer the envelope with a fresh digest token for ``auth`` in its Header, in the same charset.

    A Security header that is already there is the caller's and is replaced. Raises MalformedDocument or
    another DocumentError for a body that is no envelope.
    """
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    version = _version(root)
    header = root.find(f"{{{version.value}}}Header")
    if header is None:
        header = etree.Element(f"{{{version.value}}}Header")
        root.insert(0, header)
    for old in header.findall(f"{{{WSSE}}}Security"):
        header.remove(old)
    header.append(_security(version, auth))
    written: bytes = etree.tostring(root, encoding=charset, xml_declaration=True)
    return written


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)) as in UsernameToken Profile 1.1 §3.1."""
    # SHA-1 is the standard's; it guards a secret of full length together with nonce and time.
    return b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode("ascii")  # noqa: S324


def _security(version: SoapVersion, auth: Auth) -> etree._Element:
    nonce = os.urandom(16)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    security = etree.Element(f"{{{WSSE}}}Security", nsmap=_NAMESPACES)
    security.set(f"{{{version.value}}}mustUnderstand", "1" if version is SoapVersion.V11 else "true")
    token = etree.SubElement(security, f"{{{WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{WSSE}}}Username").text = auth.username
    password = etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST)
    password.text = password_digest(nonce, created, auth.secret)
    etree.SubElement(token, f"{{{WSSE}}}Nonce", EncodingType=BASE64).text = b64encode(nonce).decode("ascii")
    etree.SubElement(token, f"{{{WSU}}}Created").text = created
    return security


def _version(root: etree._Element) -> SoapVersion:
    for version in SoapVersion:
        if root.tag == f"{{{version.value}}}Envelope":
            return version
    raise BusError("WS-Security needs a SOAP envelope to go into, and this body is none")
