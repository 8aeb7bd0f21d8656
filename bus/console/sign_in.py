"""Signing in and out: by password, or by a link that works once."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from bus.console.ports import ConsolePorts
from bus.security.users import User

blueprint = Blueprint("sign_in", __name__)

#: Wrong passwords for one name within a minute before the next is refused unseen.
TRIES = 5


class SignedIn(UserMixin):  # type: ignore[misc]
    """A user as flask-login keeps it."""

    def __init__(self, user: User) -> None:
        self.id = user.name
        self.user = user


def me() -> User:
    """The user of this request; only behind ``login_required``."""
    user: User = current_user.user
    return user


def required() -> Response | None:
    """Refuse a request that is not signed in; before every request of the pages and the API, so none is forgotten."""
    if current_user.is_authenticated or (request.endpoint or "").endswith(".static"):
        return None
    if request.path.startswith("/api/"):
        abort(401)
    answer: Response = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    return answer


def install(app: Flask, manager: LoginManager) -> None:
    """Add the pages and the guard to the application."""
    manager.login_view = "sign_in.login"
    manager.session_protection = "strong"
    manager.login_message = None

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(name: str) -> SignedIn | None:
        user = _console().users.find(name)
        return SignedIn(user) if user else None

    app.extensions["sign_in_failures"] = {}
    app.register_blueprint(blueprint)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Response | str | tuple[str, int]:
    """Ask for name and password."""
    if request.method == "GET":
        return render_template("login.html", problem="")
    name = request.form.get("name", "").strip()[:64]
    try:
        user = by_password(name, request.form.get("password", ""))
    except TooManyRequests:
        return render_template("login.html", problem="too_many_tries"), 429
    if user is None:
        return render_template("login.html", problem="sign_in_failed"), 401
    return _enter(user, "password")


def by_password(name: str, password: str) -> User | None:
    """The user of this password, or None. Raises TooManyRequests after ``TRIES`` wrong ones within a minute."""
    if _throttled(name):
        raise TooManyRequests
    user = _console().users.sign_in(name, password)
    if user is None:
        _failures().setdefault(name, []).append(time.monotonic())
    return user


@blueprint.route("/login/once/<token>")
def once(token: str) -> Response | tuple[str, int]:
    """Sign in with a link; it is used up."""
    user = _console().users.redeem(token)
    if user is None:
        return render_template("login.html", problem="link_failed"), 401
    return _enter(user, "link")


@blueprint.route("/logout", methods=["POST"])
def logout() -> Response:
    """Sign out."""
    logout_user()
    session.clear()
    return redirect(url_for("sign_in.login"))


@blueprint.route("/language/<chosen>", methods=["POST"])
def language(chosen: str) -> Response:
    """Change the language and go back to the page."""
    session["language"] = chosen
    return redirect(_own(request.form.get("back", "")))


def _enter(user: User, how: str) -> Response:
    kept = session.get("language")
    session.clear()
    if kept:
        session["language"] = kept
    session.permanent = True
    login_user(SignedIn(user))
    _failures().pop(user.name, None)
    _console().users.record(user.name, "sign-in", reason=how)
    return redirect(_own(request.args.get("next", "")))


def _own(address: str) -> str:
    """An address of this console only: a redirect must not lead elsewhere."""
    parts = urlsplit(address)
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc
    return address if inside else url_for("pages.overview")


def _throttled(name: str) -> bool:
    recent = [at for at in _failures().get(name, ()) if at > time.monotonic() - 60]
    _failures()[name] = recent
    return len(recent) >= TRIES


def _failures() -> dict[str, list[float]]:
    failures: dict[str, list[float]] = current_app.extensions["sign_in_failures"]
    if len(failures) > 10_000:
        failures.clear()
    return failures


def _console() -> ConsolePorts:
    console: ConsolePorts = current_app.extensions["console"]
    return console
