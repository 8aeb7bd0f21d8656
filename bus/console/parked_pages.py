"""The pages of letters that wait for a person: the list, one with its document and its lane, and the verbs."""

from __future__ import annotations

import time

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from bus.console import parked_views
from bus.console.api_access import may_operate
from bus.console.pages import REVEALED, console
from bus.console.sign_in import me, required
from transformers.errors import MeridianError

blueprint = Blueprint("parked", __name__)
blueprint.before_request(required)


@blueprint.route("/parked")
def letters() -> str:
    """What waits, the longest first, each with its lane and its verbs."""
    return render_template(
        "parked.html",
        letters=parked_views.letters(console()),
        lanes=len(parked_views.lanes(console())),
        count=console().parked.count(),
        now=time.time(),
        may_operate=me().role.may_operate,
    )


@blueprint.route("/parked/<queue>/<letter>")
def letter(queue: str, letter: str) -> str:
    """One letter. Its document is masked; who may see it and move it can reveal it, and then edit it."""
    return _letter(queue, letter)


@blueprint.route("/parked/<queue>/<letter>/reveal", methods=["POST"])
def reveal(queue: str, letter: str) -> Response:
    """Show the document unmasked for ten minutes, for a reason that is put on record."""
    user, reason = me(), request.form.get("reason", "").strip()
    if not user.role.may_reveal:
        abort(403)
    if reason:
        console().users.record(user.name, "reveal", f"{queue}/{letter}", reason)
        shown = {one: until for one, until in session.get("revealed", {}).items() if until > time.time()}
        session["revealed"] = shown | {f"{queue}/{letter}": time.time() + REVEALED}
    return redirect(url_for("parked.letter", queue=queue, letter=letter))


@blueprint.route("/parked/<queue>/<letter>/release", methods=["POST"], defaults={"verb": "release"})
@blueprint.route("/parked/<queue>/<letter>/lane", methods=["POST"], defaults={"verb": "lane"})
@blueprint.route("/parked/<queue>/<letter>/skip", methods=["POST"], defaults={"verb": "skip"})
def give(queue: str, letter: str, verb: str) -> Response:
    """Release a letter, or its lane, or skip it, in the name of the one who is signed in."""
    user, reason = may_operate(), request.form.get("reason", "")
    if verb == "skip":
        console().parked.skip(queue, letter, user.name, reason)
    else:
        console().parked.release(queue, letter, user.name, reason, lane=verb == "lane")
    return redirect(url_for("parked.letters"))


@blueprint.route("/parked/<queue>/<letter>/edit", methods=["POST"])
def edit(queue: str, letter: str) -> Response | tuple[str, int]:
    """Deliver with another document; one that does not do is shown again with what is wrong."""
    user = may_operate()
    if not user.role.may_reveal:
        abort(403)
    text, reason = request.form.get("document", ""), request.form.get("reason", "")
    try:
        console().parked.edit(queue, letter, text, user.name, reason)
    except MeridianError as error:
        return _letter(queue, letter, draft=text, problem=str(error)), 422
    return redirect(url_for("parked.letters"))


def _letter(queue: str, letter: str, *, draft: str = "", problem: str = "") -> str:
    user = me()
    revealed = session.get("revealed", {}).get(f"{queue}/{letter}", 0) > time.time() and user.role.may_reveal
    view = parked_views.one(console(), queue, letter, reveal=revealed)
    return render_template(
        "parked_letter.html",
        view=view,
        draft=draft or view["document"].text,
        problem=problem,
        revealed=revealed,
        now=time.time(),
        may_operate=user.role.may_operate,
        may_reveal=user.role.may_reveal,
    )
