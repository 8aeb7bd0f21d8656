"""WS-Security and WS-Addressing in manifests: what compiles, and what is refused with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from catalogues import SYSTEM, compiled, problems, service
from certificates import identity

HIS, BUS = identity("his"), identity("bus")
FILES = {"his.pem": HIS.certificate.pem, "bus.pem": BUS.certificate.pem, "odd.pem": b"odd"}
KEY = BUS.pem.decode()


def consumer(credential: str, more: str = "") -> str:
    return f"kind: Consumer\nname: his\ncredentials:\n  - {credential}\n{more}"


def secured(security: str, operation: str = "name: Order") -> str:
    return service(f"- {{{operation}}}", head=f"security: {security}")


def provider(auth: str, protocol: str = "soap11", more: str = "") -> str:
    return f"""
kind: Service
name: lis
system: lis
versions:
  - version: "1"
    provider: {{protocol: {protocol}, auth: {auth}, endpoints: [{{url: "http://lis.example/"}}]{more}}}
    operations:
      - {{name: Order, form: xml, soap: {{element: "{{urn:l}}Order"}}}}
"""


def test_a_consumer_is_known_by_a_file_a_variable_or_a_fingerprint(tmp_path: Path) -> None:
    where = tmp_path / "his.pem"
    where.write_bytes(HIS.certificate.pem)
    for credential in (
        "{kind: x509, certificate: his.pem}",
        '{kind: x509, certificate: "${HIS_CERTIFICATE}"}',
        f"{{kind: x509, certificate: {where}}}",
        f'{{kind: x509, sha256: "{HIS.certificate.sha256}"}}',
    ):
        snapshot = compiled(
            SYSTEM, consumer(credential), files=FILES, HIS_CERTIFICATE=HIS.certificate.pem.decode()
        ).snapshot
        pin = snapshot.consumers["his"].credentials[0].pin
        assert pin is not None
        assert pin.sha256 == HIS.certificate.sha256
        assert snapshot.pins


@pytest.mark.parametrize(
    ("credential", "says"),
    [
        ("{kind: x509}", "certificate"),
        ("{kind: x509, certificate: none.pem}", "no file none.pem"),
        ("{kind: x509, certificate: odd.pem}", "not an X.509 certificate"),
        ("{kind: x509, certificate: /nowhere/his.pem}", "cannot be read"),
        ('{kind: x509, certificate: "${HIS_CERTIFICATE}"}', "HIS_CERTIFICATE"),
        ("{kind: x509, certificate: his.pem, username: x}", "not allowed"),
    ],
)
def test_a_certificate_that_cannot_be_pinned_is_a_problem_with_its_line(credential: str, says: str) -> None:
    (problem, *_) = problems(SYSTEM, consumer(credential), files=FILES)
    assert says in problem
    assert problem.partition(" ")[0].count(":") == 2


def test_a_service_signs_and_decrypts_with_a_key_from_outside_the_catalogue(tmp_path: Path) -> None:
    where = tmp_path / "bus.key"
    where.write_text(KEY)
    for key in ('"${BUS_KEY}"', str(where)):
        manifest = secured(f"{{key: {key}, certificate: bus.pem, give: [signature], require: [signature, encryption]}}")
        version = compiled(SYSTEM, manifest, files=FILES, BUS_KEY=KEY).snapshot.services["lis"].versions["1"]
        assert version.security is not None
        assert version.security.identity is not None
        assert "PRIVATE" not in repr(version.security)
        assert version.operations["Order"].require == {"signature", "encryption"}


def test_an_operation_may_ask_for_more_or_less_than_its_version() -> None:
    manifest = secured("{require: [signature]}", "name: Order, require: []")
    assert compiled(SYSTEM, manifest).snapshot.services["lis"].versions["1"].operations["Order"].require == frozenset()


@pytest.mark.parametrize(
    ("security", "says"),
    [
        ("{require: [encryption]}", "decrypted without a key"),
        ("{give: [signature]}", "without a key"),
        ('{key: "${BUS_KEY}", certificate: bus.pem, give: [encryption]}', "proves nothing"),
        ('{key: "${BUS_KEY}", certificate: his.pem}', "does not belong"),
        ('{key: "${NOTHING}", certificate: bus.pem}', "NOTHING"),
        ("{key: bus.pem, certificate: bus.pem}", "private key"),
        ('{key: "${BUS_KEY}"}', "certificate"),
    ],
)
def test_a_security_that_cannot_work_is_refused(security: str, says: str) -> None:
    found = problems(SYSTEM, secured(security), files=FILES, BUS_KEY=KEY)
    assert found
    assert says in found[0]


def test_an_operation_cannot_want_encryption_where_nobody_can_decrypt() -> None:
    (problem,) = problems(SYSTEM, secured("{require: [signature]}", "name: Order, require: [encryption]"))
    assert "decrypted without a key" in problem


def test_a_provider_is_signed_for_and_its_replies_verified_by_its_certificate() -> None:
    auth = '{kind: wss-x509, key: "${BUS_KEY}", certificate: bus.pem, peer: his.pem, give: [signature, encryption]}'
    made = compiled(SYSTEM, provider(auth, more=", addressing: true"), files=FILES, BUS_KEY=KEY).snapshot
    found = made.services["lis"].versions["1"].provider
    assert found is not None
    assert found.addressing
    assert found.auth.security is not None
    assert found.auth.security.require == {"signature"}
    assert found.auth.security.give == {"signature", "encryption"}


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("give: [signature, encryption]", "the provider's certificate is needed"),
        ("require: [signature]", "the provider's certificate is needed"),
        ("peer: his.pem, require: [encryption]", "proves nothing"),
        ("peer: odd.pem", "not an X.509 certificate"),
    ],
)
def test_a_providers_security_that_cannot_work_is_refused(rest: str, says: str) -> None:
    auth = f'{{kind: wss-x509, key: "${{BUS_KEY}}", certificate: bus.pem, {rest}}}'
    assert says in problems(SYSTEM, provider(auth), files=FILES, BUS_KEY=KEY)[0]


def test_soap_security_is_not_for_rest_providers() -> None:
    auth = '{kind: wss-x509, key: "${BUS_KEY}", certificate: bus.pem}'
    assert "SOAP providers" in problems(SYSTEM, provider(auth, "rest"), files=FILES, BUS_KEY=KEY)[0]


def test_a_bus_without_the_extra_refuses_what_needs_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("xmlsec", "transformers.ws_message", "transformers.ws_signature"):
        monkeypatch.setitem(sys.modules, name, None)
    (problem,) = problems(SYSTEM, consumer("{kind: x509, certificate: his.pem}"), files=FILES)
    assert "pip install 'meridian-bus[wssec]'" in problem
    assert not problems(SYSTEM, consumer('{kind: username-token, username: his, secret: "${SECRET}"}'), SECRET="s")


@pytest.mark.parametrize("address", ["his.example/cb", "ftp://his.example/cb", "http://his.example", "http://u@h/cb"])
def test_a_reply_address_on_the_list_names_scheme_host_and_path(address: str) -> None:
    credential = '{kind: api-key, sha256: "' + "0" * 64 + '"}'
    assert problems(SYSTEM, consumer(credential, f'reply_to: ["{address}"]\n'))
    assert not problems(SYSTEM, consumer(credential, 'reply_to: ["http://his.example/cb"]\n'))
