"""Bodies in, rows out, bodies back."""

from __future__ import annotations

import os
import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from journal_conformance import a_record

from bus.journal.payloads import PLAIN_BELOW, Kind, Packer, PayloadRow, Reference, unpack
from bus.ports import Body, Record

LONG = b"<item><code>17</code></item>" * 80


def bodies_back(references: list[Reference], rows: list[PayloadRow]) -> list[bytes]:
    """What a reader makes of references and rows."""
    parts = {part: unpack(data, packed, size) for part, _, _, size, packed, data in rows}
    return [parts[part][at : at + size] for _, _, part, at, size in references]


def a_message(*bodies: bytes, at: float = 1e9) -> Record:
    return a_record(at, bodies=tuple(Body(f"stage {place}", data, "") for place, data in enumerate(bodies)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["intent", "outcome"]), st.lists(st.binary(max_size=600), max_size=5))))
def test_every_body_of_a_batch_comes_back(batch: list[tuple[Kind, list[bytes]]]) -> None:
    packer = Packer(1)
    references = [packer.refer(kind, a_message(*bodies)) for kind, bodies in batch]
    rows = packer.rows()
    assert [bodies_back(each, rows) for each in references] == [bodies for _, bodies in batch]


def test_a_body_that_passes_through_unchanged_is_stored_once() -> None:
    packer = Packer(1)
    references = packer.refer("outcome", a_message(LONG, LONG, b"reply", LONG))
    (row,) = rows = packer.rows()
    assert row[3] == len(LONG) + len(b"reply")
    assert bodies_back(references, rows) == [LONG, LONG, b"reply", LONG]


def test_the_outcome_stores_only_what_its_intent_did_not() -> None:
    packer, record = Packer(1), a_message(LONG)
    packer.refer("intent", record)
    first = packer.rows()
    done = replace(record, bodies=(*record.bodies, Body("reply", b"new", "")))
    references = packer.refer("outcome", done)
    (second,) = packer.rows()
    assert second[3] == len(b"new")
    assert bodies_back(references, [*first, second]) == [LONG, b"new"]


def test_what_compression_cannot_make_smaller_is_stored_as_it_is() -> None:
    noise, short = os.urandom(4000), b"x" * (PLAIN_BELOW - 1)
    packer = Packer(1)
    packer.refer("outcome", a_message(noise))
    packer.refer("outcome", a_message(short))
    packer.refer("outcome", a_message(LONG))
    assert [(packed, len(data)) for _, _, _, _, packed, data in packer.rows()][:2] == [(0, 4000), (0, len(short))]


def test_bodies_that_resemble_each_other_take_little_more_than_one() -> None:
    chance = random.Random(3)
    body = "".join(f"<row>{chance.random()}</row>" for _ in range(80)).encode()
    packer = Packer(1)
    packer.refer("outcome", a_message(body))
    packer.refer("outcome", a_message(body, b"<a>" + body, b"<b>" + body, body + b"</c>"))
    one, four = (len(row[5]) for row in packer.rows())
    assert four < one * 1.1


def test_intents_without_outcome_do_not_pile_up_in_memory() -> None:
    packer = Packer(1)
    for number in range(5000):
        packer.refer("intent", a_message(b"%d" % number))
    assert len(packer._open) <= 4096
