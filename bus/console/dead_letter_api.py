"""Dead letters in the admin API: list, look, and what the command line and the pages decide."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, request

from bus.backbone.dead_letters import Filter
from bus.console import dead_letter_views
from bus.console.api import answer
from bus.console.api_access import body, json_only, may_operate
from bus.console.pages import console
from bus.console.sign_in import required

blueprint = Blueprint("dead_letter_api", __name__, url_prefix="/api/dead-letters")
blueprint.before_request(required)
blueprint.before_request(json_only)

_FILTER = ("queue", "code", "operation")
#: Letters a second, where a replay of many does not say, and the most that it may say.
RATE, FASTEST = 20.0, 1000.0


@blueprint.route("")
def letters() -> Response:
    """What was given up, the newest first: ``queue``, ``code``, ``operation`` (or a service), ``limit`` (100)."""
    wanted = Filter(**{name: request.args.get(name, "") for name in _FILTER})
    limit = min(max(request.args.get("limit", 100, int), 1), 1000)
    found = [dead_letter_views.row(dead) for dead in console().dead_letters.page(wanted, limit)]
    return answer({"letters": found, "count": console().dead_letters.count(wanted)})


@blueprint.route("/<queue>/<letter>")
def letter(queue: str, letter: str) -> Response:
    """One letter with its history."""
    return answer(dead_letter_views.detail(console().dead_letters.one(queue, letter) or abort(404)))


@blueprint.route("/<queue>/<letter>/replay", methods=["POST"], defaults={"verb": "replay"})
@blueprint.route("/<queue>/<letter>/discard", methods=["POST"], defaults={"verb": "discard"})
def give(queue: str, letter: str, verb: str) -> Response:
    """Replay or discard one letter, for a ``reason``."""
    user, reason = may_operate(), _reason(body({"reason": str}))
    desk = console().dead_letters
    done = (desk.replay if verb == "replay" else desk.discard)(queue, letter, user.name, reason)
    return answer({"done": 1}) if done else abort(404, f"no dead letter {queue}/{letter}")


@blueprint.route("/replay", methods=["POST"])
def replay_all() -> Response:
    """Replay everything that fits ``queue``, ``code`` and ``operation``, oldest first, for a ``reason``: no more than
    ``rate`` (20) letters a second, and no more than 10,000 at once."""
    user, given = may_operate(), body({"reason": str, "rate": float} | dict.fromkeys(_FILTER, str))
    rate = given.get("rate", RATE)
    if not 0 < rate <= FASTEST:
        abort(400, f"rate must be a number of letters a second, up to {FASTEST:g}")
    asked = {name: given[name] for name in _FILTER if name in given}
    done = console().dead_letters.replay_all(Filter(**asked), user.name, _reason(given), rate=float(rate))
    return answer({"done": done})


def _reason(given: dict[str, Any]) -> str:
    reason: str = given.get("reason", "").strip()
    return reason or abort(400, "say why: a reason is kept on record with your name")
