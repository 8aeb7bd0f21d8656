"""Who calls the admin API: a browser that is signed in, a console user by HTTP Basic, or a command of this machine."""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Request, abort, current_app, request
from flask_login import LoginManager

from bus.console.sign_in import SignedIn, by_password, me
from bus.security.local_pass import read_pass
from bus.security.users import Role, User


def install(app: Flask, manager: LoginManager) -> None:
    """Let requests under ``/api`` say themselves who makes them (RFC 7617, RFC 6750); none gets a session by that."""

    @manager.request_loader  # type: ignore[untyped-decorator]
    def load(asked: Request) -> SignedIn | None:
        given = asked.authorization
        if given is None or not asked.path.startswith("/api/"):
            return None
        if given.type == "basic":
            user = by_password((given.username or "")[:64], given.password or "")
        else:
            user = _local(given.token or "") if given.type == "bearer" else None
        return SignedIn(user) if user else None


def json_only() -> None:
    """Before every request of the API: what changes something comes as JSON, which no foreign page can make a
    browser send without asking this server first, so no token against forged forms is needed. Aborts with 415."""
    if request.method not in ("GET", "HEAD") and request.mimetype != "application/json":
        abort(415, "send the order as application/json")


def may_operate() -> User:
    """The caller, who may order things about. Aborts with 403."""
    if not me().role.may_operate:
        abort(403)
    return me()


def body(fields: dict[str, type]) -> dict[str, Any]:
    """The request's JSON object. Aborts with 400, naming the field, for one that is not known or of another kind."""
    given = request.get_json()
    if not isinstance(given, dict):
        abort(400, "send a JSON object")
    for name, value in given.items():
        if name not in fields:
            abort(400, f"unknown field {name!r}; known: {', '.join(fields)}")
        kind = (int, float) if fields[name] is float else fields[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and fields[name] in (int, float)):
            abort(400, f"{name} must be {fields[name].__name__}")
    return cast("dict[str, Any]", given)


def _local(presented: str) -> User | None:
    """Whoever can read the bus's secret could change its stores: such a command may operate, in the name it gives."""
    name = read_pass(current_app.config["SECRET_KEY"], presented)
    return User(name, Role.OPERATOR) if name else None
