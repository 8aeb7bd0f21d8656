"""What the bus tells about itself, and above all what it does not."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bus.errors import JournalUnavailable, SettingsInvalid, StateUnavailable
from bus.ports import Record
from bus.settings import Settings
from bus.telemetry import Metrics, configure_logging, correlated
from bus.telemetry.logs import to_json
from bus.telemetry.metrics import _MOST_SERIES
from bus.telemetry.privacy import HIDDEN, hide, is_private, safe_text

NAME = "欧阳测试"
ID_18 = "11010519491231002X"
ID_15 = "110105491231002"
PHONE = "13800138000"


class Log:
    """A log being written, and the lines of it."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    handlers, level = logging.root.handlers[:], logging.root.level
    log = Log()
    configure_logging(Settings(), log.stream)
    yield log
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_is_one_json_object_with_time_level_logger_and_event(log: Log) -> None:
    structlog.get_logger("bus.server").info("gateway.started", port=8080, ready=True)
    (line,) = log.lines
    assert line.pop("timestamp", "").endswith("Z")  # type: ignore[attr-defined]
    assert line == {"event": "gateway.started", "port": 8080, "ready": True, "level": "info", "logger": "bus.server"}


async def test_lines_carry_the_ids_of_their_message_in_tasks_below_too(log: Log) -> None:
    logger = structlog.get_logger("x")

    async def below() -> None:
        logger.info("inside")

    with correlated("flow-1", "message-1"):
        await asyncio.create_task(below())
    logger.info("outside")
    assert [(line.get("flow"), line.get("message")) for line in log.lines] == [("flow-1", "message-1"), (None, None)]


def test_correlation_ends_with_its_block_even_after_an_error(log: Log) -> None:
    with pytest.raises(ValueError, match="boom"), correlated("a", "b"):
        raise ValueError("boom")
    structlog.get_logger("x").info("after")
    assert "flow" not in log.lines[0]


def test_levels_below_the_setting_are_not_written() -> None:
    stream = io.BytesIO()
    configure_logging(Settings(log_level="WARNING"), stream)
    structlog.get_logger("x").info("quiet")
    structlog.get_logger("x").warning("loud")
    structlog.reset_defaults()
    assert [orjson.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsInvalid, match=r"log_level.*debug"):
        configure_logging(Settings(log_level="chatty"), io.BytesIO())


def test_a_newline_in_a_value_does_not_make_a_second_line(log: Log) -> None:
    structlog.get_logger("x").info('split\n{"event":"forged"}', path="a\nb\x1b[31m")
    assert len(log.lines) == 1


def test_our_own_error_is_told_with_its_text_and_a_foreign_one_without(log: Log) -> None:
    patient = f"{NAME} {ID_18}"
    try:
        try:
            raise KeyError(patient)
        except KeyError as error:
            raise JournalUnavailable("the disk is full") from error
    except JournalUnavailable:
        structlog.get_logger("x").exception("journal.failed", exc_info=True)
    ours, foreign = log.lines[0]["exception"]  # type: ignore[misc]
    assert (ours["type"], ours["text"]) == ("bus.errors.JournalUnavailable", "the disk is full")
    assert foreign["type"] == "builtins.KeyError"
    assert "text" not in foreign
    assert foreign["frames"][0].startswith("test_telemetry.py:")
    assert NAME not in log.text
    assert ID_18 not in log.text


def test_what_a_library_logs_keeps_its_template_and_loses_its_values(log: Log) -> None:
    logging.getLogger("kombu").warning("cannot deliver %s to %r", NAME, ID_18)
    logging.getLogger("kombu").info("chatter")
    (line,) = log.lines
    assert (line["event"], line["logger"], line["level"]) == ("cannot deliver %s to %r", "kombu", "warning")


async def test_an_exception_nobody_fetched_is_logged_without_its_text(log: Log) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"Task failed\nfuture: <ValueError('{NAME}')>", "exception": ValueError(NAME)}
    )
    (line,) = log.lines
    assert (line["event"], line["logger"]) == ("Task failed", "asyncio")
    assert NAME not in log.text


@pytest.mark.parametrize(
    "field",
    [
        "patient_name", "patientName", "patient", "psn_no", "id_no", "idCard", "visit_no", "phone", "home_address",
        "birth_date", "姓名", "password", "api_key", "Authorization", "x-api-token", "body", "reply_body", "payload",
        "envelope", "keys", "accession_no", "settlement_id",
    ],
)  # fmt: skip
def test_a_field_that_may_hold_a_patient_or_a_secret_is_masked_by_its_name(field: str) -> None:
    assert hide(None, "", {"event": "x", field: NAME, "inner": {field: [NAME]}}) == {
        "event": "x",
        field: HIDDEN,
        "inner": {field: HIDDEN},
    }


@pytest.mark.parametrize("field", ["service", "operation", "consumer", "endpoint", "status", "error", "queue", "port"])
def test_a_field_that_operators_need_is_left_alone(field: str) -> None:
    assert not is_private(field)


@pytest.mark.parametrize("number", [ID_18, ID_15, PHONE, f"+86 {PHONE}"])
@pytest.mark.parametrize("frame", ["{}", "no {} here", "号码{}。", "({})"])
def test_identity_and_phone_numbers_are_masked_wherever_they_stand(number: str, frame: str) -> None:
    assert safe_text(frame.format(number)) == frame.format(HIDDEN)


