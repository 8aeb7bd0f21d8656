"""The pages of workflow instances: the list, one with its diagram, what needs a person, and the orders."""

from __future__ import annotations

import time

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bus.console import workflow_views
from bus.console.api_access import may_operate
from bus.console.language import language
from bus.console.pages import PAGE, console
from bus.console.sign_in import me, required
from bus.console.words import WORDS
from bus.console.workflow_diagram import draw
from bus.orchestration.instances import Wanted
from bus.orchestration.orders import REASONED
from bus.orchestration.progress import SHAPES
from bus.orchestration.stimuli import Order

blueprint = Blueprint("workflows", __name__)
blueprint.before_request(required)

STATUSES = ("running", "completed", "compensating", "compensated", "cancelled", "stuck")
#: How long ago an instance began at the latest, in seconds; 0 for any.
AGES = {"any_time": 0, "older_1h": 3600, "older_24h": 86_400, "older_7d": 604_800}


@blueprint.route("/workflows")
def instances() -> str:
    """Instances, newest first."""
    asked = {name: request.args.get(name, "") for name in ("status", "workflow", "age", "before")}
    age = AGES.get(asked["age"], 0)
    began = time.time() - age if age else 0.0
    wanted = Wanted(asked["status"], asked["workflow"], started_before=began, before=asked["before"], limit=PAGE)
    found = workflow_views.page(console(), wanted)
    return render_template(
        "workflows.html",
        instances=found,
        asked=asked,
        full=len(found) == PAGE,
        counts=console().workflows.counts(),
        statuses=STATUSES,
        ages=AGES,
        names=sorted(console().registry.snapshot.workflows),
        tasks=console().workflows.task_count(),
    )


@blueprint.route("/tasks")
def tasks() -> str:
    """What needs a person, the longest waiting first."""
    return render_template(
        "tasks.html", tasks=workflow_views.tasks(console()), now=time.time(), may_operate=me().role.may_operate
    )


@blueprint.route("/workflows/<instance>")
def instance(instance: str) -> str:
    """One instance: its diagram, its history, and what may be ordered."""
    view = workflow_views.detail(console(), instance) or abort(404)
    seen = workflow_views.drawn(view)
    svg = "" if seen is None else _draw(seen, view["workflow"])
    return render_template(
        "workflow.html", view=view, svg=svg, shapes=SHAPES, now=time.time(), may_operate=me().role.may_operate
    )


@blueprint.route("/workflows/<instance>/<verb>")
def ask(instance: str, verb: str) -> str:
    """Before an order is given: what it would do, and the question why."""
    may_operate()
    one = workflow_views.detail(console(), instance) or abort(404)
    order = Order(workflow_views.verb(verb) or abort(404), request.args.get("step", ""), to=request.args.get("to", ""))
    return render_template(
        "order.html",
        view=one,
        order=order,
        foreseen=console().workflows.foresee(instance, order),
        reasoned=order.verb in REASONED,
    )


@blueprint.route("/workflows/<instance>/<verb>", methods=["POST"])
def give(instance: str, verb: str) -> Response:
    """Give the order in the name of the one who is signed in."""
    user = may_operate()
    order = Order(workflow_views.verb(verb) or abort(404), request.form.get("step", ""), to=request.form.get("to", ""))
    console().workflows.order(instance, order, who=user.name, reason=request.form.get("reason", "").strip())
    return redirect(url_for("workflows.instance", instance=instance))


def _draw(seen: workflow_views.Drawn, caption: str) -> str:
    chosen = language()
    return draw(seen.steps, seen.marks, say=lambda key: WORDS.say(key, chosen), language=chosen, caption=caption)
