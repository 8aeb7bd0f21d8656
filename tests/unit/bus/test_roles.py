"""Which settings a process of a role can work with, and what it is told otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.errors import SettingsInvalid
from bus.listeners import Listener
from bus.roles import ALL_ROLES, Role, check_roles
from bus.settings import Settings, check

SHARED = Settings(database="postgresql://bus@db/bus", broker="amqp://bus:secret@broker/bus")


def test_one_process_of_all_roles_needs_no_database_and_no_broker(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert check_roles(settings, ALL_ROLES) is settings


@pytest.mark.parametrize("role", sorted(ALL_ROLES))
def test_a_role_of_its_own_is_refused_on_sqlite_and_told_what_to_do(role: Role) -> None:
    with pytest.raises(SettingsInvalid, match=rf"database: {role} alone .* `meridian serve`"):
        check_roles(Settings(broker=SHARED.broker), frozenset({role}))


def test_a_relay_is_refused_without_a_broker_that_keeps_letters() -> None:
    with pytest.raises(SettingsInvalid, match="broker: a relay carries letters to a broker that keeps them"):
        check_roles(replace(SHARED, broker="embedded"), frozenset({"relay"}))


def test_without_such_a_broker_workers_and_gateways_share_postgresql_alone() -> None:
    for role in ("gateway", "worker", "console"):
        check_roles(replace(SHARED, broker="embedded"), frozenset({role}))


@pytest.mark.parametrize(
    ("role", "changes", "told"),
    [
        ("gateway", {"probe_port": 9000}, "probe_port: gateway answers /healthz, /readyz and /metrics at port 8080"),
        ("worker", {"workers": 4}, "workers: worker is one process; start it as often as you want"),
        ("relay", {"workers": 2}, "workers: relay is one process"),
        ("console", {"listeners": (Listener("xp", port=1),)}, "listeners: console opens no doors"),
        ("worker", {"drain_notice": 5.0}, "drain_notice: nobody sends calls to worker"),
    ],
)
def test_a_setting_that_a_role_would_not_heed_is_refused(role: Role, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told):
        check_roles(replace(SHARED, **changes), frozenset({role}))


@pytest.mark.parametrize("changes", [{"drain_notice": -1.0}, {"probe_port": 65536}, {"probe_port": -1}])
def test_numbers_that_mean_nothing_are_refused_for_every_role(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match=f"{next(iter(changes))}: must be 0"):
        check(replace(SHARED, **changes))
