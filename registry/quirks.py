"""How a consumer or a provider departs from the standards, and is served all the same, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller is recognised that cannot be by its HTTP headers; whatever is given must fit.

    ``networks`` hold its address, ``listeners`` are names from the settings, ``paths`` begin the URL's path.
    """

    networks: tuple[Network, ...] = ()
    listeners: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quirks:
    """A consumer's quirk profile.

    ``content_type`` ``any``: the body says what it is, whatever its header does. ``charset``: the codec it
    writes and reads, whatever it declares. ``soap_action`` ``ignore``: the Body alone decides. ``namespace``
    ``tolerant``: its elements are brought to the contract's namespaces; ``mirror``: and replies to its own.
    ``fault_status``: the HTTP status of every fault (0: as the standards say). ``bom``: replies in UTF-8 begin
    with a byte order mark. ``keep_alive`` false: every connection is closed after its answer.
    """

    content_type: Literal["", "any"] = ""
    charset: str = ""
    soap_action: Literal["", "ignore"] = ""
    namespace: Literal["", "tolerant", "mirror"] = ""
    fault_status: int = 0
    bom: bool = False
    keep_alive: bool = True
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ProviderQuirks:
    """A provider's quirk profile.

    ``content_type`` ``any``: a reply is read as what it is, whatever its header says. ``charset``: the codec of
    its replies, whatever they declare. ``soap_action`` ``unquoted``: the header goes without quotation marks.
    ``namespace`` ``tolerant``: its reply is brought to the contract's namespaces. ``http10``: it is asked in
    HTTP/1.0. ``keep_alive`` false: every connection is closed after its answer.
    """

    content_type: Literal["", "any"] = ""
    charset: str = ""
    soap_action: Literal["", "unquoted"] = ""
    namespace: Literal["", "tolerant"] = ""
    http10: bool = False
    keep_alive: bool = True
