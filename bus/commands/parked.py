"""``meridian parked`` and ``meridian lanes``: letters that wait for a person, and what a person decides."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from bus.commands import parked_desk
from bus.errors import NotFound
from bus.letter_document import Inside
from bus.parked import opened
from bus.payload import read_text
from bus.settings import Settings
from transformers import charset, json_text

_LIMIT = click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
_REASON = click.option("--reason", required=True, help="Why; kept on record with your name.")
_LETTER = click.argument("letter", metavar="QUEUE/ID")


@click.group()
def parked() -> None:
    """Look at letters that wait for a person, and release, skip or edit them."""


@parked.command("list")
@click.option("--code", default="", help="Only letters that were parked with this code, such as expired.")
@_LIMIT
@click.pass_obj
def list_(settings: Settings, code: str, limit: int) -> None:
    """Print what waits, the longest first: letter, since, code, operation, lane, how many wait behind it, reason."""
    for found in parked_desk.letters(settings, code, limit):
        letter = found.letter
        name = f"{letter.queue}/{letter.id}"
        behind = f"{found.behind} behind" if letter.lane else ""
        moment = _moment(settings, found.parked_at)
        click.echo("\t".join((name, moment, found.code, opened(letter).about, letter.lane, behind, found.reason)))


@parked.command()
@_LETTER
@click.option("--document", is_flag=True, help="Print what it carries, unmasked, and nothing else.")
@click.pass_obj
def show(settings: Settings, letter: str, document: bool) -> None:
    """Print one letter: why it waits, its lane in order, and what was done to it before."""
    found = parked_desk.one(settings, *_split(letter))
    if document:
        click.echo(_document(found.inside))
        return
    it = found.parked
    click.echo(f"{it.letter.queue}/{it.letter.id}: {found.inside.about}")
    click.echo(f"parked {_moment(settings, it.parked_at)} ({_ago(it.parked_at)}): {it.code}: {it.reason}")
    click.echo(f"accepted {_moment(settings, it.accepted_at)}, tried {it.letter.attempt} times")
    if found.inside.message:
        click.echo(f"message {found.inside.message}, flow {found.inside.flow}")
    if it.letter.lane:
        click.echo(f"lane {it.letter.lane}: {it.ahead} ahead, {it.behind} behind")
        for each in found.lane:
            click.echo(f"{'→' if each.id == it.letter.id else ' '} {each.queue}/{each.id}\tattempt {each.attempt}")
    for action in found.actions:
        click.echo(f"{_moment(settings, action.at)}\t{action.who}\t{action.verb}\t{action.reason}")


@parked.command()
@click.argument("letters", metavar="QUEUE/ID…", nargs=-1)
@click.option("--lane", is_flag=True, help="Release everything that is parked in the lane of each letter.")
@click.option(
    "--code", default="", help="Release everything that was parked with this code, instead of single letters."
)
@_REASON
@click.pass_obj
def release(settings: Settings, letters: tuple[str, ...], lane: bool, code: str, reason: str) -> None:
    """Deliver letters again, from the first attempt and in their old place."""
    if bool(letters) == bool(code):
        raise click.UsageError("name letters, or --code for all that were parked with it")
    with parked_desk.open_desk(settings) as desk:
        if code:
            released = desk.release_all(code, reason)
        else:
            released = sum(desk.release(*_split(each), reason, lane=lane) for each in letters)
    click.echo(f"{released} released")


@parked.command()
@click.argument("letters", metavar="QUEUE/ID…", nargs=-1, required=True)
@_REASON
@click.pass_obj
def skip(settings: Settings, letters: tuple[str, ...], reason: str) -> None:
    """Put letters with the dead letters; their lanes move on."""
    with parked_desk.open_desk(settings) as desk:
        for each in letters:
            desk.skip(*_split(each), reason)
    click.echo(f"{len(letters)} skipped")


@parked.command()
@_LETTER
@click.option(
    "--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Default: your editor opens."
)
@_REASON
@click.pass_obj
def edit(settings: Settings, letter: str, file: Path | None, reason: str) -> None:
    """Deliver a letter again with another document, which must satisfy the contract of its operation."""
    queue, letter_id = _split(letter)
    text = charset.read(file.read_bytes()).text if file is not None else _edited(settings, queue, letter_id)
    with parked_desk.open_desk(settings) as desk:
        new = desk.edit(queue, letter_id, text, reason)
    click.echo(f"released as {queue}/{new}")


@click.group()
def lanes() -> None:
    """Look at lanes in which a parked letter holds up the rest."""


@lanes.command("list")
@_LIMIT
@click.pass_obj
def list_lanes(settings: Settings, limit: int) -> None:
    """Print them, the one with the oldest letter first: lane, how many letters, how many parked, the oldest, the first
    that is parked, and why."""
    for one in parked_desk.lanes(settings, limit):
        counts = (f"{one.letters} letters", f"{one.parked} parked", _moment(settings, one.oldest_at))
        click.echo("\t".join((one.name, *counts, f"{one.queue}/{one.first}", one.code, one.reason)))


def _edited(settings: Settings, queue: str, letter_id: str) -> str:
    before = _document(parked_desk.one(settings, queue, letter_id).inside)
    after = click.edit(before, extension=".json" if before.lstrip()[:1] in "{[" else ".xml")
    if after is None or after.strip() == before.strip():
        raise click.ClickException("nothing was changed, and nothing released")
    return after


def _split(letter: str) -> tuple[str, str]:
    queue, slash, letter_id = letter.partition("/")
    if not slash:
        raise NotFound(f"{letter}: name a letter as `meridian parked list` prints it, such as deliver/{letter}")
    return queue, letter_id


def _document(carried: Inside) -> str:
    text = read_text(carried.data, carried.content_type)
    return json_text.pretty(json_text.loads(text.text_utf8)) if text.text.lstrip()[:1] in ("{", "[") else text.text


def _moment(settings: Settings, seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZoneInfo(settings.timezone)).isoformat(timespec="seconds")


def _ago(seconds: float) -> str:
    past = max(0, int(time.time() - seconds))
    return f"{past // 3600} h {past % 3600 // 60} min ago" if past >= 3600 else f"{past // 60} min ago"
