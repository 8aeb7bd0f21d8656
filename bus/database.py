"""Asks PostgreSQL whether the setting ``database`` can be used, and says in one line why not."""

from __future__ import annotations

import socket

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bus.errors import SettingsInvalid, StateUnavailable

#: The oldest server that the bus is tested to work with, as the number that PostgreSQL itself uses.
OLDEST = 130_000
_TIMEOUT = 5


def check_database(url: str) -> None:
    """Connect once. Raises SettingsInvalid for what waiting does not heal, StateUnavailable for a server that is away.

    The texts name the setting and never hold the password.
    """
    try:
        given = conninfo_to_dict(url, connect_timeout=_TIMEOUT)
    except psycopg.ProgrammingError as error:
        raise SettingsInvalid("database: write postgresql://user:password@host:5432/name") from error
    host, port = str(given.get("host") or "localhost"), str(given.get("port") or 5432)
    at = f"PostgreSQL at {host}:{port}"
    if "," not in host and not host.startswith("/"):
        _knock(host, port, at)
    try:
        with psycopg.connect(url, connect_timeout=_TIMEOUT) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        user, name = given.get("user", ""), given.get("dbname") or given.get("user", "")
        raise _explained(str(error), at, str(user), str(name)) from error
    if version < OLDEST:
        raise SettingsInvalid(
            f"database: {at} is version {version // 10_000}, the bus needs {OLDEST // 10_000} or newer; upgrade it"
        )


def _knock(host: str, port: str, at: str) -> None:
    """Tell a host or port that is wrong from a database that refuses, in words of our own."""
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except socket.gaierror as error:
        raise StateUnavailable(f"database: the host name {host!r} is not known here; check it, or the DNS") from error
    except ConnectionRefusedError as error:
        raise StateUnavailable(
            f"database: {at} cannot be reached: the port is closed; start it, or correct it"
        ) from error
    except OSError as error:
        raise StateUnavailable(
            f"database: {at} cannot be reached ({type(error).__name__}); check the network"
        ) from error


def _explained(told: str, at: str, user: str, name: str) -> SettingsInvalid | StateUnavailable:
    """The server's own refusal is its line that begins with FATAL, in whatever language it speaks."""
    refusal = next((line.partition("FATAL:")[2].strip() for line in told.splitlines() if "FATAL:" in line), "")
    if "password" in refusal or ("role" in refusal and "does not exist" in refusal):
        return SettingsInvalid(
            f"database: {at} refuses the user {user!r} or its password; correct them in this setting"
        )
    if "database" in refusal and "does not exist" in refusal:
        return SettingsInvalid(f"database: {at} has no database {name!r}; correct the name, or create it (createdb)")
    if "starting up" in refusal or "shutting down" in refusal or "too many" in refusal or "recovery" in refusal:
        return StateUnavailable(f"database: {at} takes nobody now: {refusal}")
    if refusal:
        return SettingsInvalid(f"database: {at} refuses: {refusal}")
    if "timeout" in told:
        return StateUnavailable(f"database: {at} takes connections and does not answer; is it PostgreSQL, and alive?")
    if "SSL" in told and "not support" in told:
        return SettingsInvalid(f"database: {at} does not speak TLS, which this setting asks for (sslmode)")
    return SettingsInvalid(
        f"database: what listens at {at.removeprefix('PostgreSQL at ')} is not PostgreSQL; check the port"
    )
