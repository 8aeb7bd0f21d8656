"""Where RabbitMQ is: one node or the nodes of a cluster, the credential, the virtual host and the TLS between."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bus.errors import SettingsInvalid

_PORTS = {"amqp": 5672, "amqps": 5671}
_FORM = "broker: write amqp://user:password@host:5672/vhost, further nodes of a cluster as host1:5672,host2:5672"


@dataclass(frozen=True, slots=True)
class BrokerTls:
    """How TLS to the broker is checked: PEM files, and the name that its certificate must bear in the host's place.

    ``ca``: the authorities to trust in place of the system's. ``certificate`` and ``key``: what this client shows.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, the broker's certificate always checked. Raises SettingsInvalid, naming the setting."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise SettingsInvalid(f"broker_ca: {self.ca} cannot be used as PEM ({_reason(error)})") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except OSError as error:
                raise SettingsInvalid(
                    f"broker_certificate, broker_key: {self.certificate} and {self.key} do not make a pair of PEM files"
                    f" ({_reason(error)})"
                ) from error
        return context


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the broker."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """All nodes share the credential and the virtual host. ``tls`` is None for plain AMQP."""

    nodes: tuple[Node, ...]
    user: str
    password: str
    vhost: str
    tls: BrokerTls | None = None


def is_rabbitmq(address: str) -> bool:
    """Whether the setting ``broker`` names RabbitMQ."""
    return address.startswith(("amqp://", "amqps://"))


def read_broker(address: str, tls: BrokerTls | None = None) -> BrokerAddress:
    """Read ``amqp(s)://user:password@host:port,host:port/vhost``; percent escapes stand in every part but hosts.

    ``tls`` is for amqps alone. Raises SettingsInvalid, without the password in it.
    """
    tls = tls or BrokerTls()
    scheme, _, rest = address.partition("://")
    if scheme not in _PORTS or "?" in rest or "#" in rest:
        raise SettingsInvalid(f"{_FORM}; nothing follows the vhost")
    authority, _, vhost = rest.partition("/")
    credential, _, hosts = authority.rpartition("@")
    user, _, password = credential.partition(":")
    if user and not password:
        raise SettingsInvalid(f"{_FORM}; the user {unquote(user)!r} has no password there")
    nodes = tuple(_node(host.strip(), _PORTS[scheme]) for host in hosts.split(","))
    if len(set(nodes)) < len(nodes):
        raise SettingsInvalid("broker: names the same node twice")
    if (tls.certificate is None) is not (tls.key is None):
        raise SettingsInvalid("broker_certificate and broker_key belong together")
    if scheme == "amqp" and tls != BrokerTls():
        raise SettingsInvalid("broker: is plain amqp://, but broker_ca, broker_certificate, broker_key or "
                              "broker_server_name is set; write amqps:// or drop them")  # fmt: skip
    return BrokerAddress(
        nodes, unquote(user) or "guest", unquote(password) or "guest", unquote(vhost) or "/",
        tls if scheme == "amqps" else None,
    )  # fmt: skip


def _node(text: str, port: int) -> Node:
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname and not parts.path and "@" not in text:
            return Node(parts.hostname, parts.port or port)
    except ValueError:
        pass
    raise SettingsInvalid(f"{_FORM}; {text.rpartition('@')[2]!r} is not host:port")


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
