"""Messages on their way to a provider, for the tests of connectors."""

from __future__ import annotations

from typing import Any

from bus.message import Message, Target, Wire
from registry.model import Auth, Call, Endpoint, Operation, Policy, Protocol, Provider, ServiceVersion

FLOW = "4bf92f3577b34da6a3ce929d0e0e4736"
ENVELOPE = (
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><a xmlns="urn:lab"/>'
    b"</soap:Body></soap:Envelope>"
)


def message_to(
    *endpoints: Endpoint | str,
    protocol: Protocol = "soap11",
    charset: str = "utf-8",
    auth: Auth | None = None,
    policy: Policy | None = None,
    action: str = "urn:lab/PlaceOrder",
    wire: Wire | None = None,
    **fields: Any,
) -> Message:
    """A message in the provider's wire form; the policy tries once and waits at most 2 s unless said otherwise."""
    provider = Provider(
        protocol=protocol,
        endpoints=tuple(Endpoint(one) if isinstance(one, str) else one for one in endpoints),
        charset=charset,
        auth=auth or Auth(),
    )
    operation = Operation(
        service="lis",
        version="1",
        name="PlaceOrder",
        title={},
        effect="write",
        mode="sync",
        form="xml",
        policy=policy or Policy(timeout=2.0, retries=0),
        call=Call(action=action),
    )
    version = ServiceVersion(
        service="lis",
        version="1",
        system="lis",
        title={},
        faces=frozenset(),
        provider=provider,
        operations={"PlaceOrder": operation},
        by_element={},
        by_action={},
        routes=(),
    )
    given: dict[str, Any] = {"body": ENVELOPE, "charset": charset, **fields}
    return Message(
        id="0192f0c1",
        flow=FLOW,
        door="soap",
        target=Target("lis"),
        operation=operation,
        version=version,
        wire=wire or Wire(),
        **given,
    )
