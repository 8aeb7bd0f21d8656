"""What a person reads of a parked letter and puts in its place, and what each verb asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from asgi_caller import call, gateway
from gateway_worlds import SOAP, rest, rest_world, soap_world
from twins import ORDER, Source, envelope

from bus.backbone import outbox, parking
from bus.backbone.topology import CALLS, ENGINE, REPLIES
from bus.errors import BadRequest, NotFound
from bus.letter_document import inside, replaced
from bus.parcel import unpack
from bus.parked import Parked
from bus.ports import Letter
from bus.settings import Settings
from bus.state.actions import actions
from bus.state.store import State
from registry.model import Check, Snapshot
from transformers.errors import ContractViolation, MalformedDocument, Violation


def no_x(document: Any) -> tuple[Violation, ...]:
    return (Violation("/x", "is not allowed", "additionalProperties"),) if "x" in document else ()


async def accepted(**changes: Any) -> tuple[Letter, Snapshot]:
    one = rest_world(mode="async", request_check=Check("reject", no_x), **changes)
    await rest(one, '{"visit_no":"V1","name":"张三"}'.encode())
    return one.outbox.letters[0], one.snapshot


async def test_a_delivery_shows_its_operation_its_message_and_its_document() -> None:
    letter, _ = await accepted()
    found = inside(letter)
    assert (found.about, found.message, found.editable) == ("lis.PlaceOrder", letter.id, True)
    assert orjson.loads(found.data) == {"visit_no": "V1", "name": "张三"}


async def test_an_edited_delivery_is_the_same_message_with_another_document() -> None:
    letter, snapshot = await accepted()
    before, after = (unpack(body, snapshot) for body in (letter.body, replaced(letter, '{"visit_no":"V2"}', snapshot)))
    assert after.content is not None
    assert after.content.document == {"visit_no": "V2"}
    assert (after.id, after.idempotency_key, after.operation) == (before.id, before.idempotency_key, before.operation)


async def test_an_edit_that_breaks_the_contract_or_cannot_be_read_is_refused_without_quoting_it() -> None:
    letter, snapshot = await accepted()
    with pytest.raises(ContractViolation, match=r"contract of lis.PlaceOrder in /x \(is not allowed\)"):
        replaced(letter, '{"x":"secret"}', snapshot)
    with pytest.raises(MalformedDocument):
        replaced(letter, '{"visit_no":', snapshot)


async def test_a_soap_delivery_is_edited_whole_whatever_charset_its_declaration_names() -> None:
    one = soap_world()
    body = envelope(ORDER.replace("V1", "张三")).encode("gbk")
    await call(gateway(one), "POST", "/soap/lis?async", body, {**SOAP, "content-type": "text/xml; charset=gbk"})
    (letter,) = one.outbox.letters
    text = '<?xml version="1.0" encoding="GBK"?>\n' + envelope(ORDER.replace("V1", "李四"))
    after = unpack(replaced(letter, text, one.snapshot), one.snapshot)
    assert after.content is not None
    assert after.content.envelope is not None
    assert "李四".encode() in after.body
    assert b"GBK" not in after.body


@pytest.mark.parametrize(
    ("queue", "body", "about", "data", "field"),
    [
        (ENGINE, {"kind": "start", "workflow": "visit", "input": {"a": 1}}, "visit", {"a": 1}, "input"),
        (ENGINE, {"kind": "event", "name": "lab.resulted", "data": {"a": 1}}, "lab.resulted", {"a": 1}, "data"),
        (CALLS, {"operation": "lis.Order", "document": {"a": 1}}, "lis.Order", {"a": 1}, "document"),
    ],
)
def test_letters_of_workflows_hold_a_document_too(queue: str, body: Any, about: str, data: Any, field: str) -> None:
    letter = Letter("1", queue, orjson.dumps(body))
    found = inside(letter)
    assert (found.about, orjson.loads(found.data), found.editable) == (about, data, True)
    assert orjson.loads(replaced(letter, '{"b":2}', Snapshot())) == {**body, field: {"b": 2}}


@pytest.mark.parametrize(("queue", "body"), [(ENGINE, b'{"kind":"timer"}'), (REPLIES, b'{"url":"u"}')])
def test_a_letter_without_a_callers_document_is_not_edited(queue: str, body: bytes) -> None:
    assert not inside(Letter("1", queue, body)).editable
    with pytest.raises(BadRequest, match="no document to edit; release it or skip it"):
        replaced(Letter("1", queue, body), "{}", Snapshot())


def test_a_letter_of_another_version_is_told_to_be_one() -> None:
    for queue, says in (("deliver", "not an accepted message"), (ENGINE, "this version wrote")):
        with pytest.raises(MalformedDocument, match=says):
            inside(Letter("1", queue, b"\xff"))


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    yield store
    await store.aclose()


def start_letter(name: str, lane: str = "") -> Letter:
    return Letter(name, ENGINE, b'{"kind":"start","workflow":"visit","input":{"a":1}}', lane=lane)


@pytest.fixture
def parked(state: State) -> Parked:
    letters = [start_letter("1", "a"), start_letter("2", "a"), start_letter("3", "a"), start_letter("4")]
    state.write_blocking(lambda c: outbox.post(c, letters))
    state.write_blocking(lambda c: parking.park(c, letters[0], "mapping", "no such code"))
    state.write_blocking(lambda c: parking.park(c, letters[1], "expired", "too late"))
    state.write_blocking(lambda c: parking.park(c, letters[3], "expired", "too late"))
    return Parked(state, Source(Snapshot()))


async def test_one_letter_is_shown_with_its_lane_and_what_was_done_to_it_before(parked: Parked) -> None:
    found = parked.one(ENGINE, "1")
    assert (found.parked.code, found.inside.about, [one.id for one in found.lane]) == (
        "mapping",
        "visit",
        ["1", "2", "3"],
    )
    assert found.actions == []
    new = parked.edit(ENGINE, "1", '{"a":2}', "wang", "wrong code")
    with pytest.raises(NotFound):
        parked.one(ENGINE, "1")
    assert new == "1~1"


async def test_an_edited_letter_that_parks_again_remembers_who_edited_it(state: State, parked: Parked) -> None:
    new = parked.edit(ENGINE, "1", '{"a":2}', "wang", "wrong code")
    state.write_blocking(lambda c: parking.park(c, start_letter(new, "a"), "mapping", "still no such code"))
    assert [(one.who, one.verb, one.reason) for one in parked.one(ENGINE, new).actions] == [
        ("wang", "edit", "wrong code")
    ]


async def test_a_lane_is_released_whole_and_everything_of_one_code_at_once(state: State, parked: Parked) -> None:
    assert parked.release(ENGINE, "1", "wang", "repaired", lane=True) == 2
    assert [one.letter.id for one in parked.letters()] == ["4"]
    assert parked.release_all("mapping", "wang", "repaired") == 0
    assert parked.release_all("expired", "wang", "the provider is back") == 1
    assert parked.count() == 0
    trail = await state.read(actions)
    assert [one.subject for one in reversed(trail)] == ["engine/1", "engine/2", "engine/4"]


async def test_no_verb_goes_without_a_reason_or_for_a_letter_that_does_not_wait(parked: Parked) -> None:
    for deed in (
        lambda letter, why: parked.release(ENGINE, letter, "wang", why),
        lambda letter, why: parked.skip(ENGINE, letter, "wang", why),
        lambda letter, why: parked.edit(ENGINE, letter, "{}", "wang", why),
    ):
        with pytest.raises(BadRequest, match="say why"):
            deed("1", "  ")
        with pytest.raises(NotFound, match="engine/3"):
            deed("3", "because")
    with pytest.raises(BadRequest, match="say why"):
        parked.release_all("expired", "wang", "")
