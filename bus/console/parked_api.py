"""Letters that wait for a person in the admin API: list, look, and the verbs of the command line and the pages."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, abort, request

from bus.console import parked_views
from bus.console.api import answer
from bus.console.api_access import body, json_only, may_operate
from bus.console.pages import console
from bus.console.sign_in import required

blueprint = Blueprint("parked_api", __name__, url_prefix="/api/parked")
blueprint.before_request(required)
blueprint.before_request(json_only)


@blueprint.route("")
def letters() -> Response:
    """What waits, the longest first; ``code``, ``limit`` (100)."""
    limit = min(max(request.args.get("limit", 100, int), 1), 1000)
    found = parked_views.letters(console(), code=request.args.get("code", ""), limit=limit)
    return answer({"letters": found, "count": console().parked.count()})


@blueprint.route("/lanes")
def lanes() -> Response:
    """The lanes that are held: how many letters each has, since when, and the first that is parked."""
    return answer({"lanes": parked_views.lanes(console())})


@blueprint.route("/<queue>/<letter>")
def letter(queue: str, letter: str) -> Response:
    """One letter: why it waits, its document (masked), its lane, and what was done to it."""
    view = parked_views.one(console(), queue, letter)
    return answer(view | {"document": asdict(view["document"])})


@blueprint.route("/release", methods=["POST"])
def release_all() -> Response:
    """Deliver again everything that was parked with one ``code``, for a ``reason``."""
    user, given = may_operate(), body({"code": str, "reason": str})
    code = given.get("code") or abort(400, "name the code of the letters to release")
    return answer({"released": console().parked.release_all(code, user.name, given.get("reason", ""))})


@blueprint.route("/<queue>/<letter>/release", methods=["POST"])
def release(queue: str, letter: str) -> Response:
    """Deliver a letter again, for a ``reason``; with ``lane`` true, everything of its lane that is parked."""
    user, given = may_operate(), body({"reason": str, "lane": bool})
    whole = bool(given.get("lane"))
    released = console().parked.release(queue, letter, user.name, given.get("reason", ""), lane=whole)
    return answer({"released": released})


@blueprint.route("/<queue>/<letter>/skip", methods=["POST"])
def skip(queue: str, letter: str) -> Response:
    """Put a letter with the dead letters, for a ``reason``; its lane moves on."""
    user, given = may_operate(), body({"reason": str})
    console().parked.skip(queue, letter, user.name, given.get("reason", ""))
    return answer({"skipped": 1})


@blueprint.route("/<queue>/<letter>/edit", methods=["POST"])
def edit(queue: str, letter: str) -> Response:
    """Deliver a letter again with ``document`` (a text: XML or JSON) in place of its own, for a ``reason``."""
    user, given = may_operate(), body({"reason": str, "document": str})
    new = console().parked.edit(queue, letter, given.get("document", ""), user.name, given.get("reason", ""))
    return answer({"id": new})
