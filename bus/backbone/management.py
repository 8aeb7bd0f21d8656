"""What AMQP does not show and RabbitMQ's management API does: all arguments, bindings, policies, unsettled letters."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp

from bus.backbone.inspection import Finding
from bus.backbone.topology import EXCHANGE, arguments_by_name
from bus.errors import BackboneUnavailable, SettingsInvalid

_TIMEOUT = aiohttp.ClientTimeout(total=15)

#: What a policy may change of a queue so that it no longer keeps what the bus relies on.
_SHADOWING = frozenset(
    {
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "dead-letter-strategy",
        "delivery-limit",
        "expires",
        "max-length",
        "max-length-bytes",
        "message-ttl",
        "overflow",
    }
)


async def inspect_management(url: str, vhost: str, tls: ssl.SSLContext | None = None) -> Sequence[Finding]:
    """Compare queues, bindings and policies; ``url`` is ``http(s)://user:password@host:15672``.

    Raises BackboneUnavailable or SettingsInvalid, naming ``broker_management``.
    """
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    login = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
    there = quote(vhost, safe="")
    try:
        connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True)
        async with aiohttp.ClientSession(headers=login, timeout=_TIMEOUT, connector=connector) as session:
            queues = await _get(session, base, f"/api/queues/{there}")
            bindings = await _get(session, base, f"/api/exchanges/{there}/{EXCHANGE}/bindings/source")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise BackboneUnavailable(
            f"broker_management: {base} cannot be read ({type(error).__name__}); is the plugin rabbitmq_management on?"
        ) from error
    by_name = {queue["name"]: queue for queue in queues}
    keys = {(one["destination"], one["routing_key"]) for one in bindings}
    findings = []
    for name, arguments in arguments_by_name().items():
        if name in by_name:
            findings.append(_queue(by_name[name], arguments))
        findings.append(Finding(f"binding {EXCHANGE} → {name}", "" if (name, name) in keys else "missing"))
    return findings


async def _get(session: aiohttp.ClientSession, base: str, path: str) -> Any:
    async with session.get(base + path) as response:
        if response.status in (401, 403):
            raise SettingsInvalid(
                f"broker_management: {base} refuses the user or its password; it needs the tag monitoring"
            )
        if response.status == 404:
            return []
        response.raise_for_status()
        return await response.json()


def _queue(found: Mapping[str, Any], wanted: Mapping[str, object]) -> Finding:
    given: Mapping[str, Any] = found.get("arguments") or {}
    differs = [
        f"{name} is {given.get(name, 'not set')}, the bus declares {wanted.get(name, 'nothing')}"
        for name in sorted({*given, *wanted})
        if given.get(name) != wanted.get(name)
    ]
    shadowing = {
        name: value for name, value in (found.get("effective_policy_definition") or {}).items() if name in _SHADOWING
    }
    policies = " and ".join(repr(found[kind]) for kind in ("policy", "operator_policy") if found.get(kind))
    differs += [f"policy {policies} sets {name} to {value}" for name, value in sorted(shadowing.items())]
    if (found.get("state") or "running") not in ("running", "idle"):  # unknown until the first statistics are in
        differs.append(f"its state is {found['state']}")
    seen = f"{found.get('messages_ready', 0)} ready, {found.get('messages_unacknowledged', 0)} in hand"
    seen += f", {found.get('consumers', 0)} consumers"
    if found.get("leader"):
        seen += f", leader {found['leader']}, {len(found.get('online', ()))} of {len(found.get('members', ()))} members"
    return Finding(f"queue {found['name']}", "; ".join(differs), seen)
