"""Dead letters on their pages, in the admin API and on the command line: what is told, and who may decide what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from console_visit import console_over
from flask.testing import FlaskClient
from sqlalchemy import Connection

from bus.backbone import history
from bus.backbone.dead_letters import DeadLetters, bury, replay
from bus.backbone.tables import outbox
from bus.backbone.topology import CALLS, DELIVER, OPERATION
from bus.cli import meridian
from bus.console.app import create_app
from bus.journal.memory import MemoryJournal
from bus.ports import Letter
from bus.security.users import Users
from bus.settings import Settings
from bus.state.actions import actions
from bus.state.store import State

ORDER = Letter("0a" * 16, DELIVER, b"secret", {OPERATION: "lis.PlaceOrder"}, "lis/visit_no=V17", attempt=2)
CALL = Letter("call-1", CALLS, b"secret", {OPERATION: "emr.Save"})
PAGE = f"/dead-letters/{DELIVER}/{ORDER.id}"

Enter = Callable[..., FlaskClient]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    store = State(Settings(data=tmp_path))
    asyncio.run(store.start())

    def work(connection: Connection) -> None:
        history.note(connection, replace(ORDER, attempt=1), "provider-unreachable", "connection refused")
        bury(connection, ORDER, "provider-unreachable", "connection refused")
        replay(connection, DELIVER, ORDER.id, "lin", "they mended it")
        history.note(connection, ORDER, "provider-fault", "no such patient")
        bury(connection, ORDER, "provider-fault", "no such patient")
        bury(connection, CALL, "poison", "6 processes died while they held this letter")

    store.write_blocking(work)
    yield store
    asyncio.run(store.aclose())


@pytest.fixture
def enter(state: State, tmp_path: Path, journal: MemoryJournal, users: Users) -> Enter:
    ports = console_over(Settings(data=tmp_path), journal, users, dead_letters=DeadLetters(state))
    app = create_app(ports)
    app.config["WTF_CSRF_ENABLED"] = False

    def browse(user: str, language: str = "en") -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        client.get(f"/login/once/{users.link(user)}")
        return client

    return browse


def waiting(state: State) -> list[str]:
    return [row.id for row in state.read_blocking(lambda c: c.execute(outbox.select().order_by(outbox.c.seq)).all())]


@pytest.mark.parametrize(("language", "words"), [("zh", "死信"), ("en", "Dead letters")])
def test_the_list_tells_operation_code_reason_and_that_a_letter_was_replayed_before(
    enter: Enter, language: str, words: str
) -> None:
    page = enter("viewer", language).get("/dead-letters").text
    for text in (words, "lis.PlaceOrder", "lis/visit_no=V17", "provider-fault", "no such patient", "1×", "poison"):
        assert text in page
    assert "secret" not in page


@pytest.mark.parametrize(
    ("language", "advice"), [("zh", "查看对方返回的错误"), ("en", "Read the provider&#39;s own fault")]
)
def test_the_page_of_a_letter_tells_everything_that_happened_to_it(enter: Enter, language: str, advice: str) -> None:
    page = enter("viewer", language).get(PAGE).text
    assert page.index("connection refused") < page.index("they mended it") < page.rindex("no such patient")
    for text in (advice, history.this_process(), "lin", f'href="/messages/{ORDER.id}"'):
        assert text in page
    assert "secret" not in page
    assert enter("viewer").get("/dead-letters/deliver/nothing").status_code == 404


def test_the_overview_leads_to_the_letters_that_were_given_up(enter: Enter) -> None:
    page = enter("viewer").get("/").text
    assert f'href="{PAGE}"' in page
    assert 'href="/dead-letters"' in page
    assert "Nothing needs you" not in page


def test_the_list_is_filtered_by_queue_code_and_service(enter: Enter) -> None:
    browser = enter("viewer")
    for query, found in (("queue=calls", "call-1"), ("code=poison", "call-1"), ("operation=lis", ORDER.id)):
        answered = browser.get(f"/api/dead-letters?{query}").json
        assert answered is not None
        assert ([one["id"] for one in answered["letters"]], answered["count"]) == ([found], 1)
    assert browser.get("/api/dead-letters?operation=li").json == {"letters": [], "count": 0}
    assert "No dead letter fits" in browser.get("/dead-letters?code=none").text


def test_an_operator_replays_a_letter_with_a_reason_and_not_without(enter: Enter, state: State) -> None:
    browser = enter("operator")
    browser.post(f"{PAGE}/replay", data={"reason": " "})
    assert waiting(state) == []
    browser.post(f"{PAGE}/replay", data={"reason": "the ward never got it"})
    assert waiting(state) == [ORDER.id]
    (line, *_) = state.read_blocking(actions)
    assert (line.who, line.verb, line.reason) == ("operator", "replay", "the ward never got it")
    assert browser.post(f"{PAGE}/replay", data={"reason": "again"}).status_code == 404


def test_all_that_fits_the_filter_is_replayed_at_the_chosen_rate(enter: Enter, state: State) -> None:
    browser = enter("operator")
    browser.post("/dead-letters/replay", data={"operation": "lis", "rate": "5", "reason": "the laboratory is back"})
    assert waiting(state) == [ORDER.id]
    browser.post("/dead-letters/replay", data={"rate": "1000000", "reason": "faster"})
    assert waiting(state) == [ORDER.id]


def test_whoever_may_not_operate_decides_nothing(enter: Enter, state: State) -> None:
    browser = enter("clinical")
    assert f'action="{PAGE}/replay"' not in browser.get(PAGE).text
    for path in (f"{PAGE}/replay", f"{PAGE}/discard", "/dead-letters/replay"):
        assert browser.post(path, data={"reason": "please", "rate": "5"}).status_code == 403
    answer = browser.post(f"/api{PAGE}/discard", json={"reason": "please"})
    assert answer.status_code == 403
    assert waiting(state) == []


def test_the_api_says_which_field_of_an_order_is_wrong(enter: Enter, state: State) -> None:
    browser = enter("admin")
    for path, body, says in (
        (f"/api{PAGE}/discard", {}, "say why"),
        (f"/api{PAGE}/discard", {"resaon": "x"}, "unknown field 'resaon'; known: reason"),
        ("/api/dead-letters/replay", {"reason": "x", "rate": 0}, "rate must be a number of letters a second"),
        ("/api/dead-letters/replay", {"reason": "x", "queue": 7}, "queue must be str"),
        ("/api/dead-letters/replay", [], "send a JSON object"),
    ):
        answer = browser.post(path, json=body)
        assert answer.status_code == 400
        assert says in answer.text
    assert browser.post(f"/api{PAGE}/discard", json={"reason": "settled by telephone"}).json == {"done": 1}
    assert browser.post(f"/api{PAGE}/discard", json={"reason": "again"}).status_code == 404
    assert browser.post("/api/dead-letters/replay", json={"reason": "all"}).json == {"done": 1}
    assert waiting(state) == ["call-1"]


def test_the_command_lists_and_shows_dead_letters_beside_a_running_bus(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERIDIAN_DATA", str(tmp_path))
    listed = CliRunner().invoke(meridian, ["dead-letters", "list", "--code", "provider-fault"]).output
    assert listed.count("\n") == 1
    for text in (f"deliver/{ORDER.id}", "provider-fault", "lis.PlaceOrder", "2 attempts, replayed 1×"):
        assert text in listed
    shown = CliRunner().invoke(meridian, ["dead-letters", "show", f"deliver/{ORDER.id}"]).output
    for text in ("replayed 1× before", "lane lis/visit_no=V17", "they mended it", history.this_process()):
        assert text in shown
    assert "secret" not in shown
    refused = CliRunner().invoke(meridian, ["dead-letters", "replay", "--reason", "x"])
    assert "name letters, or --all" in refused.output
