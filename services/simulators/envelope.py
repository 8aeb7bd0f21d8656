"""SOAP 1.1 as the simulated systems read and write it: their own few lines, not the bus's codec."""

from __future__ import annotations

import base64
import hashlib
import hmac

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"


class NotUnderstood(Exception):
    """The request is not in the one encoding and form that this system speaks."""


def parse(text: str) -> etree._Element:
    """Parse XML text, whatever encoding its declaration claims."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        return etree.fromstring(text.partition("?>")[2].encode() if text.startswith("<?xml") else text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise NotUnderstood("not well-formed XML") from error


def open_envelope(body: bytes, charset: str) -> etree._Element:
    """Decode strictly, parse, and answer the envelope."""
    try:
        root = parse(body.decode(charset).lstrip("\ufeff \r\n"))
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"the bytes are not {charset}") from error
    if root.tag != f"{{{SOAP}}}Envelope":
        raise NotUnderstood("not a SOAP 1.1 envelope")
    return root


def payload(envelope: etree._Element) -> etree._Element:
    """Answer the Body's only child."""
    found = envelope.find(f"{{{SOAP}}}Body/*")
    if found is None:
        raise NotUnderstood("the Body is empty")
    return found


def seal(inner: str, charset: str) -> bytes:
    """Put XML text into an envelope and encode it."""
    text = (
        f'<?xml version="1.0" encoding="{charset}"?>'
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{inner}</soap:Body></soap:Envelope>'
    )
    return text.encode(charset)


def fault(reason: str, charset: str, *, side: str = "Server") -> bytes:
    """A SOAP 1.1 fault."""
    return seal(
        f"<soap:Fault><faultcode>soap:{side}</faultcode><faultstring>{reason}</faultstring></soap:Fault>", charset
    )


def username_token_ok(envelope: etree._Element, username: str, secret: str) -> bool:
    """Whether a WS-Security UsernameToken (text or digest, WSS UT 1.1) proves this user; no secret asks for none."""
    if not secret:
        return True
    token = envelope.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    if token is None or token.findtext(f"{{{WSSE}}}Username") != username:
        return False
    password = token.find(f"{{{WSSE}}}Password")
    if password is None:
        return False
    expected = secret
    if password.get("Type", "").endswith("#PasswordDigest"):
        nonce = base64.b64decode(token.findtext(f"{{{WSSE}}}Nonce", ""))
        created = token.findtext(f"{{{WSU}}}Created", "")
        expected = base64.b64encode(hashlib.sha1(nonce + created.encode() + secret.encode()).digest()).decode()  # noqa: S324 - the standard's digest
    return hmac.compare_digest(password.text or "", expected)
