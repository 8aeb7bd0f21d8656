"""The WS/T 846 PatientInfoRegister document as the simulated HIS writes it (PRPA_IN201311UV02)."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

_OID = "2.16.156.10011."
_SEX = {"1": "男性", "2": "女性", "0": "未知的性别", "9": "未说明的性别"}


@dataclass(frozen=True, slots=True)
class Registered:
    """A patient as the HIS knows one; ``sex`` is GB/T 2261.1, ``birth_date`` eight digits."""

    patient_id: str
    id_no: str
    name: str
    sex: str
    birth_date: str
    phone: str


def _code(tag: str, code: str, system: str, name: str, display: str, *, named: bool = True) -> str:
    label = f' codeSystemName="{name}"' if named else ""
    return f'<{tag} code="{code}" codeSystem="{_OID}{system}"{label}><displayName value="{display}"/></{tag}>'


def _device(tag: str, kind: str, system: str) -> str:
    item = f'<id><item root="{_OID}2.5.1.3" extension="{system}"/></id>'
    return f'<{tag} typeCode="{kind}"><device classCode="DEV" determinerCode="INSTANCE">{item}</device></{tag}>'


def _name(text: str, tag: str = "name") -> str:
    return f'<{tag} xsi:type="LIST_EN"><item><part value={quoteattr(text)}/></item></{tag}>'


def _telecom(number: str) -> str:
    return f'<telecom xsi:type="DSET_TEL"><item value={quoteattr(number)}/></telecom>'


def _person(patient: Registered) -> str:
    identity = f'<id><item root="{_OID}1.3" extension={quoteattr(patient.id_no)}/></id>'
    address = '<addr xsi:type="LIST_AD"><item><part type="SAL" value="北京市朝阳区示例街道一号"/></item></addr>'
    occupation = _code("occupationCode", "17", "2.3.3.7", "", "职员", named=False)
    relation = _code("code", "1", "2.3.1.34", "家庭关系代码表", "配偶")
    return (
        f"<patientPerson>{identity}"
        + _code("idCategory", "01", "2.3.1.1", "证件类别代码表", "居民身份证")
        + _name(patient.name)
        + _telecom(patient.phone)
        + _code("administrativeGenderCode", patient.sex, "2.3.3.4", "", _SEX[patient.sex], named=False)
        + f'<birthTime value="{patient.birth_date}"/>{address}'
        + _code("maritalStatusCode", "20", "2.3.3.5", "", "已婚", named=False)
        + f"<ethnicGroupCode>{_code('item', '01', '2.3.3.3', '', '汉族', named=False)}</ethnicGroupCode>"
        + f'<asEmployee classCode="EMP">{occupation}'
        + f'<employerOrganization classCode="ORG" determinerCode="INSTANCE">{_name("示例单位")}'
        + f'<contactParty classCode="CON">{_telecom("01000000000")}</contactParty></employerOrganization></asEmployee>'
        + f'<asOtherIDs classCode="ROL"><id><item root="{_OID}1.19" extension="{patient.patient_id}"/></id>'
        + '<scopingOrganization classCode="ORG" determinerCode="INSTANCE">'
        + f'<id><item root="{_OID}1.5" extension="12110000000000000X"/></id></scopingOrganization></asOtherIDs>'
        + f"<personalRelationship>{relation}{_telecom('01000000001')}"
        + f'<relationshipHolder1 classCode="PSN" determinerCode="INSTANCE">{_name("示例联系人")}</relationshipHolder1>'
        + "</personalRelationship></patientPerson>"
    )


def _organisation() -> str:
    return (
        '<providerOrganization classCode="ORG" determinerCode="INSTANCE">'
        f'<id><item root="{_OID}1.5" extension="12110000000000000X"/></id>{_name("示例医院")}'
        '<contactParty classCode="CON"/></providerOrganization>'
        '<coveredPartyOf typeCode="COV"><coverageRecord classCode="COV" moodCode="EVN"><beneficiary typeCode="BEN">'
        '<beneficiary classCode="MBR">'
        + _code("code", "01", "2.3.1.248", "医疗保险类别代码", "城镇职工基本医疗保险")
        + "</beneficiary></beneficiary></coverageRecord></coveredPartyOf>"
    )


def patient_info_register(patient: Registered, message_id: str = "") -> str:
    """Answer the document as text; ``message_id`` (32 to 36 characters) is made up when empty."""
    now = time.strftime("%Y%m%d%H%M%S")
    identity = message_id or str(uuid.uuid4())
    return (
        '<PRPA_IN201311UV02 ITSVersion="XML_1.0" xmlns="urn:hl7-org:v3"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<id root="{_OID}2.5.1.1" extension="{identity}"/><creationTime value="{now}"/>'
        f'<interactionId root="{_OID}2.5.1.2" extension="PRPA_IN201311UV02"/>'
        '<processingCode code="P"/><processingModeCode/><acceptAckCode code="AL"/>'
        + _device("receiver", "RCV", "MERIDIAN")
        + _device("sender", "SND", "HIS-0001")
        + '<controlActProcess classCode="CACT" moodCode="EVN"><subject typeCode="SUBJ">'
        + '<registrationRequest classCode="REG" moodCode="RQO"><statusCode code="active"/>'
        + f'<subject1 typeCode="SBJ"><patient classCode="PAT"><id><item root="{_OID}2.5.1.4"'
        + f' extension={quoteattr(patient.patient_id)}/></id><statusCode code="active"/>'
        + f'<effectiveTime><any value="{now}"/></effectiveTime>'
        + _person(patient)
        + _organisation()
        + '</patient></subject1><author typeCode="AUT"><assignedEntity classCode="ASSIGNED">'
        + f'<id><item root="{_OID}1.4" extension="0001"/></id>'
        + f'<assignedPerson classCode="PSN" determinerCode="INSTANCE">{_name("示例登记员")}</assignedPerson>'
        + "</assignedEntity></author></registrationRequest></subject></controlActProcess></PRPA_IN201311UV02>"
    )
