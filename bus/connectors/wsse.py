"""Puts the bus's own WS-Security UsernameToken into an outgoing envelope (OASIS WSS UsernameToken Profile 1.1)."""

from __future__ import annotations

import os
import time
from base64 import b64encode

from lxml import etree

from bus.security.wsse import PASSWORD_DIGEST, TOKEN, WSSE, WSU, password_digest
from registry.model import Auth
from transformers.document import Element
from transformers.soap import SoapVersion
from transformers.ws_security import BASE64, security_for, written


def add_username_token(root: Element, version: SoapVersion, auth: Auth) -> None:
    """Give the envelope a fresh digest token for ``auth``, in place of whatever Security header it had."""
    nonce = os.urandom(16)
    created = written(time.time())
    token = etree.SubElement(security_for(root, version), TOKEN)
    etree.SubElement(token, f"{{{WSSE}}}Username").text = auth.username
    password = etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST)
    password.text = password_digest(nonce, created, auth.secret)
    etree.SubElement(token, f"{{{WSSE}}}Nonce", EncodingType=BASE64).text = b64encode(nonce).decode("ascii")
    etree.SubElement(token, f"{{{WSU}}}Created").text = created
