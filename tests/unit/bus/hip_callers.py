"""A HIPMessageServer of the tests' own, and callers of every variant."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from asgi_caller import Response, call, gateway
from catalogues import SYSTEM, compiled
from gateway_worlds import SOAP, replying
from lxml import etree
from twins import SOAP11, SOAP12, World, envelope

HL7 = "urn:hl7-org:v3"

TABLE = """service,title,actions,roots,encounters,operation
PatientInfoRegister,个人信息注册,S0001 PatientRegistryAddRequest,PRPA_IN201311UV02,,
EncounterCardInfoAdd,就诊卡,S0017,PRPA_IN201311UV02,,lab.CardAdd
OutPatientInfoAdd,门诊,S0023,PRPA_IN400001UV,1 2,PatientInfoRegister
InPatientInfoAdd,住院,S0026,PRPA_IN400001UV,3,
PatientInfoQuery,查询,S0004,PRPA_IN201305UV02,,
OrderInfoUpdate,医嘱更新,S0036,POOR_IN200902UV,,PatientInfoQuery
OrderFillerStatusInfoUpdate,执行状态,OrderInfoUpdate S0059,POOR_IN200901UV,,
Charge,收费,BS10015,Request,,
"""

MANIFEST = """
kind: Service
name: hip
system: lis
paths: [{path: /HIPService.asmx, ignore_case: true}]
versions:
  - version: "1"
    hip: {actions: actions.csv, device: BUS0001}
    provider: {protocol: rest, endpoints: [{url: 'http://emr.example'}]}
    operations:
      - name: PatientInfoRegister
        effect: write
        keys: {patient_id: "//*[local-name()='patient']/@id"}
        checks: {request: {xsd: patient.xsd}}
        request: [{to_json: true}]
        reply: [{done: true}]
      - name: PatientInfoQuery
        request: [{to_json: true}]
        reply: [{to_xml: {root: "{urn:hl7-org:v3}PRPA_IN201306UV02"}}]
      - {name: Charge, mode: async, request: [{to_json: true}], reply: [{done: true}]}
"""

OTHER = """
kind: Service
name: lab
system: lis
versions:
  - version: "1"
    provider: {protocol: rest, endpoints: [{url: 'http://lab.example'}]}
    operations:
      - {name: CardAdd, form: xml, soap: {element: "{u}Card"}, request: [{to_json: true}], reply: [{done: true}]}
"""

XSD = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:hl7-org:v3"
 elementFormDefault="qualified"><xs:element name="PRPA_IN201311UV02"><xs:complexType><xs:sequence>
 <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
 <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element></xs:schema>"""


def world(body: str = '{"ok":true}', status: int = 200, table: str = TABLE) -> World:
    made = compiled(SYSTEM, MANIFEST, OTHER, files={"actions.csv": table.encode(), "patient.xsd": XSD})
    return World(made.snapshot, connector=replying(body, "application/json", status))


def current(root: str = "PRPA_IN201311UV02", *, accept: str = "AL", body: str = "") -> str:
    """A document with the header of today."""
    oid = "2.16.156.10011.2.5.1."
    return (
        f'<{root} ITSVersion="XML_1.0" xmlns="{HL7}">'
        f'<id root="{oid}1" extension="0f8fad5b-d9cb-469f-a165-70867728950e"/><creationTime value="20260101080000"/>'
        f'<interactionId root="{oid}2" extension="{root}"/><processingCode code="P"/>'
        f'<processingModeCode/><acceptAckCode code="{accept}"/><receiver typeCode="RCV"><device classCode="DEV" '
        f'determinerCode="INSTANCE"><id><item root="{oid}3" extension="BUS0001"/></id></device></receiver>'
        f'<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id><item root="{oid}3" '
        f'extension="HIS0001"/></id></device></sender><controlActProcess><patient id="P1">张三</patient>{body}'
        f"</controlActProcess></{root}>"
    )


