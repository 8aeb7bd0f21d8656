"""What is accepted for later, and under which keys it is found."""

from __future__ import annotations

import orjson
from asgi_caller import call, gateway
from gateway_worlds import SOAP, rest, rest_world, soap, soap_world
from twins import (
    ORDER,
    SOAP12,
    envelope,
)

from registry.model import Check, Key, Policy
from transformers.errors import Violation


async def test_a_rest_caller_that_prefers_not_to_wait_is_answered_202() -> None:
    one = rest_world()
    response = await rest(one, prefer="respond-async")
    answer = orjson.loads(response.body)
    record = one.journal.outcomes[0]
    assert (response.status, answer["status"]) == (202, "accepted")
    assert (answer["message_id"], answer["flow_id"]) == (record.id, record.flow)
    assert (one.outbox.letters[0].queue, one.connector.sent) == ("deliver", [])


async def test_a_soap_caller_is_acknowledged_in_its_own_version() -> None:
    one = soap_world()
    request = envelope(ORDER, namespace=SOAP12).encode()
    headers = {**SOAP, "content-type": "application/soap+xml"}
    response = await call(gateway(one), "POST", "/soap/lis?async", request, headers)
    assert response.status == 200
    assert response.xml.tag == f"{{{SOAP12}}}Envelope"
    accepted = response.xml.find(".//{urn:meridian:2026}Accepted")
    assert accepted.findtext("{urn:meridian:2026}messageId") == one.journal.outcomes[0].id
    assert accepted.findtext("{urn:meridian:2026}flowId") == one.journal.outcomes[0].flow


async def test_an_operation_that_starts_a_workflow_writes_its_mapped_input() -> None:
    one = rest_world(starts="registration", request=(lambda document: {"v": document["visit_no"]},))  # type: ignore[index, call-overload, list-item, dict-item]
    response = await rest(one)
    letter = orjson.loads(one.outbox.letters[0].body)
    assert response.status == 202
    assert (letter["kind"], letter["workflow"], letter["input"]) == ("start", "registration", {"v": "V1"})
    assert letter["message_id"] == one.journal.outcomes[0].id


async def test_an_operation_that_raises_an_event_writes_its_data() -> None:
    one = rest_world(raises="lab.resulted")
    await soap(one)
    letter = orjson.loads(one.outbox.letters[0].body)
    assert (letter["kind"], letter["name"], letter["data"]) == ("event", "lab.resulted", {"visit_no": "V1"})


async def test_a_caller_that_repeats_its_idempotency_key_makes_one_letter() -> None:
    one = rest_world(mode="async")
    await rest(one, idempotency_key="k-1")
    await rest(one, idempotency_key="k-1")
    await rest(one, idempotency_key="k-2")
    first, second, third = (letter.id for letter in one.outbox.letters)
    assert first == second != third


async def test_letters_of_the_key_that_an_operation_orders_by_share_a_lane() -> None:
    one = rest_world(mode="async", keys=(key("visit_no"),), order_by=key("visit_no"))
    await rest(one)
    assert one.outbox.letters[0].lane == "lis/visit_no=V1"


async def test_letters_flow_freely_where_no_order_is_asked_for_or_the_key_is_missing() -> None:
    one = rest_world(mode="async", keys=(key("visit_no"),))
    await rest(one)
    other = rest_world(mode="async", keys=(key("order_no"),), order_by=key("order_no"))
    await rest(other)
    assert [letter.lane for letter in (*one.outbox.letters, *other.outbox.letters)] == ["", ""]


async def test_events_and_starts_of_one_key_share_a_lane_too() -> None:
    for ends in ({"raises": "lab.resulted"}, {"starts": "visit"}):
        one = rest_world(**ends, keys=(key("visit_no"),), order_by=key("visit_no"))
        await rest(one)
        assert one.outbox.letters[0].lane == "lis/visit_no=V1"


async def test_a_person_has_one_lane_whichever_identity_number_a_caller_knows() -> None:
    one = rest_world(mode="async", keys=(key("id_no", identity=True),), order_by=key("id_no", identity=True))
    await rest(one, b'{"id_no":"110105491231002"}')
    await rest(one, b'{"id_no":"11010519491231002x"}')
    assert {letter.lane for letter in one.outbox.letters} == {"lis/id_no=11010519491231002X"}


async def test_a_letter_expires_so_many_seconds_after_its_acceptance() -> None:
    one = rest_world(mode="async", policy=Policy(expires=60))
    await rest(one)
    (letter,) = one.outbox.letters
    assert letter.expires_at == one.journal.outcomes[0].received_at + 60
    assert letter.lane == ""


async def test_an_acknowledgement_is_not_held_against_the_replys_contract() -> None:
    refuses = Check("reject", lambda document: (Violation("/x", "is missing", "required"),))
    assert (await rest(rest_world(mode="async", reply_check=refuses))).status == 202


def key(name: str, *, identity: bool = False) -> Key:
    return Key(name, lambda document: (str(document[name]),) if name in document else (), identity=identity)  # type: ignore[index, call-overload, operator]


async def test_keys_of_request_and_reply_are_indexed_together() -> None:
    one = rest_world(keys=(key("visit_no"),), reply_keys=(key("order_no"),))
    await rest(one)
    assert one.journal.outcomes[0].keys == (("visit_no", "V1"), ("order_no", "A1"))


async def test_an_identity_number_is_indexed_as_it_came_and_in_its_18_characters() -> None:
    one = rest_world(keys=(key("id_no", identity=True),))
    await rest(one, b'{"id_no":"110105491231002"}')
    assert one.journal.outcomes[0].keys == (("id_no", "110105491231002"), ("id_no", "11010519491231002X"))


async def test_a_key_that_is_no_key_but_a_whole_text_is_left_out() -> None:
    one = rest_world(keys=(key("visit_no"),))
    await rest(one, orjson.dumps({"visit_no": "x" * 500}))
    assert one.journal.outcomes[0].keys == ()
