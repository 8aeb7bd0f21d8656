"""The console as a Flask application: the order of its parts, its security headers, its language."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, request
from flask_babel import Babel, format_datetime
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect

from bus.console import (
    api,
    api_access,
    dead_letter_api,
    dead_letter_pages,
    downtime_api,
    downtime_pages,
    pages,
    parked_api,
    parked_pages,
    problems,
    sign_in,
    workflow_api,
    workflow_pages,
)
from bus.console.language import language
from bus.console.ports import ConsolePorts
from bus.console.words import LANGUAGES, WORDS, Language, title_of
from bus.security.local_pass import console_secret

#: The page of the menu under which each other page belongs.
SECTIONS = {
    "pages.message": "pages.messages",
    "pages.message_conformance": "pages.messages",
    "pages.flow": "pages.messages",
    "pages.visit": "pages.messages",
    "pages.operation": "pages.services",
    "pages.conformance": "pages.services",
    "workflows": "workflows.instances",
    "parked": "parked.letters",
    "downtimes": "downtimes.all_",
}

#: Nothing from outside the console's own address, no script in a page, no framing.
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def create_app(console: ConsolePorts) -> Flask:
    """Make the application over these ports."""
    app = Flask("bus.console")
    app.config.update(
        SECRET_KEY=console_secret(console.settings),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=console.settings.base_url.startswith("https://"),
        SESSION_COOKIE_NAME="meridian",
        PERMANENT_SESSION_LIFETIME=8 * 3600,
        BOOTSTRAP_SERVE_LOCAL=True,
        BABEL_DEFAULT_TIMEZONE=console.settings.timezone,
        MAX_CONTENT_LENGTH=64 * 1024,
        WTF_CSRF_TIME_LIMIT=8 * 3600,
    )
    app.extensions["console"] = console
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    Babel(app, locale_selector=lambda: _babel(language()))
    manager = LoginManager(app)
    sign_in.install(app, manager)
    api_access.install(app, manager)
    for blueprint in (
        pages.blueprint,
        workflow_pages.blueprint,
        parked_pages.blueprint,
        dead_letter_pages.blueprint,
        downtime_pages.blueprint,
    ):
        app.register_blueprint(blueprint)
    for blueprint in (
        api.blueprint,
        workflow_api.blueprint,
        parked_api.blueprint,
        dead_letter_api.blueprint,
        downtime_api.blueprint,
    ):
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint)
    problems.install(app)
    _words(app, console)
    app.after_request(_headers)
    return app


def _words(app: Flask, console: ConsolePorts) -> None:
    zone = ZoneInfo(console.settings.timezone)

    def moment(seconds: float) -> str:
        if not seconds:
            return WORDS.say("never", language())
        at = datetime.fromtimestamp(seconds, zone)
        return f"{format_datetime(at, 'yyyy-MM-dd HH:mm:ss', rebase=False)}.{int(seconds * 1000) % 1000:03d}"

    def minute(seconds: float) -> str:
        text: str = format_datetime(datetime.fromtimestamp(seconds, zone), "yyyy-MM-dd HH:mm", rebase=False)
        return text

    def section() -> str:
        endpoint = request.endpoint or ""
        return SECTIONS.get(endpoint) or SECTIONS.get(request.blueprint or "", endpoint)

    @app.context_processor
    def vocabulary() -> dict[str, Any]:
        chosen, snapshot = language(), console.registry.snapshot

        def system_title(name: str) -> str:
            system = snapshot.systems.get(name)
            return title_of(system.title, chosen, name) if system else name

        def workflow_title(name: str) -> str:
            workflow = snapshot.workflows.get(name)
            return title_of(workflow.definition.title, chosen, name) if workflow else name

        return {
            "t": lambda key: WORDS.say(key, chosen),
            "title": lambda titles, fallback="": title_of(titles or {}, chosen, fallback),
            "language": chosen,
            "other_language": next(one for one in LANGUAGES if one != chosen),
            "system_title": system_title,
            "workflow_title": workflow_title,
            "section": section,
            "moment": moment,
            "minute": minute,
            "took": _took,
            "badges": lambda: {
                "workflows.instances": console.workflows.task_count(),
                "parked.letters": console.parked.count(),
            },
        }


def _took(milliseconds: float) -> str:
    if 0 < milliseconds < 1:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 1000:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 120_000:
        return f"{milliseconds / 1000:.2f} s"
    minutes = milliseconds / 60_000
    if minutes < 120:
        return f"{minutes:.1f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def _babel(chosen: Language) -> str:
    return "zh_Hans_CN" if chosen == "zh" else "en"


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if not request.path.startswith(("/static/", "/bootstrap/")):
        response.headers["Cache-Control"] = "no-store"
    return response
