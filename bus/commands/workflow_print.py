"""Prints workflow instances: tables as wide as the terminal, and lines with tabs for programs that read them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from bus.commands.columns import cut
from bus.commands.listing import table
from bus.commands.workflow_text import ASCII, diagram
from bus.console.words import WORDS
from bus.console.workflow_diagram import draw
from bus.console.workflow_views import drawn
from bus.orchestration.orders import Outcome
from bus.settings import Settings

Entry = Mapping[str, Any]

#: Columns of a table where nobody says how wide the terminal is.
WIDTH = 100


class Printer:
    """Prints in the hospital's time, in ASCII where the terminal knows no more."""

    def __init__(self, settings: Settings) -> None:
        self._zone = ZoneInfo(settings.timezone)
        self._terminal = sys.stdout.isatty()
        self._width = shutil.get_terminal_size((WIDTH, 24)).columns
        self._ascii = "utf" not in (sys.stdout.encoding or "").lower()

    def instances(self, found: Sequence[Entry]) -> None:
        """A list of instances."""
        if not self._terminal:
            for one in found:
                self._tabs(one["id"], one["workflow"], one["status"], self._moment(one["created_at"]),
                           _keys(one), one["error"])  # fmt: skip
            return
        self._table(
            [
                {
                    "instance": one["id"],
                    "age": _age(one["created_at"]),
                    "workflow": one["workflow"],
                    "status": one["status"],
                    "key": next((value for _, value in one["keys"]), ""),
                    "error": one["error"],
                }
                for one in found
            ],
            "no workflow instance fits",
        )

    def tasks(self, found: Sequence[Entry]) -> None:
        """A list of human tasks."""
        if not self._terminal:
            for one in found:
                self._tabs(one["instance"], one["workflow"], one["step"], one["phase"], one["code"],
                           self._moment(one["since"]), one["taken_by"])  # fmt: skip
            return
        self._table(
            [
                {
                    "instance": one["instance"],
                    "age": _age(one["since"]),
                    "taken by": one["taken_by"].removesuffix(" (command line)") or "nobody",
                    "step": one["step"] if one["phase"] == "do" else f"{one['step']} ({one['phase']})",
                    "code": one["code"],
                }
                for one in found
            ],
            "no workflow needs a person",
        )

    def instance(self, one: Entry) -> None:
        """One instance, its diagram before its history."""
        self._say(f"{one['workflow']} version {one['version']} ({one['definition_hash'][:8]}): {one['status']}")
        self._say(f"started {self._moment(one['created_at'])}, last moved {self._moment(one['updated_at'])}")
        for name, value in one["keys"]:
            self._say(f"{name}: {value}")
        if one["error"]:
            self._say(f"error: {one['error']}")
        seen = drawn(one)
        if seen is not None:
            self._say("")
            for line in diagram(seen.steps, seen.marks, moment=self._clock, width=self._width):
                self._say(line)
            self._say("")
        for wait in one["waits"]:
            self._say(f"waits for {wait['event']} since {self._moment(wait['since'])}")
        for timer in one["timers"]:
            self._say(f"{timer['kind']} at {self._moment(timer['due_at'])}")
        for alert in one["alerts"]:
            self._say(f"alert {alert['kind']} at {self._moment(alert['at'])}: {alert['text']}")
        self._needs(one)
        self._say("history:")
        for step in one["steps"]:
            self._say("  " + "  ".join(self._line(step)))
        for order in reversed(one["orders"]):
            self._say(f"ordered at {self._moment(order['at'])} by {order['who']}: {order['verb']}  {order['reason']}")

    def outcome(self, outcome: Outcome, *, done: bool) -> None:
        """What an order did, or what it would do."""
        for problem in outcome.problems:
            click.echo(f"{outcome.verb}: {problem}", err=True)
        if outcome.problems:
            return
        for heading, steps in (
            ("for", outcome.steps),
            ("undoes" if done else "would undo, in this order", outcome.undoes),
            ("calls under way, awaited first" if outcome.verb == "compensate" else "calls under way, whose outcome "
             "nobody will hear", outcome.under_way),
            ("done, or may have been, and stays so", outcome.keeps),
            ("note", outcome.notes),
        ):  # fmt: skip
            if steps:
                self._say(f"{heading}:")
                for step in steps:
                    self._say(f"  {step}")
        self._say(f"{'the instance is' if done else 'the instance would be'} {outcome.status}")

    def _needs(self, one: Entry) -> None:
        for task in (each for each in one["tasks"] if not each["closed_at"]):
            taken = f"taken by {task['taken_by']}" if task["taken_by"] else "nobody has taken it"
            since = self._moment(task["since"])
            self._say(f"needs a person: {task['step']} ({task['phase']}) {task['code']} since {since}, {taken}")
            if task["message"]:
                self._say(f"  {task['message']}")
        if one["verbs"]:
            self._say("may be ordered: " + "; ".join(_verb(name, steps) for name, steps in one["verbs"].items()))

    def _line(self, step: Entry) -> tuple[str, ...]:
        name = step["step"] if step["phase"] == "do" else f"{step['step']} ({step['phase']})"
        took = f"{(step['ended_at'] - step['started_at']) * 1000:.0f} ms" if step["ended_at"] else "…"
        tries = f"×{step['attempt']}" if step["attempt"] > 1 else ""
        words = (self._clock(step["started_at"]), name, step["operation"], tries, step["status"], took, step["error"])
        return tuple(word for word in words if word)

    def _table(self, rows: Sequence[Entry], none: str) -> None:
        for line in table(rows) if rows else [none]:
            self._say(cut(line, self._width))

    def _tabs(self, *fields: str) -> None:
        click.echo("\t".join(fields))

    def _say(self, line: str) -> None:
        click.echo(line.translate(ASCII) if self._ascii else line)

    def _moment(self, seconds: float) -> str:
        return datetime.fromtimestamp(seconds, self._zone).isoformat(timespec="seconds")

    def _clock(self, seconds: float) -> str:
        return f"{datetime.fromtimestamp(seconds, self._zone):%H:%M:%S}"


def picture(one: Entry) -> str:
    """The diagram of an instance as an SVG file. Raises WorkflowInvalid for a definition that cannot be read."""
    seen = drawn(one)
    if seen is None:
        raise click.ClickException("this definition cannot be read any more, so there is no diagram")
    say = lambda key: WORDS.say(key, "en")  # noqa: E731
    return draw(seen.steps, seen.marks, say=say, language="en", caption=one["workflow"], alone=True)


def _age(began: float) -> str:
    """How long ago, in the largest whole unit."""
    seconds = max(int(time.time() - began), 0)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _keys(one: Entry) -> str:
    return " ".join(f"{name}={value}" for name, value in one["keys"])


def _verb(name: str, steps: Sequence[str]) -> str:
    return f"{name} ({', '.join(steps)})" if steps else name
