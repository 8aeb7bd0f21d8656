"""The pages of planned downtimes: the list with a form to announce one, and one with its progress."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bus.console import downtime_views
from bus.console.api_access import may_operate
from bus.console.pages import console
from bus.console.sign_in import me, required
from bus.downtime.period import RATE, DowntimeInvalid

blueprint = Blueprint("downtimes", __name__)
blueprint.before_request(required)


@blueprint.route("/downtimes")
def all_() -> str:
    """The newest downtimes, and a form for another one."""
    desk = downtime_views.desk(console())
    return render_template(
        "downtimes.html", downtimes=desk.page(), systems=desk.systems, may_operate=me().role.may_operate, rate=RATE
    )


@blueprint.route("/downtimes/<name>")
def one(name: str) -> str:
    """One downtime: its progress, what it silenced, what was superseded."""
    view = downtime_views.detail(console(), name)
    return render_template("downtime.html", view=view, may_operate=me().role.may_operate)


@blueprint.route("/downtimes", methods=["POST"])
def start() -> Response:
    """Announce one."""
    user, form = may_operate(), request.form
    made = downtime_views.desk(console()).start(
        form.get("system", ""),
        begin=form.get("from", "").strip(),
        until=form.get("until", "").strip(),
        reason=form.get("reason", "").strip(),
        rate=_rate(form.get("rate", "")),
        who=user.name,
    )
    return redirect(url_for("downtimes.one", name=made["number"]))


@blueprint.route("/downtimes/<system>/<verb>", methods=["POST"])
def order(system: str, verb: str) -> Response:
    """End, extend or slow one down in the name of the one who is signed in."""
    user, form, desk = may_operate(), request.form, downtime_views.desk(console())
    reason = form.get("reason", "").strip()
    match verb:
        case "stop":
            done = desk.stop(system, who=user.name, reason=reason, rate=_rate(form.get("rate", "")))
        case "extend":
            done = desk.extend(system, until=form.get("until", "").strip(), who=user.name, reason=reason)
        case "rate":
            done = desk.rate(system, rate=_rate(form.get("rate", "")), who=user.name)
        case _:
            abort(404)
    return redirect(url_for("downtimes.one", name=done["number"]))


def _rate(text: str) -> float | None:
    """Letters a second; None for nothing written. Raises DowntimeInvalid."""
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise DowntimeInvalid(f"{text[:20]!r} is no number of letters a second") from error
