"""All settings in one frozen object, read once from ``meridian.toml`` and ``MERIDIAN_*`` (the environment wins)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from bus.backbone.broker_address import BrokerAddress, BrokerTls, is_rabbitmq, read_broker
from bus.errors import SettingsInvalid as SettingsInvalid
from bus.listeners import Listener, check_listeners, read_listeners


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation decides. Times are seconds, sizes bytes."""

    data: Path = Path("data")
    """Folder of the embedded stores: registry, state, journal partitions, the console's secret."""
    catalogue: Path | None = None
    """Folder of manifests applied at the first start; None for the hospital that ships with the project."""
    host: str = "127.0.0.1"
    port: int = 8080
    tls_certificate: Path | None = None
    """PEM files of the main listener: its chain and (``tls_key``) its key; none for plain HTTP. TLS 1.2 and newer."""
    tls_key: Path | None = None
    listeners: tuple[Listener, ...] = ()
    """Further listeners, each with its own TLS level (``bus/listeners.py``)."""
    public_url: str = ""
    """The address callers use, written into every published WSDL; empty for ``http://host:port``."""
    workers: int = 1
    """Granian worker processes. More than one needs ``database`` to be PostgreSQL."""
    database: str = ""
    """``postgresql://…`` for journal, state and registry; empty for SQLite files in ``data``."""
    broker: str = "embedded"
    """``embedded``, or the ``amqp(s)://`` address of RabbitMQ's nodes, or any other kombu transport's address."""
    broker_ca: Path | None = None
    """PEM of the authorities to trust for ``amqps://``; None for the system's."""
    broker_certificate: Path | None = None
    """PEM files that the bus shows to RabbitMQ: its chain and (``broker_key``) its key."""
    broker_key: Path | None = None
    broker_server_name: str = ""
    """The name RabbitMQ's certificate must bear, where it is not the host's in ``broker``."""
    broker_management: str = ""
    """``http(s)://user:password@host:15672`` of RabbitMQ's management API, for ``meridian backbone check``."""
    max_body: int = 4 * 1024 * 1024
    body_timeout: float = 15.0
    max_reply: int = 32 * 1024 * 1024
    commit_window: float = 0.008
    """How long the journal gathers records for one commit at the most: under load, and hardly for a lone caller."""
    max_attachments: int = 256 * 1024 * 1024
    """The attachments of one message together, where they stream through; a manifest may say otherwise."""
    journal_days: int = 30
    """Partitions older than this are dropped."""
    workflow_days: int = 90
    """Ended workflow instances, and events, are dropped when they are older than this; 0 keeps them."""
    worker_concurrency: int = 32
    """Letters of one queue that a worker has in hand at once; as many again wait in it."""
    max_backlog: int = 100_000
    """Accepted messages that may be unfinished; more are refused with 503 until there is room. 0 for no limit."""
    min_free_disk: int = 256 * 1024 * 1024
    """Free space in ``data`` below which nothing new is accepted for later, and no write. 0 for no limit."""
    max_memory: int = 0
    """Memory of one process above which the same holds; 0 for nine tenths of its container's, where there is one."""
    drain: float = 10.0
    """How long a stopping process waits for exchanges under way."""
    drain_notice: float = 0.0
    """How long a gateway that was told to stop goes on serving while ``/readyz`` says 503 to load balancers."""
    probe_port: int = 0
    """Where a worker or relay of its own answers ``/healthz``, ``/readyz`` and ``/metrics``; 0: nowhere."""
    log_level: str = "info"
    timezone: str = "Asia/Shanghai"
    """The hospital's time zone, for pages and reports; stores keep UTC."""

    def broker_address(self) -> BrokerAddress:
        """Where RabbitMQ is. Raises SettingsInvalid, which names the setting; also for files of no use."""
        tls = BrokerTls(self.broker_ca, self.broker_certificate, self.broker_key, self.broker_server_name)
        address = read_broker(self.broker, tls)
        if address.tls is not None:
            address.tls.context()
        return address

    @property
    def base_url(self) -> str:
        """The public address without a trailing slash."""
        scheme = "https" if self.tls_certificate else "http"
        return (self.public_url or f"{scheme}://{self.host}:{self.port}").rstrip("/")


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read ``path`` (default: ``$MERIDIAN_CONFIG``, or ``meridian.toml`` if there is one), then the environment.

    Raises SettingsInvalid for an unreadable file, an unknown key, a wrong type, or settings that contradict.
    """
    source = path or (Path(environ["MERIDIAN_CONFIG"]) if environ.get("MERIDIAN_CONFIG") else None)
    given: dict[str, tuple[Any, str]] = {}
    if source is None and Path("meridian.toml").is_file():
        source = Path("meridian.toml")
    if source is not None:
        given |= {key: (value, str(source)) for key, value in _read(source).items()}
    known = get_type_hints(Settings)
    names = {field.name for field in fields(Settings)}
    for key in names:
        variable = f"MERIDIAN_{key.upper()}"
        if variable in environ:
            given[key] = (environ[variable], variable)
    unknown = sorted(set(given) - names)
    if unknown:
        raise SettingsInvalid(
            f"{given[unknown[0]][1]}: unknown setting {unknown[0]!r}; known: {', '.join(sorted(names))}"
        )
    values = {key: _convert(key, value, known[key], where) for key, (value, where) in given.items()}
    return check(replace(Settings(), **values))


def check(settings: Settings) -> Settings:
    """Refuse settings that contradict each other; answer them otherwise."""
    if settings.workers < 1:
        raise SettingsInvalid("workers: must be at least 1")
    if settings.worker_concurrency < 1:
        raise SettingsInvalid("worker_concurrency: must be at least 1")
    for name in ("max_backlog", "min_free_disk", "max_memory"):
        if getattr(settings, name) < 0:
            raise SettingsInvalid(f"{name}: must be 0 (no limit) or more")
    if (settings.tls_certificate is None) is not (settings.tls_key is None):
        raise SettingsInvalid("tls_certificate and tls_key belong together")
    if settings.drain_notice < 0:
        raise SettingsInvalid("drain_notice: must be 0 or more seconds")
    if not 0 <= settings.probe_port < 65536:
        raise SettingsInvalid("probe_port: must be 0 (no probes) or a port up to 65535")
    check_listeners(settings.listeners, (settings.host, settings.port))
    if settings.database and not settings.database.startswith(("postgresql://", "postgres://")):
        raise SettingsInvalid("database: must be a postgresql:// address, or empty for SQLite")
    if is_rabbitmq(settings.broker):
        settings.broker_address()
    if settings.broker_management and not settings.broker_management.startswith(("http://", "https://")):
        raise SettingsInvalid("broker_management: write http://user:password@host:15672")
    if settings.workers > 1 and not settings.database:
        raise SettingsInvalid("workers: more than one process needs database = postgresql://… (SQLite has one writer)")
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path}: not TOML: {error}") from error


def _convert(key: str, value: Any, kind: Any, where: str) -> Any:
    try:
        if key == "listeners":
            return read_listeners(value, where)
        if kind is int:
            return int(value)
        if kind is float:
            return float(value)
        if kind in (Path, Path | None):
            return Path(value)
        return str(value)
    except (TypeError, ValueError) as error:
        raise SettingsInvalid(
            f"{where}: {key} must be {getattr(kind, '__name__', kind)}, got {type(value).__name__}"
        ) from error
