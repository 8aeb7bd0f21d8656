"""Which consumer a request claims to be from, before it is decoded: whose quirk profile to read it by.

A claim is a hint for reading and proves nothing: authentication does that, and a message that could only be read
by another consumer's profile is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from registry.quirks import Quirks

if TYPE_CHECKING:
    from registry.model import Consumer


@dataclass(frozen=True, slots=True)
class Claims:
    """The consumers with a profile, by what a request shows of them before its body is read.

    ``by_key`` has the SHA-256 (hex) of API keys, ``by_user`` the user names of HTTP Basic.
    """

    by_key: Mapping[str, Consumer] = field(default_factory=dict)
    by_user: Mapping[str, Consumer] = field(default_factory=dict)
    placed: tuple[Consumer, ...] = ()

    def at(self, address: str, listener: str, path: str) -> Consumer | None:
        """The one consumer whose place fits; None for none, and for several, since nobody may guess."""
        host = _address(address)
        fitting = [each for each in self.placed if _fits(each.quirks, host, listener, path)]
        return fitting[0] if len(fitting) == 1 else None


def claims_of(consumers: Iterable[Consumer]) -> Claims | None:
    """The index of all profiles; None where no consumer has one, so that nobody pays for looking."""
    quirky = [each for each in consumers if each.quirks is not None]
    if not quirky:
        return None
    keys = [(credential.sha256, each) for each in quirky for credential in each.credentials]
    users = [
        (credential.username, each) for each in quirky for credential in each.credentials if credential.kind == "basic"
    ]
    return Claims(
        by_key={key: each for key, each in keys if key},
        by_user={user: each for user, each in users if len({who.name for name, who in users if name == user}) == 1},
        placed=tuple(each for each in quirky if each.quirks is not None and each.quirks.place is not None),
    )


def _fits(quirks: Quirks | None, host: IPv4Address | IPv6Address | None, listener: str, path: str) -> bool:
    place = quirks.place if quirks is not None else None
    if place is None:
        return False
    if place.networks and not (host and any(host in network for network in place.networks)):
        return False
    if place.listeners and listener not in place.listeners:
        return False
    return not place.paths or path.startswith(place.paths)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A socket that takes both families shows an IPv4 caller as ::ffff:10.20.0.7 (RFC 4291 §2.5.5.2).
    return getattr(found, "ipv4_mapped", None) or found
