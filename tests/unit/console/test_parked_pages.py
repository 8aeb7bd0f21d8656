"""Letters that wait for a person, on the pages and in the API: what they show, hide, and let whom do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from console_visit import IDENTITY, console_over
from flask.testing import FlaskClient

from bus.backbone import outbox, parking
from bus.backbone.dead_letters import dead_letters
from bus.backbone.topology import ENGINE
from bus.console.app import create_app
from bus.parked import Parked
from bus.ports import Letter
from bus.security.users import Users
from bus.settings import Settings
from bus.state.actions import actions, record
from bus.state.store import State

Open = Callable[[str], FlaskClient]

VISIT = {"visit_no": "V17", "patient": {"name": "张三丰", "id_no": IDENTITY}}


def letter(name: str, lane: str = "") -> Letter:
    return Letter(name, ENGINE, orjson.dumps({"kind": "start", "workflow": "visit", "input": VISIT}), lane=lane)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    store = State(Settings(data=tmp_path))
    await store.start()
    first, person = letter("1", "visits/visit_no=V17"), letter("9", f"visits/id_no={IDENTITY}")
    await store.write(lambda c: outbox.post(c, [first, letter("2", "visits/visit_no=V17"), person]))
    await store.write(lambda c: parking.park(c, first, "mapping", "no such code in lis-items"))
    await store.write(lambda c: parking.park(c, person, "expired", "not delivered within 60 s of its acceptance"))
    yield store
    await store.aclose()


@pytest.fixture
def browse(state: State, users: Users, tmp_path: Path) -> Open:
    ports = console_over(Settings(data=tmp_path), users=users)
    app = create_app(replace(ports, parked=Parked(state, ports.registry)))
    app.config["WTF_CSRF_ENABLED"] = False

    def enter(user: str, language: str = "en") -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        client.get(f"/login/once/{users.link(user)}")
        return client

    return enter


def test_the_list_shows_why_each_waits_and_what_waits_behind_it_in_both_languages(browse: Open) -> None:
    for language, behind in (("en", "waiting behind: 1"), ("zh", "后面等待: 1")):
        page = browse("viewer", language).get("/parked").text  # type: ignore[call-arg]
        assert "no such code in lis-items" in page
        assert "visits/visit_no=V17" in page
        assert behind in page


async def test_what_was_done_to_a_letter_before_is_told_in_the_language_of_the_page(browse: Open, state: State) -> None:
    await state.write(lambda c: record(c, "li", "edit", "engine/1", "wrong code", 1.0))
    for language, told in (
        ("en", "<strong>li</strong> edited: wrong code"),
        ("zh", "<strong>li</strong> 修改: wrong code"),
    ):
        assert told in browse("viewer", language).get("/parked/engine/1").text  # type: ignore[call-arg]


def test_an_identity_number_in_a_lane_and_in_a_document_is_masked(browse: Open) -> None:
    browser = browse("admin")
    answers = [browser.get(path).text for path in ("/parked", "/parked/engine/1", "/api/parked", "/api/parked/lanes")]
    assert all(IDENTITY not in answer and "张三丰" not in answer for answer in answers)
    assert "V17" in answers[1]


@pytest.mark.parametrize("user", ["viewer", "clinical"])
def test_who_may_not_operate_sees_no_verbs_and_is_refused(browse: Open, state: State, user: str) -> None:
    browser = browse(user)
    assert "/parked/engine/1/release" not in browser.get("/parked").text
    assert browser.post("/parked/engine/1/release", data={"reason": "x"}).status_code == 403
    assert browser.post("/api/parked/engine/1/skip", json={"reason": "x"}).status_code == 403
    assert Parked(state, None).count() == 2  # type: ignore[arg-type]


async def test_a_verb_is_put_on_record_with_who_and_why_and_not_done_without_a_reason(
    browse: Open, state: State
) -> None:
    browser = browse("operator")
    assert browser.post("/parked/engine/1/release", data={"reason": " "}).status_code == 400
    assert browser.post("/parked/engine/1/release", data={"reason": "table corrected"}).status_code == 302
    assert browser.post("/parked/engine/9/skip", data={"reason": "came by phone"}).status_code == 302
    trail = await state.read(actions)
    assert [(one.who, one.verb, one.subject, one.reason) for one in trail] == [
        ("operator", "skip", "engine/9", "came by phone"),
        ("operator", "release", "engine/1", "table corrected"),
    ]
    assert [dead.letter.id for dead in await state.read(dead_letters)] == ["9"]
    assert "No message waits for a decision" in browser.get("/parked").text


def test_a_document_is_revealed_for_a_reason_and_then_edited_by_who_may_do_both(browse: Open, users: Users) -> None:
    browser = browse("admin")
    assert "<textarea" not in browser.get("/parked/engine/1").text
    browser.post("/parked/engine/1/reveal", data={"reason": "wrong code"})
    assert "张三丰" in browser.get("/parked/engine/1").text
    assert (users.audit()[0]["action"], users.audit()[0]["object"]) == ("reveal", "engine/1")
    broken = browser.post("/parked/engine/1/edit", data={"document": '{"a":', "reason": "wrong code"})
    assert broken.status_code == 422
    assert "{&#34;a&#34;:" in broken.text
    assert (
        browser.post("/parked/engine/1/edit", data={"document": '{"a":1}', "reason": "wrong code"}).status_code == 302
    )
    assert browser.get("/parked/engine/1").status_code == 404
    assert browse("operator").post("/parked/engine/9/edit", data={"document": "{}", "reason": "x"}).status_code == 403


async def test_the_api_lists_and_moves_letters_and_names_what_is_wrong_with_an_order(
    browse: Open, state: State
) -> None:
    browser = browse("operator")
    listed = browser.get("/api/parked?code=mapping").get_json()
    assert ([one["id"] for one in listed["letters"]], listed["count"]) == (["1"], 2)
    assert {one["name"].partition("=")[0] for one in browser.get("/api/parked/lanes").get_json()["lanes"]} == {
        "visits/visit_no",
        "visits/id_no",
    }
    assert browser.get("/api/parked/engine/1").get_json()["members"][1]["id"] == "2"
    for path, body, status, says in (
        ("engine/1/release", {}, 400, "say why"),
        ("engine/1/release", {"reason": 1}, 400, "reason must be str"),
        ("engine/1/release", {"why": "x"}, 400, "unknown field 'why'"),
        ("engine/2/skip", {"reason": "x"}, 404, "no letter engine/2 waits"),
        ("engine/1/edit", {"reason": "x", "document": "<a>"}, 400, "JSON"),
        ("release", {"reason": "x"}, 400, "name the code"),
    ):
        answer = browser.post(f"/api/parked/{path}", json=body)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
        assert says in answer.get_json()["detail"]
    assert browser.post("/api/parked/release", json={"code": "expired", "reason": "back"}).get_json() == {"released": 1}
    edited = browser.post("/api/parked/engine/1/edit", json={"reason": "x", "document": '{"a":1}'}).get_json()
    assert edited == {"id": "1~1"}
