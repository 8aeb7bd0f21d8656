"""Who gets in, and what a stranger meets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from bus.console.app import create_app
from bus.security.users import Role, UserInvalid, Users
from bus.settings import Settings

Open = Callable[..., FlaskClient]


def test_every_route_but_the_sign_in_refuses_a_stranger(open_console: Open):
    browser = open_console()
    rules = [rule for rule in browser.application.url_map.iter_rules() if "static" not in rule.endpoint]
    for rule in rules:
        if rule.endpoint.startswith("sign_in."):
            continue
        path = rule.build(dict.fromkeys(rule.arguments, "x"))[1]  # type: ignore[index]
        method = browser.post if "POST" in rule.methods else browser.get
        answer = method(path)
        assert answer.status_code in (302, 401), path
        assert answer.status_code == 401 or "/login" in answer.headers["Location"]


def test_the_admin_api_answers_a_stranger_with_a_problem(open_console: Open):
    answer = open_console().get("/api/messages")
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_the_right_password_signs_in_and_a_wrong_one_does_not(open_console: Open):
    browser = open_console()
    assert browser.post("/login", data={"name": "viewer", "password": "wrong"}).status_code == 401
    answer = browser.post("/login", data={"name": "viewer", "password": "viewer-password"})
    assert answer.status_code == 302
    assert browser.get("/").status_code == 200


def test_guessing_a_password_is_stopped_after_five_tries(open_console: Open):
    browser = open_console()
    for _ in range(5):
        browser.post("/login", data={"name": "viewer", "password": "guess"})
    assert browser.post("/login", data={"name": "viewer", "password": "viewer-password"}).status_code == 429


def test_a_one_time_link_signs_in_exactly_once(open_console: Open, users: Users):
    token = users.link("admin")
    assert open_console().get(f"/login/once/{token}").status_code == 302
    again = open_console().get(f"/login/once/{token}")
    assert again.status_code == 401
    assert "was used or has expired" in again.text


def test_an_expired_link_does_not_sign_in(users: Users, monkeypatch: pytest.MonkeyPatch):
    token = users.link("admin")
    monkeypatch.setattr("bus.security.users.time.time", lambda: 4e9)
    assert users.redeem(token) is None


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_signing_in_never_leads_to_another_site(open_console: Open, users: Users, address: str):
    answer = open_console().get(f"/login/once/{users.link('admin')}?next={address}")
    assert answer.headers["Location"] == "/"


def test_a_disabled_user_is_out_at_the_next_request(open_console: Open, users: Users):
    browser = open_console("viewer")
    users.disable("viewer")
    assert browser.get("/").status_code == 302


def test_a_form_without_its_token_is_refused(users: Users, open_console: Open):
    app = open_console().application
    app.config["WTF_CSRF_ENABLED"] = True
    answer = app.test_client().post("/login", data={"name": "viewer", "password": "viewer-password"})
    assert answer.status_code == 400


def test_signing_in_is_on_record(open_console: Open, users: Users):
    open_console("admin")
    assert (users.audit()[0]["actor"], users.audit()[0]["action"]) == ("admin", "sign-in")


def test_passwords_and_links_are_kept_as_hashes_only(users: Users, tmp_path: Path):
    token = users.link("admin")
    stored = (tmp_path / "console.db").read_bytes()
    assert token.encode() not in stored
    assert b"viewer-password" not in stored


def test_a_link_for_nobody_is_refused(users: Users):
    with pytest.raises(UserInvalid, match="no user named"):
        users.link("nobody")


def test_adding_a_user_again_changes_the_role(users: Users):
    users.add("viewer", Role.ADMIN)
    assert users.find("viewer").role is Role.ADMIN  # type: ignore[union-attr]


def test_a_short_password_is_refused_and_changes_nothing(users: Users):
    with pytest.raises(UserInvalid, match="at least 10 characters"):
        users.add("viewer", Role.ADMIN, "123456789")
    assert users.find("viewer").role is Role.VIEWER  # type: ignore[union-attr]
    assert users.sign_in("viewer", "viewer-password") is not None


def test_a_user_without_a_password_cannot_sign_in_with_an_empty_one(users: Users):
    assert users.sign_in("admin", "") is None


def test_the_session_secret_is_readable_by_its_owner_only(open_console: Open, tmp_path: Path):
    open_console()
    assert (tmp_path / "console.secret").stat().st_mode & 0o077 == 0


def test_two_processes_share_the_session_secret(tmp_path: Path):
    from console_visit import console_over

    first, second = (create_app(console_over(Settings(data=tmp_path))) for _ in range(2))
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"]
