"""``meridian dead-letters``: what was given up, everything that happened to it, and what a person decides.

Lists are read beside the bus that may be running. Embedded stores have one writer, the running bus, so decisions go to
its admin API; a PostgreSQL store is written straight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import click

from bus.backbone import dead_letters as store
from bus.backbone.dead_letters import DeadLetter, DeadLetters, Filter
from bus.backbone.topology import OPERATION, QUEUES
from bus.client.admin import AdminApi, own_address
from bus.commands.operator import operator
from bus.commands.state_reading import reading
from bus.errors import NotFound
from bus.settings import Settings
from bus.state.store import State

_REASON = click.option("--reason", required=True, help="Why; kept on record with your name.")
_LETTERS = click.argument("letters", metavar="QUEUE/ID…", nargs=-1)
_QUEUE = click.option("--queue", default="", type=click.Choice(["", *QUEUES]), help="Only letters of this queue.")
_CODE = click.option("--code", default="", help="Only letters that failed with this code.")
_OPERATION = click.option("--operation", default="", help="Only letters of this service.operation, or of a service.")


class Desk(Protocol):
    """Decides about dead letters in the name of whoever runs the command. Raises NotFound."""

    def settle(self, verb: str, queue: str, letter_id: str, reason: str) -> None: ...
    def replay_all(self, wanted: Filter, reason: str, rate: float) -> int: ...


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at letters that were given up, and replay or discard them."""


@dead_letters.command("list")
@_QUEUE
@_CODE
@_OPERATION
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.pass_obj
def list_(settings: Settings, queue: str, code: str, operation: str, limit: int) -> None:
    """Print what was given up, the newest first: letter, when, code, operation, attempts, reason."""
    with reading(settings) as connection:
        found = store.dead_letters(connection, Filter(queue, code, operation), limit=limit)
    for dead in found:
        letter = dead.letter
        attempts = f"{letter.attempt} attempts" + (
            f", replayed {dead.history.replays}×" if dead.history.replays else ""
        )
        about = letter.headers.get(OPERATION, "")
        moment = _moment(settings, dead.failed_at)
        click.echo("\t".join((f"{letter.queue}/{letter.id}", moment, dead.code, about, attempts, dead.reason)))


@dead_letters.command()
@click.argument("letter", metavar="QUEUE/ID")
@click.pass_obj
def show(settings: Settings, letter: str) -> None:
    """Print one letter: why it was given up, and everything that happened to it, the oldest first."""
    queue, letter_id = _split(letter)
    with reading(settings) as connection:
        dead = store.one_dead_letter(connection, queue, letter_id)
    if dead is None:
        raise NotFound(f"no dead letter {letter}")
    _print(settings, dead)


@dead_letters.command()
@_LETTERS
@click.option("--all", "all_", is_flag=True, help="Everything that fits the filter, instead of single letters.")
@_QUEUE
@_CODE
@_OPERATION
@click.option("--rate", default=20.0, show_default=True, type=click.FloatRange(0.1, 1000), help="Letters a second.")
@_REASON
@click.pass_obj
def replay(
    settings: Settings,
    letters: tuple[str, ...],
    all_: bool,
    queue: str,
    code: str,
    operation: str,
    rate: float,
    reason: str,
) -> None:
    """Send letters on their way again, from the first attempt; many of them oldest first, not faster than --rate."""
    if bool(letters) == all_:
        raise click.UsageError("name letters, or --all for everything that fits the filter")
    with open_desk(settings) as desk:
        for each in letters:
            desk.settle("replay", *_split(each), reason)
        done = desk.replay_all(Filter(queue, code, operation), reason, rate) if all_ else len(letters)
    click.echo(f"{done} replayed")


@dead_letters.command()
@click.argument("letters", metavar="QUEUE/ID…", nargs=-1, required=True)
@_REASON
@click.pass_obj
def discard(settings: Settings, letters: tuple[str, ...], reason: str) -> None:
    """Remove letters for ever."""
    with open_desk(settings) as desk:
        for each in letters:
            desk.settle("discard", *_split(each), reason)
    click.echo(f"{len(letters)} discarded")


@contextmanager
def open_desk(settings: Settings) -> Iterator[Desk]:
    """PostgreSQL where the settings name it, else the admin API of the bus that runs on this machine."""
    who = f"{operator()} (command line)"
    if not settings.database:
        yield _RemoteDesk(AdminApi(settings, own_address(settings), who))
        return
    state = State(settings)
    asyncio.run(state.start())
    try:
        yield _StoreDesk(DeadLetters(state), who)
    finally:
        asyncio.run(state.aclose())


class _StoreDesk:
    def __init__(self, letters: DeadLetters, who: str) -> None:
        self._letters = letters
        self._who = who

    def settle(self, verb: str, queue: str, letter_id: str, reason: str) -> None:
        work = self._letters.replay if verb == "replay" else self._letters.discard
        if not work(queue, letter_id, self._who, reason):
            raise NotFound(f"no dead letter {queue}/{letter_id}")

    def replay_all(self, wanted: Filter, reason: str, rate: float) -> int:
        return self._letters.replay_all(wanted, self._who, reason, rate=rate)


class _RemoteDesk:
    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def settle(self, verb: str, queue: str, letter_id: str, reason: str) -> None:
        self._api.post(f"/dead-letters/{queue}/{letter_id}/{verb}", {"reason": reason})

    def replay_all(self, wanted: Filter, reason: str, rate: float) -> int:
        body = {"queue": wanted.queue, "code": wanted.code, "operation": wanted.operation}
        return int(self._api.post("/dead-letters/replay", {**body, "reason": reason, "rate": rate})["done"])


def _print(settings: Settings, dead: DeadLetter) -> None:
    letter, history = dead.letter, dead.history
    click.echo(f"{letter.queue}/{letter.id}: {letter.headers.get(OPERATION, '')} ({dead.size} bytes)")
    click.echo(
        f"given up {_moment(settings, dead.failed_at)} after {letter.attempt} attempts: {dead.code}: {dead.reason}"
    )
    if history.replays:
        click.echo(f"replayed {history.replays}× before")
    if letter.lane:
        click.echo(f"lane {letter.lane}")
    for entry in history.entries:
        moment = _moment(settings, entry.at)
        click.echo("\t".join((moment, f"attempt {entry.attempt}", entry.code, entry.process or "?", entry.reason)))
    if history.left_out:
        click.echo(f"{history.left_out} entries between the first and the latest are not kept")


def _split(letter: str) -> tuple[str, str]:
    queue, slash, letter_id = letter.partition("/")
    if not slash or not letter_id:
        raise NotFound(f"{letter}: name a letter as `meridian dead-letters list` prints it, such as deliver/{letter}")
    return queue, letter_id


def _moment(settings: Settings, seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo(settings.timezone)).isoformat(timespec="seconds")
