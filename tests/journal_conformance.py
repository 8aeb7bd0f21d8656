"""What every journal must do, whatever it stands on; each adapter's test module supplies only the fixture."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest
from msgspec import structs

from bus.errors import JournalUnavailable
from bus.message import new_flow, new_id
from bus.ports import Body, HopRecord, Journal, JournalReader, Query, Record

DAY = 86400.0

#: An invented identity number of region 110105, in its 15 and its 18 character form.
SHORT_ID, LONG_ID = "110105491231002", "11010519491231002X"


class Owned(Journal, Protocol):
    """A journal with a life."""

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True)
class Life:
    """One life of the bus on one journal. ``reborn`` ends it and answers the next life on the same journal."""

    journal: Owned
    reader: JournalReader
    reborn: Callable[[], Awaitable[Life]]


def a_record(received_at: float | None = None, **changes: Any) -> Record:
    """A finished exchange as the pipeline writes it."""
    at = time.time() if received_at is None else received_at
    record = Record(
        id=new_id(at),
        flow=new_flow(),
        parent="",
        door="soap",
        consumer="his",
        system="lis",
        service="lis",
        version="1",
        operation="PlaceOrder",
        received_at=at,
        status="ok",
        http_status=200,
        attempts=1,
        duration_us=12_345,
        sent_us=9_876,
        revision=3,
        keys=(("visit_no", f"V{random.randrange(10**9)}"),),
        hops=(HopRecord("decode", 0, 17), HopRecord("call", 40, 12_000)),
    )
    return structs.replace(record, **changes)


def ids(records: Sequence[Record]) -> list[str]:
    """The ids, in order."""
    return [record.id for record in records]


async def write(journal: Journal, *records: Record) -> None:
    """Write outcomes at once, and wait for all of them."""
    await asyncio.gather(*(journal.outcome(record) for record in records))


class JournalConformance:
    """The promises of ``ports.Journal`` and ``ports.JournalReader``. Subclasses supply the fixture ``life``."""

    async def test_a_record_comes_back_exactly_as_it_was_written(self, life: Life) -> None:
        bodies = (
            Body("request", "<患者>张三</患者>".encode("gb18030") * 100, "text/xml; charset=gb18030"),
            Body("request.sent", b'{"name": "short"}', "application/json"),
            Body("reply.received", bytes(range(256)) * 20, "application/octet-stream"),
            Body("reply", b"", ""),
        )
        record = a_record(
            parent=new_id(),
            status="fault",
            error="provider-fault",
            detail="对方系统返回错误",
            hops=(HopRecord("call", 1, 2, "provider-fault"),),
            keys=(("visit_no", "V1"), ("patient_id", "患者 'x' \"y\""), ("visit_no", "V2")),
            bodies=bodies,
        )
        await life.journal.outcome(record)
        assert life.reader.message(record.id) == record

    async def test_bodies_that_the_intent_stored_are_still_there_with_the_outcome(self, life: Life) -> None:
        request = Body("request", b"<a/>" * 500, "text/xml")
        sent = Body("request.sent", b"{}" * 300, "application/json")
        record = a_record(bodies=(request, sent))
        await life.journal.intent(record)
        opened = life.reader.message(record.id)
        done = structs.replace(record, bodies=(request, sent, Body("reply", b"<a/>" * 500, "text/xml")))
        await life.journal.outcome(done)
        assert opened == structs.replace(record, status="open")
        assert life.reader.message(record.id) == done

    async def test_an_id_that_was_never_seen_is_answered_with_none(self, life: Life) -> None:
        await life.journal.outcome(a_record())
        assert life.reader.message(new_id()) is None
        assert life.reader.message("no such id") is None

    async def test_search_answers_newest_first_and_without_bodies(self, life: Life) -> None:
        now = time.time()
        records = [a_record(now - age, bodies=(Body("request", b"x", ""),)) for age in (5, 1, 9, 3)]
        await write(life.journal, *records)
        expected = sorted(records, key=lambda record: -record.received_at)
        assert life.reader.search(Query()) == [structs.replace(record, bodies=()) for record in expected]

    async def test_pasting_a_key_finds_its_exchanges_across_days(self, life: Life) -> None:
        now = time.time()
        mine = [a_record(now - days * DAY, keys=(("visit_no", "V7"), ("order_no", "V7"))) for days in range(4)]
        await write(life.journal, *mine, *(a_record(now - days * DAY / 2) for days in range(8)))
        assert ids(life.reader.search(Query(key=" V7 "))) == ids(mine)
        assert ids(life.reader.search(Query(key="V7", key_name="order_no", limit=2))) == ids(mine[:2])
        assert life.reader.search(Query(key="V7", key_name="patient_id")) == []

    async def test_an_identity_number_is_found_in_its_old_and_its_new_form(self, life: Life) -> None:
        record = a_record(keys=(("id_no", SHORT_ID), ("id_no", LONG_ID)))
        canonical_only = a_record(keys=(("id_no", LONG_ID),))
        await write(life.journal, record, canonical_only)
        for text in (SHORT_ID, LONG_ID, LONG_ID.lower(), f"{LONG_ID[:6]} {LONG_ID[6:]}"):
            assert set(ids(life.reader.search(Query(key=text)))) == {record.id, canonical_only.id}, text

    async def test_a_key_name_alone_finds_whatever_has_such_a_key(self, life: Life) -> None:
        named, other = a_record(keys=(("order_no", "1"),)), a_record(keys=(("orderxno", "order_no"),))
        await write(life.journal, named, other)
        assert ids(life.reader.search(Query(key_name="order_no"))) == [named.id]

    @pytest.mark.parametrize(
        "field", ["flow", "service", "operation", "consumer", "system", "status", "error", "key_name"]
    )
    async def test_every_filter_leaves_only_what_fits(self, life: Life, field: str) -> None:
        value = "fault" if field == "status" else "chosen"
        change = {"keys": (("chosen", "1"),)} if field == "key_name" else {field: value}
        chosen = a_record(**change)
        await write(life.journal, a_record(), chosen, a_record())
        assert ids(life.reader.search(Query(**{field: value}))) == [chosen.id]

    async def test_since_is_included_and_until_is_not(self, life: Life) -> None:
        now = time.time()
        records = [a_record(now - age) for age in (0, 1, 2, 3)]
        await write(life.journal, *records)
        found = life.reader.search(Query(since=records[2].received_at, until=records[0].received_at))
        assert ids(found) == ids(records[1:3])

    async def test_pages_put_together_are_what_brute_force_finds(self, life: Life) -> None:
        chance, now = random.Random(7), time.time()
        records = [
            a_record(
                # Few different times, so that many records share one and only the id tells them apart.
                now - chance.randrange(12) * DAY / 4,
                service=chance.choice(("lis", "pacs")),
                status=chance.choice(("ok", "error", "fault")),
                keys=tuple(("visit_no", chance.choice("ABC")) for _ in range(chance.randrange(3))),
            )
            for _ in range(120)
        ]
        await write(life.journal, *records)
        for query in (Query(limit=7), Query(key="B", limit=5), Query(service="pacs", status="error", limit=3)):
            fitting = [
                record
                for record in records
                if query.service in ("", record.service)
                and query.status in ("", record.status)
                and (not query.key or query.key in dict(map(reversed, record.keys)))  # type: ignore[arg-type]
            ]
            expected = sorted(fitting, key=lambda record: (record.received_at, record.id), reverse=True)
            pages: list[Record] = []
            while page := life.reader.search(replace(query, before=pages[-1].id if pages else "")):
                assert len(page) <= query.limit
                pages += page
            assert ids(pages) == ids(expected)

    async def test_a_flow_is_told_from_its_beginning_across_midnight(self, life: Life) -> None:
        flow, now = new_flow(), time.time()
        records = [a_record(now - age * DAY / 2, flow=flow) for age in (0, 1, 2, 3)]
        await write(life.journal, *records, a_record())
        assert ids(life.reader.flow(flow)) == ids(records[::-1])

    async def test_an_exchange_under_way_is_open_until_its_outcome(self, life: Life) -> None:
        record = a_record(keys=(("visit_no", "V9"),))
        await life.journal.intent(record)
        for query in (Query(), Query(key="V9"), Query(status="open"), Query(flow=record.flow)):
            assert [found.status for found in life.reader.search(query)] == ["open"]
        assert [found.status for found in life.reader.flow(record.flow)] == ["open"]
        await life.journal.outcome(record)
        assert life.reader.search(Query(status="open")) == []
        assert [found.status for found in life.reader.search(Query(key="V9"))] == ["ok"]

    async def test_an_intent_and_its_outcome_may_share_a_commit(self, life: Life) -> None:
        done, repeated = a_record(), a_record()
        await asyncio.gather(life.journal.intent(done), life.journal.outcome(done))
        await asyncio.gather(life.journal.outcome(repeated), life.journal.intent(repeated))
        assert {found.id: found.status for found in life.reader.search(Query())} == {done.id: "ok", repeated.id: "open"}

    async def test_a_page_of_open_and_ended_exchanges_is_no_longer_than_asked(self, life: Life) -> None:
        now = time.time()
        records = [a_record(now - age) for age in range(8)]
        for record in records[::2]:
            await life.journal.intent(record)
        await write(life.journal, *records[1::2])
        first = life.reader.search(Query(limit=3))
        assert ids(first) == ids(records[:3])
        assert ids(life.reader.search(Query(limit=3, before=first[-1].id))) == ids(records[3:6])

    async def test_what_was_accepted_and_is_being_delivered_is_open_again(self, life: Life) -> None:
        record = a_record(status="accepted")
        await life.journal.outcome(record)
        await life.journal.intent(record)
        assert [found.status for found in life.reader.search(Query())] == ["open"]
        await life.journal.outcome(structs.replace(record, status="error", error="provider-timeout"))
        assert [found.error for found in life.reader.search(Query())] == ["provider-timeout"]
        assert life.reader.search(Query(status="accepted")) == []

    async def test_only_intents_of_an_earlier_life_are_in_doubt(self, life: Life) -> None:
        now = time.time()
        old, older, ended = a_record(now - 1), a_record(now - DAY), a_record(now - 2)
        for record in (old, older, ended):
            await life.journal.intent(record)
        await life.journal.outcome(ended)
        assert life.reader.in_doubt() == []
        second = await life.reborn()
        await second.journal.intent(a_record())
        assert ids(second.reader.in_doubt()) == [old.id, older.id]
        await second.journal.outcome(older)
        assert ids(second.reader.in_doubt()) == [old.id]

    async def test_a_call_repeated_in_a_new_life_is_no_longer_in_doubt(self, life: Life) -> None:
        record = a_record()
        await life.journal.intent(record)
        second = await life.reborn()
        assert ids(second.reader.in_doubt()) == [record.id]
        await second.journal.intent(record)
        assert second.reader.in_doubt() == []

    async def test_the_last_match_is_found_whatever_the_time_asked_for(self, life: Life) -> None:
        now = time.time()
        await write(life.journal, a_record(now - 3 * DAY, error="contract", status="error"), a_record(now))
        narrow = Query(error="contract", since=now - 60, until=now - 30)
        assert life.reader.search(narrow) == []
        assert life.reader.last_match(narrow) == now - 3 * DAY
        assert life.reader.last_match(Query(error="contract", until=now - 9 * DAY)) == now - 3 * DAY
        assert life.reader.last_match(Query(error="never")) == 0

    async def test_the_summary_counts_what_ended_since_then(self, life: Life) -> None:
        now = time.time()
        await write(
            life.journal,
            *(a_record(now - number, duration_us=number * 10) for number in range(1, 21)),
            a_record(now, status="fault", duration_us=7_000),
            a_record(now - 3600),
            a_record(now - 5, system="emr", service="emr", operation="Find", status="accepted", duration_us=4),
        )
        await life.journal.intent(a_record())
        lis = {"system": "lis", "service": "lis", "operation": "PlaceOrder", "calls": 21, "errors": 1}
        emr = {"system": "emr", "service": "emr", "operation": "Find", "calls": 1, "errors": 0}
        assert life.reader.summary(now - 60) == [
            emr | {"p50_us": 4, "p95_us": 4, "last_ok": now - 5, "last_at": now - 5},
            lis | {"p50_us": 110, "p95_us": 200, "last_ok": now - 1, "last_at": now},
        ]

    async def test_a_thousand_concurrent_outcomes_are_all_there(self, life: Life) -> None:
        records = [a_record() for _ in range(1000)]
        await write(life.journal, *records)
        assert set(ids(life.reader.search(Query(limit=2000)))) == {record.id for record in records}


class DurableConformance(JournalConformance):
    """What a journal on a disk must do beyond that."""

    async def test_what_was_written_survives_into_the_next_life(self, life: Life) -> None:
        record = a_record(bodies=(Body("request", b"<a/>" * 100, "text/xml"),))
        await life.journal.outcome(record)
        second = await life.reborn()
        assert second.reader.message(record.id) == record

    async def test_a_text_that_no_store_can_hold_harms_nobody_else(self, life: Life) -> None:
        surrogate = a_record(operation="lone \ud800 surrogate")
        written: list[Record] = []
        for bad in (surrogate, a_record(detail="a\0b"), a_record(keys=(("n", "\udfff\0"),))):
            batch = [a_record(), bad, a_record()]
            await write(life.journal, *batch)
            written += batch
        assert set(ids(life.reader.search(Query(limit=100)))) == set(ids(written))
        assert life.reader.message(surrogate.id) == structs.replace(surrogate, operation="lone \ufffd surrogate")

    @pytest.mark.parametrize("change", [{"received_at": math.nan}, {"attempts": None}, {"attempts": 2**70}])
    async def test_a_record_with_an_impossible_value_is_refused_alone(self, life: Life, change: dict[str, Any]) -> None:
        good = [a_record() for _ in range(5)]
        records = (*good, structs.replace(a_record(), **change))
        waits = (life.journal.outcome(record) for record in records)
        *stored, refused = await asyncio.gather(*waits, return_exceptions=True)
        assert stored == [None] * 5
        assert isinstance(refused, JournalUnavailable)
        assert set(ids(life.reader.search(Query()))) == {record.id for record in good}

    async def test_a_key_as_long_as_a_book_is_stored_and_found(self, life: Life) -> None:
        record = a_record(keys=(("order_no", "9" * 100_000),))
        await life.journal.outcome(record)
        assert ids(life.reader.search(Query(key="9" * 100_000))) == [record.id]

    async def test_partitions_older_than_retention_are_dropped_with_their_keys(self, life: Life) -> None:
        now = time.time()
        old, kept = a_record(now - 40 * DAY, keys=(("visit_no", "V1"),)), a_record(now - 29 * DAY)
        await write(life.journal, old, kept)
        second = await life.reborn()
        await second.journal.outcome(a_record(now))
        assert second.reader.message(old.id) is None
        assert second.reader.search(Query(key="V1")) == []
        assert second.reader.message(kept.id) == kept

    async def test_leafing_goes_on_behind_a_row_that_retention_dropped(self, life: Life) -> None:
        records = [a_record(time.time() - age) for age in (1, 2)]
        await write(life.journal, *records)
        gone = new_id(records[0].received_at - 0.5)
        assert ids(life.reader.search(Query(before=gone))) == [records[1].id]
        assert life.reader.search(Query(before="never an id")) == []
