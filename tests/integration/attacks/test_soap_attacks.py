"""SOAP made to be read differently by the two sides of the bus (WS-Attacker's list, CAPEC-110, CAPEC-279)."""

from __future__ import annotations

import pytest
from target import SOAP11, SOAP12, Target, envelope, order

pytestmark = pytest.mark.integration

_BODIES = '<s:Envelope xmlns:s="' + SOAP11 + '">{}</s:Envelope>'

ENVELOPES = {
    "an empty Body": _BODIES.format("<s:Body/>"),
    "no Body": _BODIES.format(""),
    "two Bodies": _BODIES.format(f"<s:Body>{order()}</s:Body><s:Body>{order()}</s:Body>"),
    "a second child in the Body": envelope(order() + order(visit="V2")),
    "a Body before the Header": _BODIES.format(f"<s:Body>{order()}</s:Body><s:Header/>"),
    "text in the Body": envelope("order" + order()),
    "no envelope": order(),
    "nothing": "",
}


@pytest.mark.parametrize("kind", ENVELOPES)
def test_an_envelope_that_could_be_read_in_two_ways_is_refused(target: Target, kind: str) -> None:
    target.refused(lambda: target.soap(ENVELOPES[kind]), "envelope")


def test_an_action_that_names_another_operation_is_refused(target: Target) -> None:
    action = '"urn:example:lab/CancelOrder"'
    target.refused(lambda: target.soap(envelope(order()), SOAPAction=action), "bad-request")


def test_an_envelope_of_the_other_version_is_a_version_mismatch(target: Target) -> None:
    answer = target.refused(lambda: target.soap(envelope(order(), namespace=SOAP12)), "soap-version")
    assert "VersionMismatch" in answer.words


def test_an_older_envelope_under_the_newer_content_type_is_a_version_mismatch(target: Target) -> None:
    answer = target.refused(
        lambda: target.soap(envelope(order()), Content_Type="application/soap+xml; charset=utf-8"), "soap-version"
    )
    assert SOAP12 in answer.words


def test_a_version_that_the_service_does_not_speak_is_refused_in_words(target: Target) -> None:
    answer = target.soap(envelope(order(), namespace=SOAP12), Content_Type="application/soap+xml; charset=utf-8")
    assert answer.status >= 400
    assert answer.code in ("face-not-offered", "soap-version"), answer.words


@pytest.mark.parametrize("name", ["Transaction", "Security"])
def test_a_mandatory_header_that_nobody_knows_is_refused(target: Target, name: str) -> None:
    header = f'<t:{name} xmlns:t="urn:tx" s:mustUnderstand="1"/>'
    answer = target.refused(lambda: target.soap(envelope(order(), header=header)), "must-understand")
    assert "MustUnderstand" in answer.words


@pytest.mark.parametrize(
    "inside",
    [
        '<item href="#a" id="a"/>',
        '<item href="#b" id="a"/><item href="#a" id="b"/>',
        '<item href="#nowhere"/>',
        '<item href="file:///etc/passwd"/>',
    ],
)
def test_references_between_elements_break_a_literal_contract(target: Target, inside: str) -> None:
    target.refused(lambda: target.soap(envelope(order(inside))), "contract")


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo", "From"])
@pytest.mark.parametrize(
    "namespace", ["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"]
)
def test_no_address_in_a_header_is_ever_called(target: Target, name: str, namespace: str) -> None:
    header = (
        f'<a:{name} xmlns:a="{namespace}"><a:Address>{target.hostile.url}/canary-reply</a:Address></a:{name}>'
        f'<a:MessageID xmlns:a="{namespace}">urn:uuid:1</a:MessageID>'
    )
    target.quiet(target.soap(envelope(order(), header=header)))
    assert target.hostile.asked("canary-reply") == []


def multipart(*parts: str, start: str = "<root>") -> tuple[str, str]:
    """The body and content type of a multipart message."""
    body = "".join(f"--x\r\n{part}\r\n" for part in parts) + "--x--\r\n"
    return body, f'multipart/related; boundary="x"; type="application/xop+xml"; start="{start}"; start-info="text/xml"'


ROOT = 'Content-Type: application/xop+xml; type="text/xml"; charset=utf-8\r\nContent-ID: <root>\r\n\r\n'
DATA = "Content-Type: application/octet-stream\r\nContent-ID: <{}>\r\n\r\nabc"
INCLUDE = '<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'

PACKAGES = {
    "a reference to a part that is missing": [ROOT + envelope(order(INCLUDE.format("gone")))],
    "two parts of one name": [ROOT + envelope(order(INCLUDE.format("a"))), DATA.format("a"), DATA.format("a")],
    "a quote in a name": [ROOT + envelope(order(INCLUDE.format("a'b"))), DATA.format("a'b\"c")],
    "ten thousand parts": [ROOT + envelope(order()), *(DATA.format(f"p{n}") for n in range(10_000))],
    "no root": [DATA.format("a")],
    "one part in a hundred places": [
        ROOT + envelope(order(INCLUDE.format("a") * 100)),
        DATA.format("a") + "x" * 200_000,
    ],
}


@pytest.mark.parametrize("kind", PACKAGES)
def test_an_attachment_package_that_does_not_hold_together_is_refused(target: Target, kind: str) -> None:
    body, media = multipart(*PACKAGES[kind])
    target.refused(lambda: target.soap(body, Content_Type=media), "attachments", "too-large")
