"""A served bus whose provider hangs or says no: the door closes in time and opens again, and a person replays."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from served_bus import ServedBus, eventually
from stock_provider import Stores

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_the_door_closes_when_the_backlog_is_full_and_opens_when_it_has_drained(tmp_path: Path, stores: Stores) -> None:
    bus = ServedBus(
        tmp_path, {"STOCK_URL": stores.url, "MERIDIAN_MAX_BACKLOG": "10", "MERIDIAN_WORKER_CONCURRENCY": "2"}
    )
    stores.delay = 3
    accepted: list[str] = []

    def post(number: int) -> int:
        answer = bus.post("Announce", {"booking_no": f"A-{number}"})
        if answer.status_code == 202:
            accepted.append(f"A-{number}")
        return answer.status_code

    try:
        bus.start()
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(post, range(20))) <= {202, 503}
        eventually(lambda: bus.post("Announce", {"booking_no": "REFUSED"}).status_code == 503)
        refused = bus.post("Announce", {"booking_no": "REFUSED"})
        assert refused.json()["code"] == "backlog-full"
        assert int(refused.headers["Retry-After"]) >= 1
        (cause,) = requests.get(f"{bus.url}/readyz", timeout=5).json()["causes"]
        assert cause.endswith("accepted messages are not finished; the most is 10 (max_backlog)")
        assert bus.post("Find", {"booking_no": "A-1"}).status_code != 503
        stores.delay = 0
        eventually(lambda: post(99) == 202, 60)
        eventually(lambda: set(accepted) <= set(stores.booked("/announce")), 60)
        counted = Counter(stores.booked("/announce"))
        assert {number: counted[number] for number in accepted} == dict.fromkeys(accepted, 1)
    finally:
        bus.stop()


def test_a_person_replays_what_was_given_up_from_the_command_line_of_a_running_bus(
    tmp_path: Path,
) -> None:
    bus = ServedBus(tmp_path, {"STOCK_URL": "http://127.0.0.1:9"})
    manifest = next(bus.catalogue.rglob("*.yaml"))
    rule = "policy: {idempotent: true, on_failure: [{when: unreachable, do: dead-letter}]}"
    manifest.write_text(manifest.read_text("utf-8").replace("policy: {idempotent: true}", rule), "utf-8")
    try:
        bus.start()
        answers = [bus.post("Announce", {"booking_no": f"D-{number}"}) for number in range(3)]
        assert {answer.status_code for answer in answers} == {202}
        names = {f"deliver/{answer.json()['message_id']}" for answer in answers}

        def listed() -> set[str]:
            return {line.split("\t")[0] for line in bus.run("dead-letters", "list").splitlines()}

        eventually(lambda: listed() == names, 60, pause=1)
        one = sorted(names)[0]
        shown = bus.run("dead-letters", "show", one)
        assert "provider-unreachable" in shown or "circuit-open" in shown
        assert "stock.Announce" in shown
        assert bus.run("dead-letters", "discard", one, "--reason", "settled by telephone") == "1 discarded\n"
        again = bus.run("dead-letters", "replay", "--all", "--operation", "stock", "--reason", "the stores are back")
        assert again == "2 replayed\n"
        eventually(lambda: listed() == names - {one}, 60, pause=1)  # the stores are not back: they die once more
        assert "replayed 1× before" in bus.run("dead-letters", "show", sorted(names)[1])
    finally:
        bus.stop()
