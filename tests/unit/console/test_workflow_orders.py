"""Orders to workflow instances over the pages and over the admin API: who may, what they see first, what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from console_visit import IDENTITY, OneWorkflow, console_over
from flask.testing import FlaskClient

from bus.console.app import create_app
from bus.journal.memory import MemoryJournal
from bus.orchestration.stimuli import Order
from bus.security.local_pass import LIFE, console_secret, read_pass, write_pass
from bus.security.users import Role, Users
from bus.settings import Settings

Browse = Callable[..., FlaskClient]
ORDERS = "/api/workflows/i1"


@pytest.fixture
def stuck() -> OneWorkflow:
    """An instance that needs a person."""
    return OneWorkflow()


@pytest.fixture
def browse(stuck: OneWorkflow, journal: MemoryJournal, users: Users, tmp_path: Path) -> Browse:
    """Open a session over that instance, with the protection against forged forms on."""
    app = create_app(console_over(Settings(data=tmp_path), journal, users, stuck))

    def enter(user: str = "", language: str = "en") -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        if user:
            client.get(f"/login/once/{users.link(user)}")
        return client

    return enter


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["/workflows", "/workflows/i1", "/tasks", "/workflows/i1/cancel", "/"])
def test_pages_of_a_workflow_that_needs_a_person_open(browse: Browse, path: str, language: str) -> None:
    answer = browse("operator", language).get(path)
    assert answer.status_code == 200
    assert IDENTITY not in answer.text
    assert "张三丰" not in answer.text
    assert 'class="badge text-bg-danger"' in answer.text


def test_what_needs_a_person_tells_who_took_it_and_what_may_be_done(browse: Browse) -> None:
    page = browse("operator").get("/tasks").text
    for words in ("order-lab", "provider-fault", "the laboratory refuses", "nobody yet", "Take it", "Retry", "Skip"):
        assert words in page
    assert "Compensate" not in page


def test_a_viewer_is_offered_no_order_and_may_give_none(browse: Browse, stuck: OneWorkflow) -> None:
    viewer = browse("viewer")
    assert "Take it" not in viewer.get("/tasks").text
    assert viewer.get("/workflows/i1/cancel").status_code == 403
    assert viewer.post(f"{ORDERS}/cancel", json={"reason": "no"}).status_code == 403
    assert stuck.given == []


def test_an_order_is_first_told_with_what_it_leaves_and_then_given_with_its_reason(
    browse: Browse, stuck: OneWorkflow
) -> None:
    browser = browse("operator")
    page = browser.get("/workflows/i1/cancel?step=").text
    kept = page.index("Done, or may have been, and stays so")
    assert kept < page.index("<li>register</li>") < page.index("<li>order-lab</li>")
    token = page.split('name="csrf_token" value="')[-1].split('"')[0]
    assert browser.post("/workflows/i1/cancel", data={"reason": "forged"}).status_code == 400
    browser.post("/workflows/i1/cancel", data={"csrf_token": token, "reason": " the patient left "})
    assert stuck.given == [("i1", Order("cancel"), "operator", "the patient left")]


def test_an_order_that_does_not_fit_says_so_before_and_changes_nothing(browse: Browse, stuck: OneWorkflow) -> None:
    page = browse("admin").get("/workflows/i1/compensate").text
    assert "compensate does not fit while the instance is stuck" in page
    assert "csrf_token" not in page[page.index("This cannot be done now") :]
    answer = browse("admin").post(f"{ORDERS}/compensate", json={"reason": "x"})
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert answer.json["code"] == "order-refused"
    assert "retry, skip would" in answer.json["detail"]


def test_the_api_tells_an_instance_with_its_progress_and_without_the_patient(browse: Browse) -> None:
    view = browse("viewer").get(ORDERS).json
    assert {"step": "order-lab", "state": "stuck"}.items() <= view["progress"][2].items()
    assert {"verb": "skip", "steps": ["order-lab"], "reasoned": True} in view["verbs"]
    assert view["created_at"].endswith("+00:00")
    assert not {"input", "vars"} & set(view)
    assert "match" not in view["waits"][0]
    assert IDENTITY not in str(view)


def test_a_search_carries_the_business_key_in_its_body(browse: Browse, stuck: OneWorkflow) -> None:
    answer = browse("viewer").post("/api/workflows/search", json={"key": "V17", "older_than": 60, "limit": 5})
    assert answer.json["counts"] == {"stuck": 1}
    assert stuck.asked is not None
    assert (stuck.asked.key, stuck.asked.limit) == ("V17", 5)
    assert stuck.asked.started_before > 1e9


def test_the_diagram_of_an_instance_is_a_file_of_its_own(browse: Browse) -> None:
    answer = browse("viewer").get(f"{ORDERS}/diagram.svg?language=zh")
    assert answer.mimetype == "image/svg+xml"
    assert "<style>" in answer.text
    assert "挂号" in answer.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reasn": "x"}, "unknown field 'reasn'"),
        ({"reason": 7}, "reason must be str"),
        ({"dry_run": "yes"}, "dry_run must be bool"),
        (["x"], "send a JSON object"),
    ],
)
def test_an_order_that_cannot_be_read_names_the_field(browse: Browse, stuck: OneWorkflow, body, said: str) -> None:
    answer = browse("admin").post(f"{ORDERS}/retry", json=body)
    assert answer.status_code == 400
    assert said in answer.json["detail"]
    assert stuck.given == []


def test_a_form_of_another_site_cannot_give_an_order(browse: Browse, stuck: OneWorkflow) -> None:
    answer = browse("admin").post(f"{ORDERS}/cancel", data={"reason": "forged"})
    assert answer.status_code == 415
    assert stuck.given == []


def test_unknown_verbs_and_instances_are_problems_that_say_so(browse: Browse) -> None:
    browser = browse("admin")
    assert browser.post(f"{ORDERS}/explode", json={}).status_code == 404
    answer = browser.post("/api/workflows/i2/retry", json={})
    assert (answer.status_code, answer.json["detail"]) == (404, "no workflow instance i2")


def test_a_console_user_calls_the_api_by_name_and_password(browse: Browse, users: Users, stuck: OneWorkflow) -> None:
    users.add("lin", Role.OPERATOR, "a-password")
    caller = browse()
    answer = caller.post(f"{ORDERS}/retry", json={"step": "order-lab"}, headers=basic("lin", "a-password"))
    assert (answer.status_code, answer.json["status"]) == (200, "compensating")
    assert stuck.given == [("i1", Order("retry", "order-lab"), "lin", "")]
    assert caller.get("/api/workflows").status_code == 401  # no session was left behind
    assert caller.get("/workflows", headers=basic("lin", "a-password")).status_code == 302


def test_guessing_a_password_at_the_api_is_stopped_after_five_tries(browse: Browse, users: Users) -> None:
    users.add("lin", Role.OPERATOR, "a-password")
    caller = browse()
    for _ in range(5):
        assert caller.get(ORDERS, headers=basic("lin", "guess")).status_code == 401
    answer = caller.get(ORDERS, headers=basic("lin", "a-password"))
    assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")


def test_a_command_of_the_bus_s_own_machine_may_operate_and_see_nothing_unmasked(
    browse: Browse, stuck: OneWorkflow, tmp_path: Path
) -> None:
    given = {"Authorization": f"Bearer {write_pass(Settings(data=tmp_path), 'root (command line)')}"}
    assert browse().post(f"{ORDERS}/skip", json={"reason": "done by hand"}, headers=given).status_code == 200
    assert stuck.given == [("i1", Order("skip"), "root (command line)", "done by hand")]
    assert not Role.OPERATOR.may_reveal
    assert browse().get(ORDERS, headers={"Authorization": "Bearer forged"}).status_code == 401


def test_a_pass_is_good_for_a_minute_and_for_its_own_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, other = Settings(data=tmp_path), Settings(data=tmp_path / "other")
    secret = console_secret(settings)
    presented = write_pass(settings, "root")
    assert read_pass(secret, presented) == "root"
    assert read_pass(console_secret(other), presented) == ""
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 4e9 + LIFE)
    assert read_pass(secret, presented) == ""
