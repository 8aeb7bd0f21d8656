"""Listeners in settings: read from file and environment alike, and refused where they contradict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import SettingsInvalid
from bus.listeners import Listener, written
from bus.settings import Settings, check, load

FILE = """
[[listeners]]
name = "xp"
port = 8443
certificate = "a.pem"
key = "a.key"
tls_min = "1.0"

[[listeners]]
name = "side"
port = 8081
"""


def test_listeners_are_the_same_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "meridian.toml").write_text(FILE)
    found = load(tmp_path / "meridian.toml", {}).listeners
    assert found == (Listener("xp", 8443, certificate="a.pem", key="a.key", tls_min="1.0"), Listener("side", 8081))
    assert load(None, {"MERIDIAN_LISTENERS": written(found)}).listeners == found
    assert load(None, {"MERIDIAN_LISTENERS": ""}).listeners == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{", "not JSON"),
        ("{}", "must be a list of tables"),
        ('[{"port": 1}]', "every listener needs a name"),
        ('[{"name": "a"}]', "listener a: needs a port"),
        ('[{"name": "a", "port": "1"}]', "listener a: port must be a number"),
        ('[{"name": "a", "port": 1, "cert": "x"}]', "listener a: unknown key 'cert'"),
        ('[{"name": "a", "port": 1, "tls_min": "0.9"}]', "tls_min must be one of 1.0, 1.1, 1.2, 1.3"),
        ('[{"name": "a", "port": 1, "client_certificates": "no"}]', "client_certificates must be required or optional"),
        ('[{"name": "main", "port": 1}]', "the name is taken"),
        ('[{"name": "a", "port": 8080}]', "another one is at 127.0.0.1:8080"),
        ('[{"name": "a", "port": 1, "key": "x"}]', "certificate and key belong together"),
        ('[{"name": "a", "port": 1, "tls_min": "1.0"}]', "need a certificate and key"),
    ],
)
def test_a_listener_that_cannot_be_is_refused_with_its_name(given: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        load(None, {"MERIDIAN_LISTENERS": given})


def test_files_that_are_not_there_stop_the_start_and_name_the_listener() -> None:
    with pytest.raises(SettingsInvalid, match="listener a: its TLS files or ciphers cannot be used"):
        Listener("a", 1, certificate="/nowhere.pem", key="/nowhere.key").context()
    assert Listener("a", 1).context() is None


def test_a_certificate_of_the_main_listener_needs_its_key_and_makes_its_address_https() -> None:
    with pytest.raises(SettingsInvalid, match="belong together"):
        check(replace(Settings(), tls_certificate=Path("a.pem")))
    both = check(replace(Settings(), tls_certificate=Path("a.pem"), tls_key=Path("a.key")))
    assert both.base_url == "https://127.0.0.1:8080"
