"""``meridian workflow`` beside a running bus: read from its files, ordered through its admin API, as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from served_bus import ServedBus, eventually
from stock_provider import Stores, stores_open

from bus.cli import meridian
from bus.security.users import Role, Users
from transformers.errors import MeridianError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SUPPLY = """
kind: System
name: clerks
---
kind: Service
name: supplies
system: clerks
versions:
  - version: "1"
    operations:
      - {name: Start, effect: write, starts: supply, http: {method: POST, path: /start}}
---
kind: Consumer
name: clerk
system: clerks
credentials: [{kind: api-key, secret: "${CLERK_KEY}"}]
grants: [{service: supplies, operations: ["*"]}]
---
kind: Workflow
name: supply
version: "1"
keys: {booking_no: .input.booking_no}
steps:
  - call: stock.Book
    name: book
    with: .input
    undo: {call: stock.Book, with: '.input + {booking_no: (.input.booking_no + "-back")}'}
  - {wait: stock.counted, name: counted, match: {booking_no: .input.booking_no}}
"""


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    with stores_open() as found:
        yield found


@pytest.fixture(scope="module")
def bus(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBus]:
    environ = {"STOCK_URL": stores.url, "CLERK_KEY": "invented-key-for-the-clerk"}
    found = ServedBus(tmp_path_factory.mktemp("orders"), environ)
    (found.catalogue / "supply.yaml").write_text(SUPPLY)
    try:
        yield found.start()
    finally:
        found.stop()


def given(bus: ServedBus, *arguments: str, typed: str = "", status: int = 0, **environ: str) -> str:
    """What ``meridian`` prints with these arguments and the settings of this bus, its errors last."""
    ran = CliRunner().invoke(meridian, ["workflow", *arguments], input=typed, env={**bus.environ, **environ})
    said = f"{ran.output}{ran.exception if isinstance(ran.exception, MeridianError) else ''}"
    assert (ran.exit_code != 0) == (status != 0), said + str(ran.exception)
    assert ran.exception is None or isinstance(ran.exception, (SystemExit, MeridianError)), ran.exc_info
    return said


def started(bus: ServedBus, number: str) -> str:
    """A new instance that has booked and waits; answers its id."""
    document = {"booking_no": number, "code": "A1"}
    headers = {"X-API-Key": "invented-key-for-the-clerk"}
    answer = requests.post(f"{bus.url}/rest/supplies/start", json=document, headers=headers, timeout=20)
    assert answer.status_code == 202, answer.text
    listed = eventually(lambda: given(bus, "list", "--key", number, "--status", "running"))
    found = str(listed.split("\t")[0])
    eventually(lambda: "◔ counted" in given(bus, "show", found))
    return found


def test_an_undo_that_is_refused_is_seen_taken_and_retried_from_the_command_line(
    bus: ServedBus, stores: Stores
) -> None:
    instance = started(bus, "B-1")
    told = given(bus, "compensate", instance, "--dry-run")
    assert "would undo, in this order:\n  book\n" in told
    assert stores.booked("/book") == ["B-1"]
    assert "Aborted" in given(bus, "compensate", instance, "--reason", "not needed", typed="n\n", status=1)
    stores.refuse = True
    given(bus, "compensate", instance, "--reason", "not needed", "--yes")
    waiting = eventually(lambda: given(bus, "tasks"))
    assert waiting.split("\t")[:4] == [instance, "supply", "book", "undo"]
    shown = given(bus, "show", instance)
    assert "‖ book" in shown
    assert "nobody has taken it" in shown
    given(bus, "acknowledge", instance)
    assert "taken by " in given(bus, "show", instance)
    stores.refuse = False
    given(bus, "retry", instance, "--step", "book")
    eventually(lambda: given(bus, "list", "--status", "compensated"))
    shown = given(bus, "show", instance)
    assert "↶ book" in shown
    assert "(command line): compensate  not needed" in shown
    assert stores.booked("/book")[-1] == "B-1-back"
    assert given(bus, "tasks") == ""


def test_a_console_user_orders_from_another_machine_and_a_viewer_may_only_look(bus: ServedBus, tmp_path: Path) -> None:
    instance = started(bus, "B-2")
    for name, role in (("lin", "operator"), ("guest", "viewer")):
        Users(bus.settings).add(name, Role(role), "a-password")
    elsewhere = ServedBus(tmp_path, {"MERIDIAN_PASSWORD": "a-password"})
    reach = ("--url", bus.url, "--user")
    assert instance in given(elsewhere, "list", "--key", "B-2", *reach, "guest")
    order = ("cancel", instance, "--reason", "wrong ward", "--yes")
    assert "guest" in given(elsewhere, *order, *reach, "guest", status=1)
    assert "does not know" in given(elsewhere, *order, *reach, "nobody", status=1)
    assert "the instance is cancelled" in given(elsewhere, *order, *reach, "lin")
    one = json.loads(given(elsewhere, "show", instance, "--json", *reach, "guest"))
    assert (one["status"], one["orders"][0]["who"], one["orders"][0]["reason"]) == ("cancelled", "lin", "wrong ward")
    assert "nothing can be ordered any more" in given(elsewhere, *order, *reach, "lin", status=1)
    picture = tmp_path / "supply.svg"
    given(elsewhere, "show", instance, "--svg", str(picture), *reach, "guest")
    assert picture.read_text().startswith("<svg")


def test_an_order_without_a_reason_or_a_bus_says_what_is_missing(bus: ServedBus, tmp_path: Path) -> None:
    assert "needs --reason" in given(bus, "skip", "x", status=1)
    assert "no workflow instance x" in given(bus, "retry", "x", status=1)
    assert "no workflow instance x" in given(bus, "show", "x", status=1)
    nowhere = "http://127.0.0.1:9"
    assert f"no bus answers at {nowhere}" in given(bus, "retry", "x", "--url", nowhere, status=1)
    elsewhere = ServedBus(tmp_path, {})
    assert "console.secret: cannot be read" in given(elsewhere, "retry", "x", "--url", bus.url, status=1)


def test_orders_go_straight_into_postgres_while_no_bus_runs(
    stores: Stores, postgres_database: str, tmp_path: Path
) -> None:
    environ = {"STOCK_URL": stores.url, "CLERK_KEY": "invented-key-for-the-clerk"}
    shared = ServedBus(tmp_path, {**environ, "MERIDIAN_DATABASE": postgres_database})
    (shared.catalogue / "supply.yaml").write_text(SUPPLY)
    try:
        instance = started(shared.start(), "B-3")
    finally:
        shared.stop()
    told = given(shared, "cancel", instance, "--reason", "closed for the night", "--yes")
    assert "done, or may have been, and stays so:\n  book\n" in told
    assert "the instance is cancelled" in told
    assert "closed for the night" in given(shared, "show", instance)
