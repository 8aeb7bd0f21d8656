"""The headers of an outbound request: what SOAP 1.1, SOAP 1.2 and REST providers each insist on, and who we are."""

from __future__ import annotations

from base64 import b64encode

from bus.message import Message, new_span
from registry.model import Auth, Operation, Provider
from transformers.charset import wire_name

_ACCEPT = {
    "soap11": "text/xml",
    "soap12": "application/soap+xml, application/xml;q=0.8",
    "rest": "application/json, */*;q=0.1",
}

#: Lower-case name → the spelling that old servers expect.
_SPELLING = {
    "accept": "Accept",
    "authorization": "Authorization",
    "content-type": "Content-Type",
    "idempotency-key": "Idempotency-Key",
    "soapaction": "SOAPAction",
    "traceparent": "traceparent",
    "x-meridian-message": "X-Meridian-Message",
}


def outbound_headers(message: Message, provider: Provider, operation: Operation) -> dict[str, str]:
    """Answer the headers that go out with ``message``; what its ``wire`` names wins over the protocol's own.

    ``traceparent`` is W3C Trace Context Level 1 §3.2, with a new span under the message's flow.
    """
    action, quirks = operation.call.action, provider.quirks
    headers = {
        "Accept": _ACCEPT[provider.protocol],
        "Accept-Encoding": "identity",
        "traceparent": f"00-{message.flow}-{new_span()}-01",
        "X-Meridian-Message": message.id,
    }
    if provider.protocol == "soap11":
        headers["Content-Type"] = f"text/xml; charset={wire_name(message.charset)}"
        headers["SOAPAction"] = f'"{action}"' if quirks is None or quirks.soap_action != "unquoted" else action
    elif provider.protocol == "soap12":
        suffix = f'; action="{action}"' if action else ""
        headers["Content-Type"] = f"application/soap+xml; charset={wire_name(message.charset)}{suffix}"
    elif message.body:
        headers["Content-Type"] = message.content_type or "application/json"
    if message.idempotency_key:
        headers["Idempotency-Key"] = message.idempotency_key
    if message.wire is not None:
        for name, value in message.wire.headers.items():
            headers[_SPELLING.get(name.lower(), name)] = value
    if quirks is not None and not quirks.keep_alive:
        headers["Connection"] = "close"
    _authorise(headers, provider.auth)
    return headers


def _authorise(headers: dict[str, str], auth: Auth) -> None:
    # Last, so that nothing a mapping writes can stand in for the bus's own credential.
    if auth.kind == "basic":
        pair = b64encode(f"{auth.username}:{auth.secret}".encode()).decode("ascii")
        headers["Authorization"] = f"Basic {pair}"
    elif auth.kind == "bearer":
        headers["Authorization"] = f"Bearer {auth.secret}"
    elif auth.kind == "header":
        headers[auth.header] = auth.secret