def first(root: str = "PRPA_IN201311UV02") -> str:
    """A document with the header of the first generation."""
    return (
        f'<{root} ITSVersion="XML_1.0" xmlns="{HL7}"><id root="2.16.156.10011.0" extension="A1"/>'
        f'<creationTime value="20160101080000"/><interactionId root="2.16.840.1.113883.1.6" extension="{root}"/>'
        '<processingCode code="P"/><processingModeCode code="R"/><acceptAckCode code="AL"/><receiver typeCode="RCV">'
        '<device classCode="DEV" determinerCode="INSTANCE"><id root="2.16.156.10011.0.1.1" extension="BUS0001"/>'
        '</device></receiver><sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE">'
        '<id root="2.16.156.10011.0.1.2" extension="HIS0001"/></device></sender>'
        f'<controlActProcess><patient id="P1">张三</patient></controlActProcess></{root}>'
    )


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def esb(document: str, fid: str = "PatientInfoRegister") -> str:
    return (
        f"<ESBEntry><MessageHeader><Fid>{fid}</Fid><SourceSysCode>HIS0001</SourceSysCode><TargetSysCode>BUS0001"
        f"</TargetSysCode><MsgDate>2026-01-01 08:00:00</MsgDate></MessageHeader><MsgInfo><Msg>{escaped(document)}</Msg>"
        "</MsgInfo></ESBEntry>"
    )


_HELD = "<![CDATA[{document}]]>"

#: The call element of each variant of a SOAP caller: its start tag, its parameters, its end tag.
CALLS = {
    "A": f'<u:HIPMessageServer xmlns:u="{HL7}"><action>{{action}}</action><message>{_HELD}</message>'
    "</u:HIPMessageServer>",
    "B": f'<u:HIPMessageServer xmlns:u="{HL7}"><u:action>{{action}}</u:action><u:message>{{escaped}}</u:message>'
    "</u:HIPMessageServer>",
    "C": '<HIPMessageServer xmlns="http://tempuri.org/"><action>{action}</action><message>'
    '<![CDATA[<?xml version="1.0" encoding="utf-16"?>{document}]]></message></HIPMessageServer>',
    "D": '<HIPMessageServer xmlns="http://www.dhcc.com.cn"><input1>{action}</input1>'
    f"<input2>{_HELD}</input2></HIPMessageServer>",
    "E": f'<e:HIPMessageServer xmlns:e="http://esb.ewell.cc"><e:input>{_HELD}</e:input></e:HIPMessageServer>',
    "F": '<HIPMessageServer2016Ext xmlns="http://tempuri.org/"><action>{action}</action>'
    f"<message>{_HELD}</message><token>t</token></HIPMessageServer2016Ext>",
    "G": f'<u:HIPMessageServer xmlns:u="{HL7}"><action>{{action}}</action><message>{{document}}</message>'
    "</u:HIPMessageServer>",
}

#: The result element that each of them reads, in Clark notation.
RESULTS = {
    "A": "HIPMessageServerResult",
    "B": f"{{{HL7}}}HIPMessageServerResult",
    "C": "{http://tempuri.org/}HIPMessageServerResult",
    "D": "{http://www.dhcc.com.cn}HIPMessageServerResult",
    "E": "{http://esb.ewell.cc}output",
    "F": "{http://tempuri.org/}HIPMessageServer2016ExtResult",
    "G": "HIPMessageServerResult",
}


async def ask(
    one: World,
    document: str,
    action: str = "PatientInfoRegister",
    variant: str = "A",
    *,
    version: str = SOAP11,
    charset: str = "utf-8",
    path: str = "/soap/hip",
    **headers: str,
) -> Response:
    inner = CALLS[variant].format(action=action, document=document, escaped=escaped(document))
    kind = "application/soap+xml" if version == SOAP12 else "text/xml"
    sent = {**SOAP, "content-type": f"{kind}; charset={charset}", **headers}
    return await call(gateway(one), "POST", path, envelope(inner, namespace=version).encode(charset), sent)


async def post(one: World, document: str, action: str = "PatientInfoRegister", **changes: Any) -> Response:
    """Variant H."""
    body = {
        "client_msg_id": "c1",
        "server_msg_id": None,
        "gmt_create": "2026-01-01T08:00:00+08:00",
        "gmt_send": "2026-01-01T08:00:00+08:00",
        "send_id": "HIS0001",
        "recv_id": "BUS0001",
        "group_id": "g",
        "content_type": action,
        action: base64.b64encode(document.encode()).decode(),
        **changes,
    }
    headers = {**SOAP, "content-type": "application/json"}
    return await call(gateway(one), "POST", "/rest/hip/", orjson.dumps(body), headers)


def result(response: Response, variant: str = "A") -> Any:
    """The result element of a SOAP answer."""
    found = next(response.xml.iter(RESULTS[variant]), None)
    assert found is not None, response.body
    return found


def acknowledgement(response: Response, variant: str = "A") -> Any:
    """The document in the result, however it is held."""
    held = result(response, variant)
    if len(held):
        return held[0]
    text = held.text or ""
    return etree.fromstring(text.partition("?>")[2] if text.startswith("<?xml") else text)
