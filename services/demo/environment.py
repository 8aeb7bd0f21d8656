"""The secrets and addresses of one demo: made up at random, given to the processes, forgotten at the end."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

#: Every secret that the shipped manifests name, by the system that holds its other half.
SECRETS = {
    "his": ("HIS_PASSWORD", "HIS_BUS_PASSWORD"),
    "emr": ("EMR_TOKEN",),
    "lis": ("LIS_PASSWORD", "LIS_BUS_PASSWORD"),
    "pacs": ("RIS_PASSWORD", "RIS_BUS_KEY", "PACS_PASSWORD", "PACS_USERNAME"),
    "insurance": ("INSURANCE_PAASID",),
    "pharmacy": ("PHARMACY_KEY",),
    "app": ("APP_TOKEN", "APP_BUS_KEY"),
    "kiosk": ("KIOSK_API_KEY",),
    "workstation": ("WORKSTATION_PASSWORD",),
}

#: The addresses that the shipped manifests name, by system.
ADDRESSES = {
    "his": ("HIS_URL",),
    "emr": ("EMR_URL",),
    "lis": ("LIS_URL",),
    "pacs": ("RIS_URL", "PACS_URL"),
    "insurance": ("INSURANCE_URL",),
    "pharmacy": ("PHARMACY_URL",),
    "app": ("APP_URL",),
}


@dataclass(frozen=True, slots=True)
class Switches:
    """What goes wrong in the simulated systems, as arguments of each."""

    arguments: Mapping[str, tuple[str, ...]]


#: The LIS hangs for a while, every seventh settlement is answered too late, every ninth prescription is refused.
FAULTS = Switches(
    {
        "lis": ("--hang-after", "3", "--hang-for", "8"),
        "insurance": ("--late-every", "7", "--late-by", "5"),
        "pharmacy": ("--refuse-every", "9"),
    }
)
NO_FAULTS = Switches({})


def make_secrets() -> dict[str, str]:
    """Answer a random value for every secret; the bus's login name at the PACS is a fixed one."""
    made = {name: secrets.token_urlsafe(24) for names in SECRETS.values() for name in names}
    return made | {"PACS_USERNAME": "meridian"}


def secrets_of(system: str, made: Mapping[str, str]) -> dict[str, str]:
    """Answer those secrets that this system holds the other half of."""
    return {name: made[name] for name in SECRETS[system]}


def addresses(ports: Mapping[str, int]) -> dict[str, str]:
    """Answer the address variables of the systems that listen on these ports."""
    return {name: f"http://127.0.0.1:{port}" for system, port in ports.items() for name in ADDRESSES[system]}


def free_port() -> int:
    """Answer a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
