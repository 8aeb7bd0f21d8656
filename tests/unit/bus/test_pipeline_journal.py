"""What the journal is promised by construction, whatever a hop does."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import pytest
from structlog.testing import capture_logs
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

from bus.errors import BusError, JournalUnavailable, NotAuthenticated, ProviderFault, ProviderTimeout
from bus.hops.call import call
from bus.message import Message
from bus.parcel import pack, unpack
from bus.pipeline import HOPS, Pipeline
from bus.ports import Next, Ports, Record
from transformers.errors import MalformedDocument

REPLY = envelope(PLACED).encode()


def replying(message: Message) -> Message:
    return answered(message, REPLY, "text/xml; charset=utf-8")


def world(effect: str = "read") -> World:
    return World(snapshot(operation(effect=effect)), connector=CannedConnector(replying))


class BrokenJournal:
    """Fails to write either record, or both."""

    def __init__(self, *, intent: bool = False, outcome: bool = False) -> None:
        self.fails = {"intent": intent, "outcome": outcome}
        self.records: list[tuple[str, Record]] = []

    async def intent(self, record: Record) -> None:
        self._write("intent", record)

    async def outcome(self, record: Record) -> None:
        self._write("outcome", record)

    def _write(self, kind: str, record: Record) -> None:
        if self.fails[kind]:
            raise JournalUnavailable("the disk is full")
        self.records.append((kind, record))


async def test_a_hop_that_is_put_into_the_tuple_is_journaled_without_doing_anything_for_it() -> None:
    async def stamp(message: Message, onward: Next, ports: Ports) -> Message:
        return await onward(message)

    one = world()
    await Pipeline(one.ports, (*HOPS[:3], stamp, *HOPS[3:])).handle(soap_message(envelope(ORDER)))
    names = [hop.name for hop in one.journal.outcomes[0].hops]
    assert names == [hop.__name__ for hop in HOPS[:3]] + ["stamp"] + [hop.__name__ for hop in HOPS[3:]]


async def test_a_hops_own_time_leaves_out_the_rest_of_the_way() -> None:
    async def slow(message: Message, onward: Next, ports: Ports) -> Message:
        await asyncio.sleep(0.02)
        return await onward(message)

    one = world()
    await Pipeline(one.ports, (*HOPS[:-1], slow, call)).handle(soap_message(envelope(ORDER)))
    own = {hop.name: hop.own_us for hop in one.journal.outcomes[0].hops}
    assert own["slow"] >= 19_000
    assert own["transform"] < 19_000
    assert own["decode"] < 19_000


async def test_the_time_that_an_intent_takes_is_no_hops_own() -> None:
    one = world("write")
    written = one.journal.intent

    async def slowly(record: Record) -> None:
        await asyncio.sleep(0.02)
        await written(record)

    one.journal.intent = slowly  # type: ignore[method-assign]
    await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert all(hop.own_us < 19_000 for hop in one.journal.outcomes[0].hops)
    assert one.journal.outcomes[0].duration_us >= 19_000


async def test_the_intent_of_a_write_is_recorded_before_anything_is_sent() -> None:
    one = world("write")
    order: list[str] = []
    one.connector.reply = lambda message: order.append(f"sent after {len(one.journal.intents)}") or replying(message)
    await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert order == ["sent after 1"]
    assert one.journal.intents[0].status == "open"
    assert one.journal.intents[0].bodies[0].data == envelope(ORDER).encode()


async def test_a_read_needs_no_intent() -> None:
    one = world("read")
    await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert one.journal.intents == []
    assert len(one.journal.outcomes) == 1


async def test_a_write_whose_intent_cannot_be_recorded_is_not_sent() -> None:
    one = world("write")
    one.journal = BrokenJournal(intent=True)
    with pytest.raises(JournalUnavailable):
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert one.connector.sent == []
    assert one.journal.records[-1][1].error == "journal-unavailable"


async def test_a_reply_whose_outcome_cannot_be_recorded_is_not_given() -> None:
    one = world()
    one.journal = BrokenJournal(outcome=True)
    with pytest.raises(JournalUnavailable):
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))


async def test_a_refused_caller_is_journaled_with_the_code_of_the_refusal() -> None:
    one = world()
    with pytest.raises(NotAuthenticated):
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER), headers={}))
    (record,) = one.journal.outcomes
    assert (record.status, record.error, record.consumer) == ("error", "not-authenticated", "")
    assert [(hop.name, hop.error) for hop in record.hops] == [
        ("decode", "not-authenticated"),
        ("authenticate", "not-authenticated"),
    ]


async def test_a_malformed_body_is_journaled_as_it_came() -> None:
    one = world()
    with pytest.raises(MalformedDocument):
        await Pipeline(one.ports).handle(soap_message(b"<s:Envelope"))
    assert one.journal.outcomes[0].bodies[0].data == b"<s:Envelope"
    assert one.journal.outcomes[0].error == "malformed"


async def test_an_error_nobody_expected_is_journaled_and_logged_without_its_text() -> None:
    def bug(message: Message) -> NoReturn:
        raise KeyError("张三 110105194912310021")

    one = world()
    one.connector.reply = bug
    with capture_logs() as logs, pytest.raises(BusError) as caught:
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert one.journal.outcomes[0].error == "internal"
    assert "张三" not in str(caught.value) + str(logs) + one.journal.outcomes[0].detail
    assert any("KeyError" in str(log) for log in logs)


@pytest.mark.parametrize(("effect", "code"), [("write", "outcome-unknown"), ("read", "caller-gone")])
async def test_an_exchange_broken_off_under_way_has_an_outcome_all_the_same(effect: str, code: str) -> None:
    one = world(effect)
    started = asyncio.Event()

    async def hang(message: Message) -> Message:
        started.set()
        await asyncio.sleep(60)
        return message

    one.connector.send = hang  # type: ignore[method-assign]
    task = asyncio.create_task(Pipeline(one.ports).handle(soap_message(envelope(ORDER))))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.error for record in one.journal.outcomes] == [code]


async def test_a_providers_fault_is_a_fault_and_its_answer_is_kept() -> None:
    fault = envelope(
        "<s:Fault><faultcode>s:Client.BadOrder</faultcode><faultstring>no</faultstring></s:Fault>"
    ).encode()
    one = world()
    one.connector.reply = lambda message: answered(message, fault, "text/xml", status=500)
    with pytest.raises(ProviderFault) as caught:
        await Pipeline(one.ports).handle(soap_message(envelope(ORDER)))
    assert (caught.value.code, caught.value.reason, caught.value.http_status) == ("Client.BadOrder", "no", 500)
    (record,) = one.journal.outcomes
    assert (record.status, record.error) == ("fault", "provider-fault")
    assert [body.stage for body in record.bodies] == ["request", "reply.received"]


async def test_every_way_to_end_observes_exactly_one_record() -> None:
    seen: list[Record] = []
    one = world()
    pipeline = Pipeline(one.ports, observe=seen.append)
    await pipeline.handle(soap_message(envelope(ORDER)))
    with pytest.raises(NotAuthenticated):
        await pipeline.handle(soap_message(envelope(ORDER), headers={}))
    assert [record.status for record in seen] == ["ok", "error"]
    assert seen == one.journal.outcomes


async def test_a_password_in_a_security_header_reaches_neither_journal_nor_provider() -> None:
    header = (
        '<w:Security xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">'
        "<w:UsernameToken><w:Username>kiosk</w:Username><w:Password>top-secret</w:Password></w:UsernameToken>"
        "</w:Security>"
    )
    one = world("write")
    await Pipeline(one.ports).handle(soap_message(envelope(ORDER, header=header), headers={}))
    assert b"top-secret" not in one.connector.sent[0].body
    assert b"Security" not in one.connector.sent[0].body
    for record in (*one.journal.intents, *one.journal.outcomes):
        assert "top-secret" not in repr(record)
        assert b"V1" in record.bodies[0].data


async def test_headers_with_credentials_go_no_further_than_authentication() -> None:
    one = world()
    await Pipeline(one.ports).handle(soap_message(envelope(ORDER), headers={"x-api-key": "kiosk", "prefer": "x"}))
    assert one.connector.sent[0].headers == {"prefer": "x"}


async def test_a_workflows_call_walks_all_hops_without_a_credential() -> None:
    one = World(
        snapshot(operation(form="json", http_path="/orders"), protocol="rest"),
        connector=CannedConnector(lambda message: answered(message, b'{"order_no":"A1"}', "application/json")),
    )
    answer = await Pipeline(one.ports).call_operation(
        "lis.PlaceOrder", {"visit_no": "V1"}, flow="a" * 32, parent="b" * 32, keys=(("visit_no", "V1"),),
        idempotency_key="step-1",
    )  # fmt: skip
    assert answer == {"order_no": "A1"}
    sent, (record,) = one.connector.sent[0], one.journal.outcomes
    assert (sent.idempotency_key, sent.flow, sent.body) == ("step-1", "a" * 32, b'{"visit_no":"V1"}')
    assert (record.door, record.consumer, record.parent, record.keys) == (
        "workflow", "workflow", "b" * 32, (("visit_no", "V1"),),
    )  # fmt: skip


async def test_every_attempt_to_deliver_is_an_exchange_of_its_own_under_one_idempotency_key() -> None:
    one = World(
        snapshot(operation(form="json", http_path="/orders", effect="write", mode="async"), protocol="rest"),
        connector=CannedConnector(lambda message: answered(message, b'{"order_no":"A1"}', "application/json")),
    )
    pipeline = Pipeline(one.ports)
    request = rest_message("POST", "/orders", b'{"visit_no":"V1"}')
    accepted = await pipeline.handle(request)
    assert (accepted.status, accepted.accepted, one.connector.sent) == (202, True, [])
    assert one.journal.outcomes[0].status == "accepted"
    for _ in range(2):
        await pipeline.deliver(unpack(one.outbox.letters[0].body, one.snapshot))
    first, second = one.journal.outcomes[1:]
    assert len({first.id, second.id, request.id}) == 3
    assert first.parent == second.parent == request.id
    assert {sent.idempotency_key for sent in one.connector.sent} == {request.id}
    assert len(one.journal.intents) == 2


async def test_a_delivery_that_fails_raises_for_the_backbone_and_is_journaled() -> None:
    def late(message: Message) -> NoReturn:
        raise ProviderTimeout("no answer in time", endpoint="http://lis.invalid")

    one = World(snapshot(operation(mode="async")), connector=CannedConnector(late))
    pipeline = Pipeline(one.ports)
    await pipeline.handle(soap_message(envelope(ORDER)))
    with pytest.raises(ProviderTimeout):
        await pipeline.deliver(unpack(one.outbox.letters[0].body, one.snapshot))
    assert one.journal.outcomes[-1].error == "provider-timeout"
    assert one.journal.outcomes[-1].door == "backbone"


async def test_a_parcel_carries_a_message_over_without_loss() -> None:
    packed: list[Message] = []

    async def keep(message: Message, onward: Next, ports: Ports) -> Message:
        packed.append(message)
        return await onward(message)

    one = world()
    await Pipeline(one.ports, (*HOPS[:7], keep, *HOPS[7:])).handle(
        soap_message(envelope("<PlaceOrder xmlns='urn:lab'><name>王晓东</name></PlaceOrder>").encode("gb18030"),
                     content_type="text/xml; charset=gb18030")
    )  # fmt: skip
    before, after = packed[0], unpack(pack(packed[0]), one.snapshot)
    for name in ("id", "flow", "body", "charset", "keys", "received_at", "operation", "version", "consumer"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.content is not None
    assert after.content.envelope is not None
    assert after.door == "backbone"