@pytest.mark.parametrize("document", ["<a>x</a>", '<?xml version="1.0"?>', '{"name": 1}', 'sent [ "x" ]'])
def test_a_document_in_a_text_is_not_written_at_all(document: str) -> None:
    assert safe_text(document) == "(document)"


@pytest.mark.parametrize(
    "text", ["4bf92f3577b34da6a3ce929d0e0e4736", "http://127.0.0.1:8080/lis", "took 1234567890 ns"]
)
def test_ids_addresses_and_counts_stay_readable(text: str) -> None:
    assert safe_text(text) == text


def test_a_value_that_is_no_plain_value_is_told_by_its_type_alone() -> None:
    assert hide(None, "", {"x": NAME.encode(), "y": ValueError(NAME), "z": int(ID_15)}) == {
        "x": "(bytes)",
        "y": "(ValueError)",
        "z": HIDDEN,
    }


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.floats() | st.text() | st.lists(st.text())))
def test_whatever_is_logged_becomes_one_line_of_json(fields: dict[str, object]) -> None:
    line = to_json(hide(None, "", dict(fields)))
    assert set(json.loads(line)) == set(fields)
    assert b"\n" not in line


def test_half_a_surrogate_pair_and_a_huge_number_are_written_too() -> None:
    assert json.loads(to_json({"a": "\ud800", "b": 1 << 70})) == {"a": "\ud800", "b": 1 << 70}


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────

RECORD = Record(
    id="m",
    flow="f",
    parent="",
    door="soap",
    consumer="his",
    system="lis",
    service="lis",
    version="1",
    operation="PlaceOrder",
    received_at=0.0,
    status="ok",
    attempts=1,
    duration_us=30_000,
    sent_us=20_000,
    keys=(("id_no", ID_18),),
)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_an_exchange_is_counted_and_timed_under_its_operation() -> None:
    metrics = Metrics()
    metrics.observe(RECORD)
    metrics.observe(replace(RECORD, status="error", error="circuit-open", attempts=0))
    where = {"service": "lis", "operation": "PlaceOrder"}
    assert sample(metrics, "meridian_exchanges_total", **where, consumer="his", status="ok", error="") == 1
    failed = {"consumer": "his", "status": "error", "error": "circuit-open"}
    assert sample(metrics, "meridian_exchanges_total", **where, **failed) == 1
    assert sample(metrics, "meridian_exchange_seconds_sum", **where) == pytest.approx(0.06)
    assert sample(metrics, "meridian_provider_wait_seconds_count", **where) == 1
    assert sample(metrics, "meridian_provider_wait_seconds_sum", **where) == pytest.approx(0.02)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, consumer="", service=ID_18, operation=NAME, status="error", error="not-authenticated"),
        replace(RECORD, consumer="", service=ID_18, operation=NAME, status="error", error="malformed"),
        replace(RECORD, service=ID_18, operation=NAME, status="error", error="unknown-service"),
        replace(RECORD, operation=NAME + ID_18, status="error", error="unknown-operation"),
    ],
)
def test_what_a_caller_wrote_into_the_address_becomes_no_label(record: Record) -> None:
    metrics = Metrics()
    metrics.observe(record)
    text = metrics.render().decode()
    assert f'error="{record.error}"' in text
    assert ID_18 not in text
    assert NAME not in text


def test_the_buses_own_calls_are_labelled_although_they_have_no_consumer() -> None:
    metrics = Metrics()
    metrics.observe(replace(RECORD, door="workflow", consumer=""))
    assert sample(metrics, "meridian_exchange_seconds_count", service="lis", operation="PlaceOrder") == 1


def test_the_number_of_series_is_bounded() -> None:
    metrics = Metrics()
    for number in range(_MOST_SERIES + 10):
        metrics.observe(replace(RECORD, consumer=f"c{number}"))
    other = {"service": "other", "operation": "other", "consumer": "other", "status": "ok", "error": ""}
    assert sample(metrics, "meridian_exchanges_total", **other) == 10


def test_gauges_are_read_when_asked_and_a_store_that_is_down_does_not_break_the_page() -> None:
    metrics, depth = Metrics(), [3.0]

    def down() -> float:
        raise StateUnavailable("down")

    metrics.watch("meridian_outbox_depth", "Letters waiting", lambda: depth[0])
    metrics.watch("meridian_dead_letters", "Letters that failed", down)
    assert sample(metrics, "meridian_outbox_depth") == 3.0
    depth[0] = 5.0
    text = metrics.render().decode()
    assert "meridian_outbox_depth 5.0" in text
    assert "meridian_dead_letters NaN" in text


def test_every_endpoints_breaker_is_shown_as_a_number() -> None:
    metrics = Metrics()
    told = {"healthy": True, "in_flight": 2, "queued": 1}
    metrics.watch_endpoints(
        lambda: [
            {"url": f"http://{number}", "state": state, **told}
            for number, state in enumerate(("closed", "half-open", "open"))
        ]
    )
    assert [sample(metrics, "meridian_endpoint_breaker", url=f"http://{number}") for number in range(3)] == [0, 1, 2]
    assert sample(metrics, "meridian_endpoint_in_flight", url="http://0") == 2


def test_refused_credentials_are_counted_by_kind_and_consumer() -> None:
    metrics = Metrics()
    metrics.refused("basic", "his")
    metrics.refused("basic", "his")
    assert sample(metrics, "meridian_refused_credentials_total", kind="basic", consumer="his") == 2
