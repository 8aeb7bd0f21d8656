"""The setting ``broker``: every form that is meant is read, everything else is refused with the setting's name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.backbone.broker_address import BrokerTls, Node, read_broker
from bus.errors import SettingsInvalid
from bus.settings import load


def test_several_nodes_share_a_credential_and_a_vhost() -> None:
    address = read_broker("amqp://bus:s%40fe@one:5672,two,[::1]:5673/hospital%2Fa")
    assert address.nodes == (Node("one", 5672), Node("two", 5672), Node("::1", 5673))
    assert (address.user, address.password, address.vhost, address.tls) == ("bus", "s@fe", "hospital/a", None)


@pytest.mark.parametrize("text", ["amqp://h", "amqp://h/", "amqp://guest:guest@h:5672/%2F"])
def test_what_is_left_out_is_rabbitmqs_own_default(text: str) -> None:
    address = read_broker(text)
    assert (address.user, address.password, address.vhost) == ("guest", "guest", "/")
    assert [str(node) for node in address.nodes] == ["h:5672"]


def test_tls_has_its_own_port_and_checks_certificates_by_default() -> None:
    address = read_broker("amqps://h")
    assert address.nodes == (Node("h", 5671),)
    assert address.tls is not None
    assert address.tls.context().check_hostname


_SECRET = "kept-secret"


@pytest.mark.parametrize(
    "text",
    [
        f"amqp://bus:{_SECRET}@",
        f"amqp://bus:{_SECRET}@one,,two",
        f"amqp://bus:{_SECRET}@one:port",
        f"amqp://bus:{_SECRET}@one:99999",
        f"amqp://bus:{_SECRET}@one,one",
        f"amqp://bus:{_SECRET}@one/vhost?heartbeat=2",
        f"http://bus:{_SECRET}@one",
        "amqp://bus@one",
        "amqp://bus:@one",
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_broker(text)
    assert str(caught.value).startswith("broker: ")
    assert _SECRET not in str(caught.value)


@given(st.text(), st.text(), st.text())
def test_any_credential_and_vhost_survive_percent_escapes(user: str, password: str, vhost: str) -> None:
    if any("\ud800" <= sign <= "\udfff" for sign in user + password + vhost):
        return
    quoted = [quote(part, safe="") for part in (user, password, vhost)]
    text = "amqp://{}:{}@h/{}".format(*quoted)
    if user and not password:
        with pytest.raises(SettingsInvalid, match=r"^broker: .* has no password"):
            read_broker(text)
        return
    address = read_broker(text)
    assert (address.user, address.password, address.vhost) == (user or "guest", password or "guest", vhost or "/")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"MERIDIAN_BROKER": "amqp://h:x"}, "broker: "),
        ({"MERIDIAN_BROKER": "amqp://user@h"}, "broker: .*the user 'user' has no password"),
        ({"MERIDIAN_BROKER": "amqp://h", "MERIDIAN_BROKER_CA": "/ca.pem"}, "broker_ca"),
        ({"MERIDIAN_BROKER": "amqps://h", "MERIDIAN_BROKER_CA": "/nowhere.pem"}, "broker_ca: /nowhere.pem"),
        ({"MERIDIAN_BROKER": "amqps://h", "MERIDIAN_BROKER_KEY": "/key.pem"}, "broker_certificate and broker_key"),
        ({"MERIDIAN_BROKER_MANAGEMENT": "localhost:15672"}, "broker_management: "),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_load_and_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        load(environ=environ)


def test_a_certificate_of_no_use_is_named_with_its_files(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    with pytest.raises(SettingsInvalid, match=r"broker_certificate, broker_key: .*broken\.pem"):
        BrokerTls(certificate=broken, key=broken).context()
    with pytest.raises(SettingsInvalid, match=r"broker_ca: .*broken\.pem"):
        BrokerTls(ca=broken).context()
