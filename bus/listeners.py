"""Further listeners beside the main one: each with an address and a TLS level of its own.

Callers that know nothing newer than TLS 1.0 get a listener to themselves, so that nobody else's connection is
weakened for them. A listener serves the doors and the contracts, never the console.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from bus.errors import SettingsInvalid

#: Of the main listener, which is ``host`` and ``port`` of the settings.
MAIN = "main"

#: Bytes of a request's headers that a server reads, over HTTP/2 and at a further listener. More than the doors take:
#: what is too long shall reach them, to be refused in the caller's protocol and put on record.
MOST_HEADERS = 256 * 1024

_LEVELS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD = ("1.0", "1.1")
#: OpenSSL 3 signs handshakes below TLS 1.2 with SHA-1, which only security level 0 allows.
_OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener. Without a ``certificate`` (PEM, the chain below it) and its ``key`` it speaks plain HTTP.

    ``tls_min`` is the oldest version of TLS it takes, ``ciphers`` an OpenSSL cipher list for TLS up to 1.2.
    With ``client_ca`` (PEM) callers show certificates of that authority, which are ``required`` or ``optional``.
    """

    name: str
    port: int
    host: str = "127.0.0.1"
    certificate: str = ""
    key: str = ""
    tls_min: str = "1.2"
    ciphers: str = ""
    client_ca: str = ""
    client_certificates: str = "required"

    def context(self) -> ssl.SSLContext | None:
        """The TLS of this listener; None for plain HTTP. Raises SettingsInvalid for files or ciphers of no use."""
        if not self.certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        # The constants of TLS 1.0 and 1.1 are marked as deprecated; by value they are not.
        context.minimum_version = _LEVELS[self.tls_min]
        try:
            if ciphers := self.ciphers or (_OLD_CIPHERS if self.tls_min in _OLD else ""):
                context.set_ciphers(ciphers)
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca:
                context.load_verify_locations(self.client_ca)
                required = self.client_certificates == "required"
                context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsInvalid(
                f"listener {self.name}: its TLS files or ciphers cannot be used ({reason})"
            ) from error
        return context


def read_listeners(given: Any, where: str) -> tuple[Listener, ...]:
    """The listeners of a settings file (a list of tables), or of the environment (the same as JSON).

    Raises SettingsInvalid, naming the listener and the key.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given) if given else []
        except ValueError as error:
            raise SettingsInvalid(f"{where}: listeners is not JSON") from error
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise SettingsInvalid(f"{where}: listeners must be a list of tables")
    return tuple(_read(each, where) for each in given)


def written(listeners: Sequence[Listener]) -> str:
    """The listeners as ``read_listeners`` reads them from the environment."""
    return json.dumps([asdict(each) for each in listeners])


def check_listeners(listeners: Sequence[Listener], main: tuple[str, int]) -> None:
    """Refuse listeners that contradict each other or the main one. Raises SettingsInvalid."""
    names, places = {MAIN}, {main}
    for each in listeners:
        if each.name in names:
            raise SettingsInvalid(f"listener {each.name}: the name is taken; give every listener its own")
        if (each.host, each.port) in places:
            raise SettingsInvalid(f"listener {each.name}: another one is at {each.host}:{each.port}")
        if bool(each.certificate) != bool(each.key):
            raise SettingsInvalid(f"listener {each.name}: certificate and key belong together")
        if not each.certificate and (each.ciphers or each.client_ca or each.tls_min != "1.2"):
            raise SettingsInvalid(f"listener {each.name}: tls_min, ciphers and client_ca need a certificate and key")
        names.add(each.name)
        places.add((each.host, each.port))


def _read(table: Mapping[str, Any], where: str) -> Listener:
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise SettingsInvalid(f"{where}: every listener needs a name")
    known = {field.name for field in fields(Listener)}
    for key, value in table.items():
        if key not in known:
            raise SettingsInvalid(f"{where}: listener {name}: unknown key {key!r}; known: {', '.join(sorted(known))}")
        if not isinstance(value, int if key == "port" else str):
            raise SettingsInvalid(f"{where}: listener {name}: {key} must be {'a number' if key == 'port' else 'text'}")
    if "port" not in table:
        raise SettingsInvalid(f"{where}: listener {name}: needs a port")
    listener = Listener(**table)
    if listener.tls_min not in _LEVELS:
        raise SettingsInvalid(f"{where}: listener {name}: tls_min must be one of {', '.join(_LEVELS)}")
    if listener.client_certificates not in ("required", "optional"):
        raise SettingsInvalid(f"{where}: listener {name}: client_certificates must be required or optional")
    return listener
