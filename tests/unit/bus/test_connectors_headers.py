"""What goes out with a request, by protocol and by the provider's kind of credential."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from provider_messages import ENVELOPE, FLOW, message_to

from bus.connectors.envelope import dressed
from bus.connectors.headers import outbound_headers
from bus.message import Message, Wire
from bus.security.wsse import WSSE, password_digest, read_token
from registry.model import Auth
from transformers.errors import EnvelopeInvalid, MalformedDocument

TOKEN_AUTH = Auth("username-token", username="meridian", secret="s3cret-口令")


def headers_of(message: Message) -> dict[str, str]:
    assert message.version is not None
    assert message.version.provider is not None
    assert message.operation is not None
    return outbound_headers(message, message.version.provider, message.operation)


def test_soap_11_names_its_charset_and_quotes_its_action() -> None:
    headers = headers_of(message_to("http://lis", charset="gb18030"))
    assert headers["Content-Type"] == "text/xml; charset=GB18030"
    assert headers["SOAPAction"] == '"urn:lab/PlaceOrder"'
    assert headers["Accept"] == "text/xml"


def test_soap_11_without_an_action_sends_it_empty_as_the_note_demands() -> None:
    assert headers_of(message_to("http://lis", action=""))["SOAPAction"] == '""'


def test_soap_12_carries_the_action_in_its_content_type() -> None:
    headers = headers_of(message_to("http://lis", protocol="soap12"))
    assert headers["Content-Type"] == 'application/soap+xml; charset=UTF-8; action="urn:lab/PlaceOrder"'
    assert "SOAPAction" not in headers


def test_rest_sends_json_and_names_no_type_for_an_empty_body() -> None:
    assert headers_of(message_to("http://lis", protocol="rest"))["Content-Type"] == "application/json"
    assert "Content-Type" not in headers_of(message_to("http://lis", protocol="rest", body=b""))
    typed = message_to("http://lis", protocol="rest", content_type="application/fhir+json")
    assert headers_of(typed)["Content-Type"] == "application/fhir+json"


def test_every_call_carries_flow_message_and_idempotency_key_with_a_span_of_its_own() -> None:
    message = message_to("http://lis", idempotency_key="step-7")
    first, second = headers_of(message), headers_of(message)
    assert re.fullmatch(f"00-{FLOW}-[0-9a-f]{{16}}-01", first["traceparent"])
    assert first["traceparent"] != second["traceparent"]
    assert (first["X-Meridian-Message"], first["Idempotency-Key"]) == (message.id, "step-7")
    assert "Idempotency-Key" not in headers_of(message_to("http://lis"))


def test_the_operations_own_headers_win_whatever_their_case() -> None:
    wire = Wire(headers={"accept": "application/dicom+json", "SoapAction": '"other"', "X-Ward": "7"})
    headers = headers_of(message_to("http://lis", wire=wire))
    assert (headers["Accept"], headers["SOAPAction"], headers["X-Ward"]) == ("application/dicom+json", '"other"', "7")
    assert len({name.lower() for name in headers}) == len(headers)


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (Auth("bearer", secret="abc"), "Authorization", "Bearer abc"),
        (Auth("header", header="X-Key", secret="abc"), "X-Key", "abc"),
        (Auth("basic", username="bus", secret="口令"), "Authorization", "Basic YnVzOuWPo+S7pA=="),
    ],
)
def test_the_bus_identifies_itself_and_no_mapping_can_replace_that(auth: Auth, name: str, value: str) -> None:
    forged = Wire(headers={"Authorization": "Basic forged", "X-Key": "forged"})
    assert headers_of(message_to("http://lis", auth=auth, wire=forged))[name] == value


def with_token(body: bytes, charset: str, auth: Auth) -> bytes:
    message = message_to("http://lis", auth=auth, body=body, charset=charset)
    assert message.version is not None
    assert message.version.provider is not None
    return dressed(message, message.version.provider, "http://lis")


def token_of(body: bytes) -> tuple[etree._Element, etree._Element]:
    root = etree.fromstring(body)
    security = root[0].findall(f"{{{WSSE}}}Security")
    assert len(security) == 1
    return root, security[0]


def test_a_username_token_digest_goes_into_a_header_made_for_it() -> None:
    root, security = token_of(with_token(ENVELOPE, "utf-8", TOKEN_AUTH))
    token = read_token([security])
    assert token is not None
    assert (token.username, token.digested) == ("meridian", True)
    assert token.password == password_digest(token.nonce, token.created, TOKEN_AUTH.secret)
    assert [etree.QName(child).localname for child in root] == ["Header", "Body"]
    assert b64decode(token.password)
    assert b"s3cret" not in etree.tostring(root)


def test_each_envelope_gets_a_nonce_of_its_own() -> None:
    tokens = [read_token([token_of(with_token(ENVELOPE, "utf-8", TOKEN_AUTH))[1]]) for _ in range(2)]
    assert tokens[0] is not None
    assert tokens[1] is not None
    assert tokens[0].nonce != tokens[1].nonce


def test_the_callers_own_security_header_is_replaced_and_others_stay() -> None:
    body = ENVELOPE.replace(
        b"<soap:Body>",
        f'<soap:Header><w:Security xmlns:w="{WSSE}"><w:UsernameToken/></w:Security><b xmlns="urn:b"/></soap:Header>'
        "<soap:Body>".encode(),
    )
    root, security = token_of(with_token(body, "utf-8", TOKEN_AUTH))
    assert root[0].find("{urn:b}b") is not None
    token = read_token([security])
    assert token is not None
    assert token.username == "meridian"


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "gbk"])
def test_the_rest_of_the_envelope_survives_in_its_charset(charset: str) -> None:
    text = ENVELOPE.decode().replace('<a xmlns="urn:lab"/>', '<a xmlns="urn:lab">血常规<!-- 备注 --></a>')
    body = with_token(f'<?xml version="1.0" encoding="{charset}"?>{text}'.encode(charset), charset, TOKEN_AUTH)
    assert "血常规<!-- 备注 -->" in body.decode(charset)
    assert etree.fromstring(body) is not None


@pytest.mark.parametrize(("body", "error"), [(b"{}", MalformedDocument), (b"<a/>", EnvelopeInvalid)])
def test_a_body_that_is_no_envelope_takes_no_token(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        with_token(body, "utf-8", TOKEN_AUTH)


@settings(max_examples=50)
@given(username=st.text(st.characters(categories=["L", "N"]), min_size=1), secret=st.text(min_size=1))
def test_what_one_side_writes_the_other_side_reads(username: str, secret: str) -> None:
    body = with_token(ENVELOPE, "utf-8", Auth("username-token", username=username, secret=secret))
    token = read_token([token_of(body)[1]])
    assert token is not None
    assert token.username == username
    assert token.password == password_digest(token.nonce, token.created, secret)
