"""Quirk profiles in manifests: compiled, indexed by what a request shows, and refused where they are wrong."""

from __future__ import annotations

from catalogues import SYSTEM, compiled, problems, service

from registry.quirks import ProviderQuirks

OLD = """
kind: Consumer
name: old
credentials:
  - {kind: api-key, sha256: "%s"}
  - {kind: basic, username: pb, scrypt: "scrypt$2$1$1$aa$bb"}
quirks: {content_type: any, charset: GB18030, soap_action: ignore, namespace: mirror,
         fault_status: 200, bom: send, keep_alive: false,
         at: {addresses: ["10.20.0.0/24"], listeners: [xp], paths: [/HIS/]}}
""" % ("a" * 64)
NEW = """
kind: Consumer
name: new
"""


def test_a_profile_is_found_by_key_by_user_name_and_by_place() -> None:
    claims = compiled(OLD, NEW).snapshot.claims
    assert claims is not None
    quirks = claims.by_key["a" * 64].quirks
    assert quirks is not None
    assert (quirks.charset, quirks.fault_status, quirks.bom, quirks.keep_alive) == ("gb18030", 200, True, False)
    assert claims.by_user["pb"].name == "old"
    assert claims.at("::ffff:10.20.0.7", "xp", "/HIS/Service.asmx") is claims.by_user["pb"]
    for address, listener, path in (("10.20.1.7", "xp", "/HIS/"), ("10.20.0.7", "main", "/HIS/"), ("", "xp", "/HIS/")):
        assert claims.at(address, listener, path) is None
    assert claims.at("10.20.0.7", "xp", "/soap/his") is None


def test_a_catalogue_without_profiles_has_no_index_to_look_into() -> None:
    assert compiled(NEW).snapshot.claims is None


def test_a_user_name_that_two_profiles_share_claims_neither() -> None:
    twin = OLD.replace("name: old", "name: twin").replace("a" * 64, "b" * 64)
    claims = compiled(OLD, twin).snapshot.claims
    assert claims is not None
    assert claims.by_user == {}
    assert set(claims.by_key) == {"a" * 64, "b" * 64}


def test_what_is_wrong_with_a_profile_is_said_with_its_line() -> None:
    found = problems(OLD.replace("GB18030", "klingon").replace("10.20.0.0/24", "10.20.0.0/99"))
    assert [line.partition(" (")[0] for line in found] == [
        "m.yaml:6: unknown charset 'klingon'",
        "m.yaml:8: '10.20.0.0/99' is no address and no network",
    ]


def test_a_provider_s_profile_is_compiled_with_it() -> None:
    text = service("- name: A\n  soap: {element: '{urn:x}A'}\n  form: xml", protocol="soap11")
    text = text.replace(
        "{protocol: soap11,", "{quirks: {http: '1.0', keep_alive: false, charset: gbk}, protocol: soap11,"
    )
    provider = compiled(SYSTEM, text).snapshot.services["lis"].versions["1"].provider
    assert provider is not None
    assert provider.quirks == ProviderQuirks(charset="gbk", http10=True, keep_alive=False)
