"""The XML namespaces this project knows, each written down once."""

from __future__ import annotations

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAPENC = "http://schemas.xmlsoap.org/soap/encoding/"
SOAPENC12 = "http://www.w3.org/2003/05/soap-encoding"
SOAP11_ACTOR_NEXT = "http://schemas.xmlsoap.org/soap/actor/next"
SOAP12_ROLE_NEXT = "http://www.w3.org/2003/05/soap-envelope/role/next"
SOAP12_ROLE_ULTIMATE = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
XML = "http://www.w3.org/XML/1998/namespace"
XMLNS = "http://www.w3.org/2000/xmlns/"
XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSLT = "http://www.w3.org/1999/XSL/Transform"
XINCLUDE = "http://www.w3.org/2001/XInclude"
XML_DSIG = "http://www.w3.org/2000/09/xmldsig#"
XML_ENC = "http://www.w3.org/2001/04/xmlenc#"
XML_ENC11 = "http://www.w3.org/2009/xmlenc11#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"
WSS11 = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1"
WSS_X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0"
WSA = "http://www.w3.org/2005/08/addressing"
WSA_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
HL7V3 = "urn:hl7-org:v3"
XOP = "http://www.w3.org/2004/08/xop/include"
XMIME = "http://www.w3.org/2005/05/xmlmime"
MERIDIAN = "urn:meridian:2026"

#: ``xsi:nil`` and ``xsi:type`` in Clark notation.
XSI_NIL = f"{{{XSI}}}nil"
XSI_TYPE = f"{{{XSI}}}type"
XML_LANG = f"{{{XML}}}lang"


def clark(namespace: str, name: str) -> str:
    """Join a namespace and a local name to Clark notation; an empty namespace gives the bare name."""
    return f"{{{namespace}}}{name}" if namespace else name


def split(tag: str) -> tuple[str, str]:
    """Take Clark notation apart into namespace (empty for none) and local name."""
    if tag.startswith("{"):
        namespace, _, name = tag[1:].partition("}")
        return namespace, name
    return "", tag
