"""The pages, one function each: read the address, ask for the view, draw it. The address is the whole state."""

from __future__ import annotations

import secrets
import time
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from bus.conform.finding import PROTOCOL_RULES
from bus.console import contract, sequence, views
from bus.console.language import language
from bus.console.ports import ConsolePorts
from bus.console.sign_in import me, required
from bus.console.words import WORDS, title_of
from bus.ports import Query

blueprint = Blueprint("pages", __name__, static_folder="static", static_url_path="/static/console")
blueprint.before_request(required)

#: Windows of the message list, in seconds; 0 is any time.
WINDOWS = {"last_15m": 900, "last_1h": 3600, "last_24h": 86_400, "last_7d": 604_800, "any_time": 0}
PAGE = 50
#: Exchanges that one page of findings looks into, the newest first.
EXAMINED = 200
#: Seconds a payload stays unmasked for the one who gave a reason.
REVEALED = 600


def console() -> ConsolePorts:
    """The ports of this application."""
    found: ConsolePorts = current_app.extensions["console"]
    return found


@blueprint.route("/")
def overview() -> str:
    """The last hour, the systems, and what needs a person."""
    return render_template("overview.html", view=views.overview(console()))


@blueprint.route("/find", methods=["POST"])
def find() -> Response:
    """Look up a business key. The key itself stays out of the address, which logs and histories keep."""
    text = request.form.get("text", "").strip()[:128]
    if not text:
        return redirect(url_for("pages.messages"))
    if console().reader.message(text) is not None:
        return redirect(url_for("pages.message", message_id=text))
    token = secrets.token_urlsafe(6)
    session["lookups"] = dict([*session.get("lookups", {}).items(), (token, text)][-10:])
    console().users.record(me().name, "search", token)
    return redirect(url_for("pages.messages", lookup=token, since="any_time"))


@blueprint.route("/messages")
def messages() -> str:
    """Search results, newest first."""
    asked = {
        name: request.args.get(name, "")
        for name in ("service", "status", "consumer", "system", "error", "flow", "operation")
    }
    since = request.args.get("since", "last_1h")
    span = WINDOWS.get(since, 3600)
    lookup = request.args.get("lookup", "")
    text = session.get("lookups", {}).get(lookup, "")
    query = Query(
        key=text,
        since=time.time() - span if span else 0.0,
        before=request.args.get("before", ""),
        limit=PAGE,
        **asked,  # type: ignore[arg-type]
    )
    view = views.messages(console(), query)
    snapshot = console().registry.snapshot
    return render_template(
        "messages.html",
        view=view,
        asked=asked | {"since": since, "lookup": lookup},
        found_by_key=bool(text),
        windows=WINDOWS,
        services=sorted(snapshot.services),
        consumers=sorted(snapshot.consumers),
    )


@blueprint.route("/messages/<message_id>")
def message(message_id: str) -> str:
    """One exchange: facts, hops, payloads."""
    revealed = session.get("revealed", {}).get(message_id, 0) > time.time() and me().role.may_reveal
    view = views.message(console(), message_id, reveal=revealed) or abort(404)
    return render_template("message.html", view=view, revealed=revealed, may_reveal=me().role.may_reveal)


@blueprint.route("/messages/<message_id>/reveal", methods=["POST"])
def reveal(message_id: str) -> Response:
    """Show one message unmasked for ten minutes, for a reason that is put on record."""
    if not me().role.may_reveal:
        abort(403)
    reason = request.form.get("reason", "").strip()
    revealed = {one: until for one, until in session.get("revealed", {}).items() if until > time.time()}
    if request.form.get("mask"):
        revealed.pop(message_id, None)
    elif reason:
        console().users.record(me().name, "reveal", message_id, reason)
        revealed[message_id] = time.time() + REVEALED
    session["revealed"] = revealed
    return redirect(url_for("pages.message", message_id=message_id))


@blueprint.route("/messages/<message_id>/conformance")
def message_conformance(message_id: str) -> str:
    """Which side is wrong in one exchange."""
    record, found = views.message_conformance(console(), message_id) or abort(404)
    return render_template(
        "conformance.html", report=found, message=record, service=record.service, protocol_rules=PROTOCOL_RULES
    )


@blueprint.route("/conformance/<service>")
def conformance(service: str) -> str:
    """Which side is wrong in a service's newest exchanges."""
    known = console().registry.snapshot.services.get(service) or abort(404)
    operation = request.args.get("operation", "")
    since = request.args.get("since", "last_24h")
    span = WINDOWS.get(since, 86_400)
    query = Query(service=service, operation=operation, since=time.time() - span if span else 0.0, limit=EXAMINED)
    return render_template(
        "conformance.html",
        report=views.conformance(console(), query),
        message=None,
        service=service,
        protocol_rules=PROTOCOL_RULES,
        operations=sorted({name for version in known.versions.values() for name in version.operations}),
        asked={"operation": operation, "since": since},
        windows=WINDOWS,
        most=EXAMINED,
    )


@blueprint.route("/flows/<flow_id>")
def flow(flow_id: str) -> str:
    """All messages of one correlation id, as a sequence diagram and as a table."""
    records = views.flow(console(), flow_id) or abort(404)
    snapshot = console().registry.snapshot
    return render_template(
        "flow.html",
        flow_id=flow_id,
        messages=[views.row(record, snapshot) for record in records],
        **diagram(records),
    )


def diagram(records: list[Any]) -> dict[str, Any]:
    """The sequence diagram of these records, and its rows for the table beside it."""
    snapshot = console().registry.snapshot
    bus = WORDS.say("product", language())
    drawn = sequence.arrows(records, bus)

    def heading(name: str) -> str:
        known = snapshot.systems.get(name) or snapshot.consumers.get(name)
        return title_of(known.title, language(), name) if known else name

    svg = sequence.draw(
        drawn,
        bus,
        link=lambda message_id: url_for("pages.message", message_id=message_id),
        title=heading,
        caption=WORDS.say("sequence", language()),
    )
    return {"svg": svg, "arrows": drawn, "heading": heading}


@blueprint.route("/visits/<message_id>")
def visit(message_id: str) -> str:
    """The visit that a message belongs to. Addressed by the message: a visit number in an address would leak."""
    view = views.visit(console(), message_id) or abort(404)
    return render_template("visit.html", view=view, **diagram(view["records"]))


@blueprint.route("/services")
def services() -> str:
    """What is registered."""
    return render_template("services.html", services=views.services(console(), language()))


@blueprint.route("/services/<service>/<version>/<operation>")
def operation(service: str, version: str, operation: str) -> str:
    """One operation as its callers need it."""
    settings, snapshot = console().settings, console().registry.snapshot
    view = contract.operation(snapshot, service, version, operation, base=settings.base_url, language=language())
    return render_template("operation.html", view=view or abort(404))
