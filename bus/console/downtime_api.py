"""Planned downtimes in the admin API: look, announce, end, extend, and change the rate of the drain."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, request

from bus.console import downtime_views
from bus.console.api import answer
from bus.console.api_access import body, json_only, may_operate
from bus.console.pages import console
from bus.console.sign_in import required

blueprint = Blueprint("downtime_api", __name__, url_prefix="/api/downtimes")
blueprint.before_request(required)
blueprint.before_request(json_only)

START = {"system": str, "until": str, "from": str, "reason": str, "rate": float}
ORDERS: dict[str, dict[str, type]] = {
    "stop": {"reason": str, "rate": float},
    "extend": {"until": str, "reason": str},
    "rate": {"rate": float},
}
SEARCH = {"system": str, "limit": int}


@blueprint.route("")
def downtimes() -> Response:
    """The newest downtimes: ``system``, ``limit`` (50)."""
    given = {name: request.args.get(name, type=kind) for name, kind in SEARCH.items()}
    return _page({name: value for name, value in given.items() if value is not None})


@blueprint.route("/search", methods=["POST"])
def search() -> Response:
    """The same, asked in the body."""
    return _page(body(SEARCH))


@blueprint.route("/<name>")
def one(name: str) -> Response:
    """One by its number, or the newest of a system: its progress, what it silenced and what was superseded."""
    return answer(downtime_views.detail(console(), name))


@blueprint.route("", methods=["POST"])
def start() -> Response:
    """Announce one: ``system``, ``until``, ``reason``; ``from`` (now), ``rate`` (20 letters a second)."""
    user, given = may_operate(), body(START)
    for name in ("system", "until", "reason"):
        if name not in given:
            abort(400, f"{name} is missing")
    begin = given.pop("from", "")
    return answer(dict(downtime_views.desk(console()).start(given.pop("system"), begin=begin, who=user.name, **given)))


@blueprint.route("/<system>/<verb>", methods=["POST"])
def order(system: str, verb: str) -> Response:
    """``stop`` (``rate``), ``extend`` (``until``), ``rate`` (``rate``), each with a ``reason``."""
    user = may_operate()
    fields = ORDERS.get(verb) or abort(404)
    given = body(fields)
    if verb == "extend" and "until" not in given:
        abort(400, "until is missing")
    if verb == "rate" and "rate" not in given:
        abort(400, "rate is missing")
    return answer(dict(getattr(downtime_views.desk(console()), verb)(system, who=user.name, **given)))


def _page(given: dict[str, Any]) -> Response:
    limit = min(max(given.get("limit", 50), 1), 500)
    found = downtime_views.desk(console()).page(system=given.get("system", ""), limit=limit)
    return answer({"downtimes": [dict(one) for one in found]})
