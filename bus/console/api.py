"""The admin API: what the pages show, as JSON, under the same sign-in and the same masking."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from bus.console import views
from bus.console.pages import console
from bus.console.sign_in import required
from bus.console.words import choose
from bus.ports import Query

blueprint = Blueprint("api", __name__, url_prefix="/api")
blueprint.before_request(required)

TIMES = (
    "received_at",
    "started",
    "ended",
    "last_ok",
    "last_at",
    "at",
    "created_at",
    "updated_at",
    "last_match",
    "failed_at",
)


@blueprint.route("/overview")
def overview() -> Response:
    """The last hour in figures."""
    return _json(views.overview(console()))


@blueprint.route("/messages")
def messages() -> Response:
    """A search; parameters as in ``Query``, times as Unix seconds. Business keys go in the POST variant's body."""
    names = ("service", "operation", "status", "consumer", "system", "error", "flow", "before")
    query = Query(
        **{name: request.args.get(name, "") for name in names},
        since=request.args.get("since", 0.0, float),
        until=request.args.get("until", 0.0, float),
        limit=min(max(request.args.get("limit", 50, int), 1), 500),
    )
    return _json(views.messages(console(), query))


@blueprint.route("/messages/<message_id>")
def message(message_id: str) -> Response:
    """One exchange, masked."""
    view = views.message(console(), message_id) or abort(404)
    meaning = view.pop("meaning")
    view["bodies"] = [asdict(body) for body in view["bodies"]]
    view["hint"] = {"zh": meaning.hint_zh, "en": meaning.hint_en} if meaning else None
    return _json(view)


@blueprint.route("/messages/<message_id>/conformance")
def message_conformance(message_id: str) -> Response:
    """Which side is wrong in one exchange."""
    _, found = views.message_conformance(console(), message_id) or abort(404)
    return _json(asdict(found))


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
    return _json(asdict(views.conformance(console(), query)))


@blueprint.route("/flows/<flow_id>")
def flow(flow_id: str) -> Response:
    """Every exchange of one flow, oldest first."""
    records = views.flow(console(), flow_id) or abort(404)
    snapshot = console().registry.snapshot
    return _json({"flow": flow_id, "messages": [views.row(record, snapshot) for record in records]})


@blueprint.route("/visits/<message_id>")
def visit(message_id: str) -> Response:
    """The visit that a message belongs to."""
    view = views.visit(console(), message_id) or abort(404)
    view.pop("records")
    view["journey"] = view["journey"].name
    return _json(view)


@blueprint.route("/services")
def services() -> Response:
    """What is registered."""
    found = views.services(console(), choose(request.args.get("language"), None))
    return _json({"services": [one | {"operations": [op.name for op in one["operations"]]} for one in found]})


def _json(value: Any) -> Response:
    return jsonify(_times(value))


def _times(value: Any) -> Any:
    """Unix seconds of known fields become ISO 8601 in UTC."""
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(item, UTC).isoformat(timespec="milliseconds")
            if key in TIMES and isinstance(item, int | float) and item
            else _times(item)
            for key, item in value.items()
        }
    return [_times(item) for item in value] if isinstance(value, list | tuple) else value
