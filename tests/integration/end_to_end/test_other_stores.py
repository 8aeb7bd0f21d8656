"""The same installation on RabbitMQ and on PostgreSQL with two server processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from served_bus import ServedBus, eventually
from stock_provider import Stores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def on_rabbitmq(tmp_path: Path, stores: Stores, rabbitmq_url: str) -> Iterator[ServedBus]:
    found = ServedBus(tmp_path, {"STOCK_URL": stores.url, "MERIDIAN_BROKER": rabbitmq_url})
    yield found.start()
    found.stop()


@pytest.fixture
def on_postgres(tmp_path: Path, stores: Stores, postgres_database: str) -> Iterator[ServedBus]:
    environ = {"STOCK_URL": stores.url, "MERIDIAN_DATABASE": postgres_database, "MERIDIAN_WORKERS": "2"}
    found = ServedBus(tmp_path, environ)
    yield found.start()
    found.stop()


def test_an_accepted_message_travels_over_rabbitmq_to_the_provider(on_rabbitmq: ServedBus, stores: Stores) -> None:
    answer = on_rabbitmq.post("Announce", {"booking_no": "R-1"})
    assert answer.status_code == 202
    eventually(lambda: stores.booked("/announce"))
    assert stores.book == [("/announce", "R-1", answer.json()["message_id"])]
    with on_rabbitmq.console() as browser:
        rows = eventually(lambda: len(found := on_rabbitmq.find(browser, "R-1")) == 2 and found)
    assert {row["operation"] for row in rows} == {"stock.Announce"}


def test_accepted_messages_survive_a_kill_on_rabbitmq_too(on_rabbitmq: ServedBus, stores: Stores) -> None:
    stores.delay = 0.2
    for number in range(12):
        assert on_rabbitmq.post("Announce", {"booking_no": f"K-{number}"}).status_code == 202
    on_rabbitmq.kill()
    stores.delay = 0
    on_rabbitmq.start()
    eventually(lambda: len(set(stores.booked("/announce"))) == 12, seconds=60)
    keys = {(number, key) for _, number, key in stores.book}
    assert len(keys) == 12


def test_two_processes_on_postgres_take_calls_changes_and_searches(on_postgres: ServedBus, stores: Stores) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: on_postgres.post("Book", {"booking_no": f"P-{number}"}), range(30)))
    assert Counter(answer.status_code for answer in answers) == {200: 30}
    with on_postgres.console() as browser:
        assert [row["operation"] for row in on_postgres.find(browser, "P-17")] == ["stock.Book"]
        overview = browser.get(f"{on_postgres.url}/api/overview", timeout=20).json()
    assert (overview["calls"], overview["errors"], overview["in_doubt_count"]) == (30, 0, 0)


def test_both_processes_on_postgres_swap_to_a_new_revision_within_two_seconds(on_postgres: ServedBus) -> None:
    manifest = on_postgres.catalogue / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("- name: Find\n", "- name: Search\n").replace("[Find]", "[Search]"))
    on_postgres.run("apply", "-f", str(on_postgres.catalogue))

    def everywhere() -> bool:
        return all(on_postgres.post("Search", {"text": "纱布"}).status_code == 200 for _ in range(12))

    eventually(everywhere, seconds=2.5)


def test_messages_accepted_by_either_process_on_postgres_are_delivered_once(
    on_postgres: ServedBus, stores: Stores
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: on_postgres.post("Announce", {"booking_no": f"Q-{n}"}), range(30)))
    assert {answer.status_code for answer in answers} == {202}
    eventually(lambda: len(stores.booked("/announce")) >= 30, seconds=40)
    assert Counter(stores.booked("/announce")) == Counter(f"Q-{number}" for number in range(30))
