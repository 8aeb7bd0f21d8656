"""The pages of dead letters: the list with its filter, one with its history, and what an operator decides."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bus.backbone.dead_letters import Filter
from bus.backbone.topology import QUEUES
from bus.console import dead_letter_views
from bus.console.api_access import may_operate
from bus.console.pages import console
from bus.console.sign_in import me, required
from bus.console.views import BY_CODE

blueprint = Blueprint("dead_letters", __name__)
blueprint.before_request(required)

#: Letters that one page lists.
SHOWN = 100
#: How fast many letters are replayed, in letters a second.
RATES = (1, 5, 20, 100)


@blueprint.route("/dead-letters")
def letters() -> str:
    """What was given up, the newest first; the address holds the filter."""
    asked = {name: request.args.get(name, "").strip()[:128] for name in ("queue", "code", "operation")}
    wanted = Filter(**asked)
    return render_template(
        "dead_letters.html",
        letters=[dead_letter_views.row(dead) for dead in console().dead_letters.page(wanted, SHOWN)],
        count=console().dead_letters.count(wanted),
        asked=asked,
        queues=QUEUES,
        rates=RATES,
        may_operate=me().role.may_operate,
    )


@blueprint.route("/dead-letters/<queue>/<letter>")
def letter(queue: str, letter: str) -> str:
    """One letter: why it was given up, what to do about it, and everything that happened to it."""
    found = console().dead_letters.one(queue, letter) or abort(404)
    return render_template(
        "dead_letter.html",
        letter=dead_letter_views.detail(found),
        meaning=BY_CODE.get(found.code),
        may_operate=me().role.may_operate,
    )


@blueprint.route("/dead-letters/<queue>/<letter>/replay", methods=["POST"], defaults={"verb": "replay"})
@blueprint.route("/dead-letters/<queue>/<letter>/discard", methods=["POST"], defaults={"verb": "discard"})
def give(queue: str, letter: str, verb: str) -> Response:
    """Replay or discard one letter, with name and reason on record; without a reason nothing is done."""
    user, reason = may_operate(), request.form.get("reason", "").strip()
    if not reason:
        return redirect(url_for("dead_letters.letter", queue=queue, letter=letter))
    desk = console().dead_letters
    done = (desk.replay if verb == "replay" else desk.discard)(queue, letter, user.name, reason)
    return redirect(url_for("dead_letters.letters")) if done else abort(404)


@blueprint.route("/dead-letters/replay", methods=["POST"])
def replay_all() -> Response:
    """Replay everything that fits the filter, oldest first, at a capped rate."""
    user, reason = may_operate(), request.form.get("reason", "").strip()
    asked = {name: request.form.get(name, "").strip()[:128] for name in ("queue", "code", "operation")}
    rate = request.form.get("rate", type=int)
    if reason and rate in RATES:
        console().dead_letters.replay_all(Filter(**asked), user.name, reason, rate=float(rate))
    return redirect(
        url_for("dead_letters.letters", queue=asked["queue"], code=asked["code"], operation=asked["operation"])
    )
