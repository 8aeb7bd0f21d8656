"""``meridian downtime``: announce that a system will be down, end it, and watch its backlog drain."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bus.client.admin import AdminApi, own_address
from bus.commands.operator import operator
from bus.commands.stores import opened
from bus.console.moments import read, written
from bus.downtime.desk import Desk, Entry
from bus.downtime.times import written as clock
from bus.settings import Settings
from bus.state.store import State

if TYPE_CHECKING:
    from registry.live import LiveRegistry

_PAUSE = 1.0


def _reaching(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="As JSON, as the admin API answers."),
        click.option("--password", envvar="MERIDIAN_PASSWORD", hidden=True, default=""),
        click.option("--user", default="", help="Console user for --url; its password in $MERIDIAN_PASSWORD."),
        click.option("--url", default="", help="Admin API of a running bus; default: the one of the settings."),
    ):
        command = option(command)
    return command


_REASON = click.option("--reason", default="", help="Why; kept with the order.")


@click.group()
def downtime() -> None:
    """Planned downtime of a system: its letters wait, its callers are told, and afterwards its backlog drains."""


@downtime.command()
@click.argument("system")
@click.option(
    "--until", required=True, help="HH:MM in the hospital's time zone (the next one), or an ISO date and time."
)
@click.option("--from", "begin", default="", help="When it begins, written in the same way; default: now.")
@click.option("--reason", required=True, help="Why; for operators, callers never see it.")
@click.option("--rate", type=float, default=None, help="Letters a second afterwards (20); 0 is no limit.")
@_reaching
@click.pass_obj
def start(settings: Settings, /, system: str, begin: str, as_json: bool, **given: Any) -> None:
    """Hold what goes to SYSTEM, now or from a given time on, until the end that is given."""
    order = {"system": system, "until": given["until"], "reason": given["reason"]}
    order |= {"from": begin} if begin else {}
    _show(settings, _sent(settings, given, "", order), as_json=as_json)


@downtime.command()
@click.argument("system")
@click.option("--rate", type=float, default=None, help="Letters a second; default: as it was planned.")
@click.option("--follow", is_flag=True, help="Print the progress until the backlog is gone.")
@_REASON
@_reaching
@click.pass_obj
def stop(settings: Settings, /, system: str, follow: bool, as_json: bool, **given: Any) -> None:
    """End the downtime of SYSTEM now, or cancel the one that is planned next; its backlog begins to drain."""
    one = _sent(settings, given, f"/{system}/stop", {"reason": given["reason"]})
    _show(settings, one, as_json=as_json)
    while follow and one["status"] == "draining":
        time.sleep(_PAUSE)
        with _desk(settings, given) as desk:
            one = desk.one(str(one["number"]))
        click.echo(_progress(one))


@downtime.command()
@click.argument("system")
@click.option("--until", required=True, help="The new end: HH:MM, or an ISO date and time.")
@_REASON
@_reaching
@click.pass_obj
def extend(settings: Settings, /, system: str, as_json: bool, **given: Any) -> None:
    """Let the downtime of SYSTEM end at another time."""
    order = {"until": given["until"], "reason": given["reason"]}
    _show(settings, _sent(settings, given, f"/{system}/extend", order), as_json=as_json)


@downtime.command()
@click.argument("system")
@click.argument("rate", type=float)
@_reaching
@click.pass_obj
def rate(settings: Settings, /, system: str, as_json: bool, **given: Any) -> None:
    """Drain the backlog of SYSTEM at RATE letters a second; 0 is no limit."""
    _show(settings, _sent(settings, given, f"/{system}/rate", {}), as_json=as_json)


@downtime.command("list")
@click.option("--system", default="", help="Only those of this system.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@_reaching
@click.pass_obj
def list_(settings: Settings, /, system: str, limit: int, as_json: bool, **given: Any) -> None:
    """Print downtimes, newest first."""
    with _desk(settings, given) as desk:
        found = desk.page(system=system, limit=limit)
    if as_json:
        click.echo(json.dumps(written([dict(one) for one in found]), ensure_ascii=False, indent=2))
        return
    for one in found:
        times = f"{_time(settings, one['begins_at'])} – {_time(settings, one['stopped_at'] or one['ends_at'])}"
        click.echo("\t".join((str(one["number"]), one["system"], one["status"], times, _progress(one), one["reason"])))


@downtime.command()
@click.argument("name")
@_reaching
@click.pass_obj
def show(settings: Settings, /, name: str, as_json: bool, **given: Any) -> None:
    """Print one downtime: NAME is its number, or a system whose newest one is meant."""
    with _desk(settings, given) as desk:
        _show(settings, desk.one(name), as_json=as_json)


class _Remote:
    """The admin API of a running bus, which alone writes embedded stores."""

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def page(self, *, system: str = "", limit: int = 50) -> list[Entry]:
        return [
            read(one) for one in self._api.post("/downtimes/search", {"system": system, "limit": limit})["downtimes"]
        ]

    def one(self, name: str) -> Entry:
        found: Entry = read(self._api.get(f"/downtimes/{name}"))
        return found

    def send(self, path: str, order: dict[str, Any]) -> Entry:
        found: Entry = read(self._api.post(f"/downtimes{path}", order))
        return found


class _Local(Desk):
    """A store that may be written from here."""

    def __init__(self, state: State, registry: LiveRegistry, zone: str, who: str) -> None:
        super().__init__(state, lambda: registry.snapshot.systems, zone)
        self._who = who

    def send(self, path: str, order: dict[str, Any]) -> Entry:
        given: dict[str, Any] = {**order, "who": self._who}
        if not path:
            return self.start(given.pop("system"), begin=given.pop("from", ""), **given)
        _, system, verb = path.split("/")
        orders: dict[str, Callable[..., Entry]] = {"stop": self.stop, "extend": self.extend, "rate": self.rate}
        return orders[verb](system, **given)


@contextmanager
def _desk(settings: Settings, given: dict[str, Any]) -> Iterator[_Remote | _Local]:
    """The admin API where one is named or the store is embedded; else PostgreSQL."""
    who = f"{operator()} (command line)"
    if given["url"] or not settings.database:
        address = given["url"].rstrip("/") or own_address(settings)
        yield _Remote(AdminApi(settings, address, who, given["user"], given["password"]))
        return
    with opened(settings) as (state, registry):
        yield _Local(state, registry, settings.timezone, who)


def _sent(settings: Settings, given: dict[str, Any], path: str, order: dict[str, Any]) -> Entry:
    if given.get("rate") is not None:
        order["rate"] = given["rate"]
    with _desk(settings, given) as desk:
        return desk.send(path, order)


def _show(settings: Settings, one: Entry, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(written(dict(one)), ensure_ascii=False, indent=2))
        return
    click.echo(f"downtime {one['number']} of {one['system']}: {one['status']}")
    click.echo(f"from {_time(settings, one['begins_at'])} until {_time(settings, one['ends_at'])}, by {one['who']}")
    click.echo(f"reason: {one['reason']}")
    if one["stopped_at"]:
        by = f" by {one['stopped_by']}" if one["stopped_by"] else ""
        click.echo(f"ended {_time(settings, one['stopped_at'])}{by}")
    if one["status"] != "planned":
        click.echo(_progress(one))
    for silenced in one.get("silenced", ()):
        click.echo(f"silenced: {_time(settings, silenced['at'])} {silenced['kind']} {silenced['text']}")


def _progress(one: Entry) -> str:
    """How far it is, in one line."""
    pace = f"at {one['speed']:g} of {one['rate']:g}/s" if one["rate"] else f"at {one['speed']:g}/s"
    match one["status"]:
        case "planned" | "cancelled":
            return "nothing held"
        case "down":
            wait = f", about {one['eta']} s to drain" if one["eta"] else ""
            return f"{one['remaining']} waiting{wait}"
        case _:
            parts = [f"{one['percent']} %", f"{one['done']} of {one['held']} delivered", f"{one['remaining']} waiting"]
            parts += [f"{one[name]} {name}" for name in ("collapsed", "parked", "failed") if one[name]]
            if one["status"] == "draining":
                parts += [pace, f"about {one['eta']} s left" if one["eta"] is not None else "no end in sight"]
            return ", ".join(parts)


def _time(settings: Settings, seconds: float) -> str:
    return clock(seconds, settings.timezone)
