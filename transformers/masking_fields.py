"""Which field names hold what about a patient, in the words of the systems that a hospital has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transformers.masking_values import MaskKind

_BY_KIND: dict[MaskKind, str] = {
    "name": """
        patient_name patientname pat_name patname psn_name person_name personname full_name fullname real_name
        realname family given xm hzxm brxm pname contact_name contactname contacts_name guardian_name coner_name
        relative_name lxrxm insured_name cardholder_name holder_name opsp_psn_name mother_name father_name spell
        姓名 患者姓名 病人姓名 联系人 联系人姓名 监护人 监护人姓名 家属姓名
    """,
    "id": """
        id_no idno idcard id_card idcardno id_card_no idnumber id_number identity_no identityno identity_number
        certno cert_no cert_number certificate_no certificateno psn_certno psn_cert_no mdtrt_cert_no sfzh sfz sfzhm
        zjhm patient_id_no guardian_id_no passport passport_no ssn nationalid national_id coner_certno agnter_certno
        身份证 身份证号 身份证号码 证件号 证件号码 患者身份证号 监护人身份证号
    """,
    "mobile": """
        mobile mobile_no mobileno mobile_phone mobilephone cell cellphone cell_phone phone phone_no phoneno
        phone_number phonenumber tel telephone tel_no telno contact_tel contact_phone contactphone lxdh sjh sjhm dhhm
        coner_tel agnter_tel home_phone work_phone
        手机 手机号 手机号码 电话 电话号码 联系电话 联系人电话 家庭电话
    """,
    "address": """
        address addr home_address homeaddress home_addr curr_addr current_address live_addr residence
        residence_address permanent_address work_address jtdz xzz lxdz hkdz coner_addr
        地址 住址 家庭住址 家庭地址 现住址 户口地址 联系地址 工作地址 户籍地址
    """,
    "email": "email e_mail mail email_address 邮箱 电子邮箱 电子邮件",
    "card": """
        card_no cardno card_number bank_card bankcard bank_card_no bank_account bankacct card_sn cardsn
        medical_card_no health_card_no insurance_no ssn_card insurance_card_no ybkh ecard_no ecqrcode ectoken
        卡号 银行卡号 医保卡号 就诊卡号 健康卡号 社保卡号
    """,
    "birth": """
        birth birthday birth_date birthdate date_of_birth dateofbirth dob brdy csrq birthtime birth_time
        出生日期 生日 出生年月
    """,
    "secret": "password passwd pwd secret token api_key apikey access_token sign_no signature 密码 口令",
}

#: Field name (lower case) → kind.
FIELDS: Mapping[str, MaskKind] = MappingProxyType(
    {name: kind for kind, names in _BY_KIND.items() for name in names.split()}
)

_HINTS = """
    id_no idcard certno psn_no psn_cert_type gend gender sex birth birthdate birth_date birthday brdy mobile phone age
    nation naty relation relationship identifier telecom 性别 年龄 出生日期 身份证号
"""
_OWNERS = """
    patient patientinfo patient_info person personinfo psn baseinfo patientperson guardian contact contacts relative
    subject beneficiary assignedperson relationshipholder1 患者 病人 联系人 监护人
"""

#: A bare ``name`` belongs to a patient when its object also has one of these, or hangs under one of those.
PERSON_HINTS = frozenset(_HINTS.split())
PERSON_OWNERS = frozenset(_OWNERS.split())

#: HL7 V3 values live in attributes: XPath of the attributes → kind (WS/T 846, gen-1 and IHE shapes alike).
HL7V3: tuple[tuple[str, MaskKind], ...] = (
    (
        "//*[local-name()='patientPerson' or local-name()='assignedPerson' or local-name()='relationshipHolder1'"
        " or local-name()='patient' or local-name()='contactPerson']/*[local-name()='name']"
        "/descendant-or-self::*/@value",
        "name",
    ),
    ("//*[local-name()='livingSubjectName']/descendant::*/@value", "name"),
    (
        "//*[local-name()='patientPerson' or local-name()='relationshipHolder1' or local-name()='patient']"
        "/*[local-name()='name']/descendant-or-self::*[not(*)]/text()",
        "name",
    ),
    ("//*[@root='2.16.156.10011.1.3']/@extension", "id"),
    ("//*[local-name()='patientPerson' or local-name()='beneficiary']/*[local-name()='id']/descendant-or-self::*"
     "[not(starts-with(@root,'2.16.156.10011.2'))]/@extension", "id"),
    (
        "//*[@root='2.16.156.10011.1.2' or @root='2.16.156.10011.1.15' or @root='2.16.156.10011.1.19']/@extension",
        "card",
    ),
    (
        "//*[local-name()='patientPerson' or local-name()='patient' or local-name()='personalRelationship'"
        " or local-name()='contactParty' or local-name()='relationshipHolder1']/*[local-name()='telecom']"
        "/descendant-or-self::*/@value",
        "mobile",
    ),
    (
        "//*[local-name()='patientPerson' or local-name()='patient']/*[local-name()='addr']"
        "/descendant-or-self::*/@value",
        "address",
    ),
    (
        "//*[local-name()='patientPerson' or local-name()='patient']/*[local-name()='addr']"
        "/descendant-or-self::*[not(*)]/text()",
        "address",
    ),
    (
        "//*[local-name()='birthTime' or local-name()='livingSubjectBirthTime']/descendant-or-self::*/@value",
        "birth",
    ),
)  # fmt: skip


def kind_of(name: str) -> MaskKind | None:
    """The kind of a field by its name, whatever its case and dashes; None when it is not known to be about a person."""
    lowered = name.lower()
    return FIELDS.get(lowered) or FIELDS.get(lowered.replace("-", "_")) or FIELDS.get(lowered.replace("_", ""))
