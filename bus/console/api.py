"""The admin API: what the pages show, as JSON, under the same sign-in and the same masking."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from bus.console import views
from bus.console.api_access import json_only
from bus.console.moments import written
from bus.console.pages import console
from bus.console.sign_in import required
from bus.console.words import choose
from bus.ports import Query

blueprint = Blueprint("api", __name__, url_prefix="/api")
blueprint.before_request(required)
blueprint.before_request(json_only)


@blueprint.route("/overview")
def overview() -> Response:
    """The last hour in figures."""
    return answer(views.overview(console()))


@blueprint.route("/messages")
def messages() -> Response:
    """A search; parameters as in ``Query``, times as Unix seconds. No business keys: an address would leak them."""
    names = ("service", "operation", "status", "consumer", "system", "error", "flow", "before")
    query = Query(
        **{name: request.args.get(name, "") for name in names},
        since=request.args.get("since", 0.0, float),
        until=request.args.get("until", 0.0, float),
        limit=min(max(request.args.get("limit", 50, int), 1), 500),
    )
    return answer(views.messages(console(), query))


@blueprint.route("/messages/<message_id>")
def message(message_id: str) -> Response:
    """One exchange, masked."""
    view = views.message(console(), message_id) or abort(404)
    meaning = view.pop("meaning")
    view["bodies"] = [asdict(body) for body in view["bodies"]]
    view["hint"] = {"zh": meaning.hint_zh, "en": meaning.hint_en} if meaning else None
    return answer(view)


@blueprint.route("/messages/<message_id>/conformance")
def message_conformance(message_id: str) -> Response:
    """Which side is wrong in one exchange."""
    _, found = views.message_conformance(console(), message_id) or abort(404)
    return answer(asdict(found))


@blueprint.route("/services/<service>/conformance")
def conformance(service: str) -> Response:
    """Which side is wrong; ``operation``, ``consumer``, ``flow``, ``since`` (Unix seconds), ``limit`` (200)."""
    if service not in console().registry.snapshot.services:
        abort(404)
    query = Query(
        service=service,
        operation=request.args.get("operation", ""),
        consumer=request.args.get("consumer", ""),
        flow=request.args.get("flow", ""),
        since=request.args.get("since", 0.0, float),
        limit=min(max(request.args.get("limit", 200, int), 1), 1000),
    )
    return answer(asdict(views.conformance(console(), query)))


@blueprint.route("/flows/<flow_id>")
def flow(flow_id: str) -> Response:
    """Every exchange of one flow, oldest first."""
    records = views.flow(console(), flow_id) or abort(404)
    snapshot = console().registry.snapshot
    return answer({"flow": flow_id, "messages": [views.row(record, snapshot) for record in records]})


@blueprint.route("/visits/<message_id>")
def visit(message_id: str) -> Response:
    """The visit that a message belongs to."""
    view = views.visit(console(), message_id) or abort(404)
    view.pop("records")
    view["journey"] = view["journey"].name
    return answer(view)


@blueprint.route("/services")
def services() -> Response:
    """What is registered."""
    found = views.services(console(), choose(request.args.get("language"), None))
    return answer({"services": [one | {"operations": [op.name for op in one["operations"]]} for one in found]})


def answer(value: Any) -> Response:
    """A view as JSON, its times as ISO 8601 in UTC."""
    return jsonify(written(value))
