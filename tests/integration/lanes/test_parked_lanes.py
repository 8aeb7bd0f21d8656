"""A message that fails for good holds up its own visit only, until somebody releases, edits or skips it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recording_provider import Ledger
from served_bus import ServedBus, eventually

from bus.commands.parked_desk import letters

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def post(bus: ServedBus, visit: str, number: int, name: str = "aspirin", operation: str = "Send") -> None:
    document = {"visit_no": visit, "number": number, "name": name}
    assert bus.post(operation, document, service="orders").status_code == 202


def waiting(bus: ServedBus) -> list[list[str]]:
    """The fields of the lines of ``meridian parked list``."""
    return [line.split("\t") for line in bus.run("parked", "list").splitlines()]


def parked(bus: ServedBus) -> str:
    """The one letter that waits, as soon as one does; read beside the running bus, as the command does."""
    (found,) = eventually(lambda: letters(bus.settings, "", 10), 60)
    return f"{found.letter.queue}/{found.letter.id}"


def complaint(bus: ServedBus, *arguments: str) -> str:
    """What ``meridian`` with these arguments complains of."""
    command = [sys.executable, "-c", "from bus.cli import main; main()", *arguments]
    done = subprocess.run(command, env=bus.environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def test_a_refused_message_holds_its_own_visit_while_others_flow_and_is_released_in_order(
    any_bus: ServedBus, ledger: Ledger
) -> None:
    ledger.refused = {"poppy"}
    for number, name in enumerate(["aspirin", "poppy", "aspirin", "poppy", "aspirin"]):
        post(any_bus, "V1", number, name)
    for number in range(10):
        post(any_bus, "V2", number)
    letter = parked(any_bus)
    eventually(lambda: ledger.numbers("V2") == list(range(10)), 60)
    assert ledger.numbers("V1") == [0]
    ((_, _, code, about, lane, behind, reason),) = waiting(any_bus)
    assert (code, about, lane, behind) == ("provider-fault", "orders.Send", "orders/visit_no=V1", "3 behind")
    assert reason
    assert any_bus.run("lanes", "list").split("\t")[:3] == ["orders/visit_no=V1", "4 letters", "1 parked"]

    ledger.refused = set()
    assert any_bus.run("parked", "release", letter, "--reason", "on the list now") == "1 released\n"
    eventually(lambda: ledger.numbers("V1") == [0, 1, 2, 3, 4], 60)
    assert letters(any_bus.settings, "", 10) == []


def test_a_refused_message_is_skipped_or_edited_and_its_visit_goes_on(
    any_bus: ServedBus, ledger: Ledger, tmp_path: Path
) -> None:
    ledger.refused = {"poppy"}
    for number, name in enumerate(["poppy", "aspirin", "poppy", "aspirin"]):
        post(any_bus, "V1", number, name)
    first = parked(any_bus)
    assert any_bus.run("parked", "skip", first, "--reason", "entered by hand") == "1 skipped\n"
    eventually(lambda: ledger.numbers("V1") == [1], 60)

    second = parked(any_bus)
    assert second != first
    document = json.loads(any_bus.run("parked", "show", second, "--document"))
    assert document == {"visit_no": "V1", "number": 2, "name": "poppy"}
    file = tmp_path / "corrected.json"
    file.write_text(json.dumps(document | {"name": ""}), encoding="utf-8")
    assert "breaks the contract of orders.Send in /name" in complaint(
        any_bus, "parked", "edit", second, "--file", str(file), "--reason", "wrong name"
    )
    file.write_text(json.dumps(document | {"name": "ibuprofen"}), encoding="utf-8")
    assert any_bus.run("parked", "edit", second, "--file", str(file), "--reason", "wrong name").startswith(
        "released as"
    )
    eventually(lambda: ledger.numbers("V1") == [1, 2, 3], 60)
    assert ("V1", 2, "ibuprofen") in ledger.done
    assert "may have been released meanwhile" in complaint(any_bus, "parked", "skip", second, "--reason", "again")


def test_a_message_that_outlives_its_time_waits_for_a_person_and_is_never_thrown_away(
    any_bus: ServedBus, ledger: Ledger
) -> None:
    ledger.flaky = 1.0
    post(any_bus, "V1", 0, operation="SendSoon")
    post(any_bus, "V1", 1)
    parked(any_bus)
    assert [found.code for found in letters(any_bus.settings, "", 10)] == ["expired"]
    ledger.flaky = 0.0
    time.sleep(2)
    assert ledger.done == [], "nothing goes by itself, and nothing of its lane overtakes it"
    assert any_bus.run("parked", "release", "--code", "expired", "--reason", "late is better") == "1 released\n"
    eventually(lambda: ledger.numbers("V1") == [0, 1], 60)


def test_a_message_without_a_lane_may_wait_too_where_its_policy_says_so(any_bus: ServedBus, ledger: Ledger) -> None:
    ledger.refused = {"poppy"}
    post(any_bus, "V1", 0, "poppy", operation="Tell")
    post(any_bus, "V1", 1, operation="Tell")
    letter = parked(any_bus)
    eventually(lambda: ledger.numbers("V1") == [1], 60)
    assert any_bus.run("parked", "skip", letter, "--reason", "not needed any more") == "1 skipped\n"
