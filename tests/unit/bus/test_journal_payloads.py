"""Bodies in, rows out, bodies back."""

from __future__ import annotations

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from journal_conformance import a_record
from msgspec.structs import replace

from bus.journal.payloads import FULL, PLAIN_BELOW, Kind, Packer, Part, Reference, unpack
from bus.ports import Body, Record

LONG = b"<item><code>17</code></item>" * 80


def bodies_back(references: list[Reference], parts: list[Part]) -> list[bytes]:
    """What a reader makes of references and parts."""
    plain = {number: unpack(data, packed, size) for number, size, packed, data in parts}
    return [plain[part][at : at + size] for _, _, part, at, size in references]


def a_message(*bodies: bytes, at: float = 1e9) -> Record:
    return a_record(at, bodies=tuple(Body(f"stage {place}", data, "") for place, data in enumerate(bodies)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["intent", "outcome"]), st.lists(st.binary(max_size=600), max_size=5))))
def test_every_body_of_a_batch_comes_back(batch: list[tuple[Kind, list[bytes]]]) -> None:
    packer = Packer()
    references = [packer.refer(kind, a_message(*bodies)) for kind, bodies in batch]
    parts = packer.parts()
    assert [bodies_back(each, parts) for each in references] == [bodies for _, bodies in batch]


def test_a_body_that_passes_through_unchanged_is_stored_once() -> None:
    packer = Packer()
    references = packer.refer("outcome", a_message(LONG, LONG, b"reply", LONG))
    (part,) = parts = packer.parts()
    assert part.size == len(LONG) + len(b"reply")
    assert bodies_back(references, parts) == [LONG, LONG, b"reply", LONG]


def test_the_outcome_stores_only_what_its_intent_did_not() -> None:
    packer, record = Packer(), a_message(LONG)
    packer.refer("intent", record)
    first = packer.parts()
    done = replace(record, bodies=(*record.bodies, Body("reply", b"new", "")))
    references = packer.refer("outcome", done)
    (second,) = packer.parts()
    assert second.size == len(b"new")
    assert bodies_back(references, [*first, second]) == [LONG, b"new"]


def test_what_compression_cannot_make_smaller_is_stored_as_it_is() -> None:
    packer = Packer()
    for body in (os.urandom(4000), b"x" * (PLAIN_BELOW - 1)):
        packer.refer("outcome", a_message(body))
        (part,) = packer.parts()
        assert (part.packed, part.data) == (0, body)


def test_bodies_that_resemble_each_other_take_little_more_than_one() -> None:
    chance = random.Random(3)
    body = "".join(f"<row>{chance.random()}</row>" for _ in range(80)).encode()
    packer = Packer()
    packer.refer("outcome", a_message(body))
    (one,) = packer.parts()
    packer.refer("outcome", a_message(body, b"<a>" + body))
    packer.refer("outcome", a_message(b"<b>" + body, body + b"</c>"))
    (four,) = packer.parts()
    assert len(four.data) < len(one.data) * 1.1


def test_a_part_holds_no_more_than_a_reader_of_one_body_should_unpack() -> None:
    packer = Packer()
    references = [packer.refer("outcome", a_message(os.urandom(30_000))) for _ in range(40)]
    parts = packer.parts()
    assert sum(part.size for part in parts) == 40 * 30_000
    assert all(part.size < FULL + 30_000 for part in parts)
    assert len({part.number for part in parts}) == len(parts) > 1
    assert {reference[2] for (reference,) in references} == {part.number for part in parts}


def test_intents_without_outcome_do_not_pile_up_in_memory() -> None:
    packer = Packer()
    for number in range(5000):
        packer.refer("intent", a_message(b"%d" % number))
    assert len(packer._open) <= 4096
