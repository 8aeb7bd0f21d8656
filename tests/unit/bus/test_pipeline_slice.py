"""The thinnest whole way: SOAP through to SOAP, REST through to REST."""

from __future__ import annotations

from twins import (
    ORDER,
    PLACED,
    CannedConnector,
    World,
    answered,
    envelope,
    operation,
    rest_message,
    snapshot,
    soap_message,
)

from bus.pipeline import Pipeline
from registry.model import Call


async def test_soap_bytes_pass_through_untouched_both_ways() -> None:
    reply = envelope(PLACED).encode()
    world = World(
        snapshot(operation()), connector=CannedConnector(lambda m: answered(m, reply, "text/xml; charset=utf-8"))
    )
    request = soap_message(envelope(ORDER))
    answer = await Pipeline(world.ports).handle(request)
    assert world.connector.sent[0].body is request.body
    assert answer.body is reply
    (record,) = world.journal.outcomes
    assert (record.status, record.consumer, record.system, record.operation) == ("ok", "kiosk", "lis", "PlaceOrder")
    assert [body.stage for body in record.bodies] == ["request", "reply"]


async def test_rest_bytes_pass_through_untouched_both_ways() -> None:
    reply = b'{"order_no": "A1", "amount": 5.60}'
    place = operation(form="json", http_path="/orders", call=Call("POST", "/api/orders"))
    world = World(
        snapshot(place, protocol="rest"), connector=CannedConnector(lambda m: answered(m, reply, "application/json"))
    )
    request = rest_message("POST", "/orders", b'{"visit_no": "V1", "amount": 5.60}')
    answer = await Pipeline(world.ports).handle(request)
    sent = world.connector.sent[0]
    assert sent.body is request.body
    assert sent.wire is not None
    assert (sent.wire.method, sent.wire.path) == ("POST", "/api/orders")
    assert answer.body is reply
    assert world.journal.outcomes[0].status == "ok"
