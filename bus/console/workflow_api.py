"""Workflow instances in the admin API: list, look, and give the orders that the command line and the pages give."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, request

from bus.console import workflow_views
from bus.console.api import answer
from bus.console.api_access import body, json_only, may_operate
from bus.console.pages import console
from bus.console.sign_in import required
from bus.console.words import WORDS, choose
from bus.console.workflow_diagram import draw
from bus.orchestration.instances import Wanted
from bus.orchestration.stimuli import Order

blueprint = Blueprint("workflow_api", __name__, url_prefix="/api/workflows")
blueprint.before_request(required)
blueprint.before_request(json_only)

#: The fields of a search and of an order, and what each holds.
SEARCH = {"status": str, "workflow": str, "key": str, "older_than": float, "before": str, "limit": int}
ORDER = {"step": str, "reason": str, "reply": object, "to": str, "dry_run": bool}


@blueprint.route("")
def instances() -> Response:
    """Instances, newest first: ``status``, ``workflow``, ``older_than`` (seconds), ``before``, ``limit`` (50)."""
    given = {name: request.args.get(name, type=kind) for name, kind in SEARCH.items() if name != "key"}
    return _page({name: value for name, value in given.items() if value is not None})


@blueprint.route("/search", methods=["POST"])
def search() -> Response:
    """The same with ``key``, the value of a business key: in the body, because addresses are kept in logs."""
    return _page(body(SEARCH))


@blueprint.route("/tasks")
def tasks() -> Response:
    """What waits for a person, the longest first."""
    return answer({"tasks": workflow_views.tasks(console())})


@blueprint.route("/<instance>")
def instance(instance: str) -> Response:
    """One instance: definition, progress, history, waits, timers, tasks, orders, and what may be ordered now."""
    return answer(workflow_views.detail(console(), instance) or abort(404))


@blueprint.route("/<instance>/diagram.svg")
def diagram(instance: str) -> Response:
    """Its definition as a picture with the step that it is in; ``language`` is zh or en."""
    one = console().workflows.one(instance) or abort(404)
    seen = workflow_views.drawn(one) or abort(404)
    language = choose(request.args.get("language"), None)
    svg = draw(
        seen.steps,
        seen.marks,
        say=lambda key: WORDS.say(key, language),
        language=language,
        caption=one["workflow"],
        alone=True,
    )
    return Response(svg, mimetype="image/svg+xml")


@blueprint.route("/<instance>/<verb>", methods=["POST"])
def order(instance: str, verb: str) -> Response:
    """Give an order: ``reason``, ``step``, ``reply`` (skip), ``to`` (migrate). With ``dry_run`` only say what it would
    do. The same order sent twice is carried out once: the second time it does not fit any more."""
    given = body(ORDER)
    asked = Order(
        workflow_views.verb(verb) or abort(404), given.get("step", ""), given.get("reply"), given.get("to", "")
    )
    if given.get("dry_run"):
        return answer(asdict(console().workflows.foresee(instance, asked)))
    user = may_operate()
    return answer(asdict(console().workflows.order(instance, asked, who=user.name, reason=given.get("reason", ""))))


def _page(given: dict[str, Any]) -> Response:
    older = given.pop("older_than", 0.0)
    limit = min(max(given.pop("limit", 50), 1), 500)
    wanted = Wanted(**given, started_before=time.time() - older if older else 0.0, limit=limit)
    found = workflow_views.page(console(), wanted)
    after = found[-1]["id"] if len(found) == limit else ""
    return answer({"instances": found, "next": after, "counts": dict(console().workflows.counts())})
