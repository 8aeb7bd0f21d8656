"""What one process of an installation may do, and which settings each of these roles can work with."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from bus.backbone.transports import open_transport
from bus.errors import SettingsInvalid
from bus.settings import Settings

#: gateway: the doors. console: the pages and the admin API. worker: deliveries, workflows and timers.
#: relay: carries letters from the outbox to the broker.
Role: TypeAlias = Literal["gateway", "console", "worker", "relay"]

ALL_ROLES: frozenset[Role] = frozenset(get_args(Role))

#: The roles that are served over HTTP; the others listen for probes alone.
HTTP_ROLES: frozenset[Role] = frozenset({"gateway", "console"})


def check_roles(settings: Settings, roles: frozenset[Role]) -> Settings:
    """Refuse settings with which a process of these roles cannot work, or which it would not heed. Answer them else.

    Raises SettingsInvalid.
    """
    name = ", ".join(sorted(roles))
    if roles != ALL_ROLES and not settings.database:
        raise SettingsInvalid(
            f"database: {name} alone shares its stores with other processes, which needs postgresql://…; on SQLite run"
            " all roles in one process: `meridian serve`"
        )
    if roles == {"relay"} and not open_transport(settings).keeps:
        raise SettingsInvalid(
            "broker: a relay carries letters to a broker that keeps them, which needs amqp://…; without one every"
            " worker fetches its own"
        )
    if roles & HTTP_ROLES:
        if settings.probe_port:
            raise SettingsInvalid(f"probe_port: {name} answers /healthz, /readyz and /metrics at port {settings.port}")
    elif settings.workers > 1:
        raise SettingsInvalid(f"workers: {name} is one process; start it as often as you want")
    if settings.listeners and "gateway" not in roles:
        raise SettingsInvalid(f"listeners: {name} opens no doors; only gateway and serve have listeners")
    if settings.drain_notice and "gateway" not in roles:
        raise SettingsInvalid(f"drain_notice: nobody sends calls to {name}; only gateway and serve give notice")
    return settings
