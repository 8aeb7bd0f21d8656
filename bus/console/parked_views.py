"""What the pages and the admin API say of letters that wait for a person; documents and personal keys are masked."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict
from typing import Any

from bus.backbone.parking import ParkedLetter
from bus.console.masking import all_operations, masked_keys, personal_keys
from bus.console.payload import show
from bus.console.ports import ConsolePorts
from bus.console.views import BY_CODE
from bus.letter_document import Inside
from bus.parked import opened
from bus.ports import Body
from registry.model import Snapshot
from transformers.masking import Rules

MOST = 200
"""Letters and lanes that one page shows."""


def letters(console: ConsolePorts, *, code: str = "", limit: int = MOST) -> list[dict[str, Any]]:
    """What waits, the longest first."""
    personal = _personal(console)
    return [_row(one, personal) for one in console.parked.letters(code=code, limit=limit)]


def lanes(console: ConsolePorts, *, limit: int = MOST) -> list[dict[str, Any]]:
    """The lanes that are held, the one with the oldest letter first."""
    personal = _personal(console)
    return [asdict(one) | {"name": _lane(one.name, personal)} for one in console.parked.lanes(limit=limit)]


def one(console: ConsolePorts, queue: str, letter_id: str, *, reveal: bool = False) -> dict[str, Any]:
    """One letter with its document, its lane and what was done to it. Raises NotFound."""
    found = console.parked.one(queue, letter_id)
    rules = None if reveal else _rules(found.inside, console.registry.snapshot)
    body = Body("request", found.inside.data, found.inside.content_type)
    return _row(found.parked, _personal(console)) | {
        "flow": found.inside.flow,
        "document": show(body, rules),
        "editable": found.inside.editable,
        "members": [{"id": each.id, "about": opened(each).about, "attempt": each.attempt} for each in found.lane],
        "actions": [asdict(action) for action in found.actions],
    }


def _row(found: ParkedLetter, personal: Set[str]) -> dict[str, Any]:
    letter, carried, meaning = found.letter, opened(found.letter), BY_CODE.get(found.code)
    return {
        "queue": letter.queue,
        "id": letter.id,
        "about": carried.about,
        "message": carried.message,
        "lane": _lane(letter.lane, personal),
        "ahead": found.ahead,
        "behind": found.behind,
        "code": found.code,
        "reason": found.reason,
        "hint": {"zh": meaning.hint_zh, "en": meaning.hint_en} if meaning else None,
        "attempts": letter.attempt,
        "parked_at": found.parked_at,
        "accepted_at": found.accepted_at,
    }


def _lane(name: str, personal: Set[str]) -> str:
    """The lane's name, its value masked where the key names a person."""
    head, _, value = name.partition("=")
    key = head.rpartition("/")[2]
    return f"{head}={masked_keys([(key, value)], set(personal))[0][1]}" if value else name


def _personal(console: ConsolePorts) -> set[str]:
    return personal_keys(all_operations(console.registry.snapshot))


def _rules(carried: Inside, snapshot: Snapshot) -> Rules:
    service, _, name = carried.about.partition(".")
    known = snapshot.services.get(service)
    versions = known.versions.values() if known else ()
    own = [
        operation.masks for version in versions for operation in version.operations.values() if operation.name == name
    ]
    return Rules(paths=tuple(path for masks in own for path in masks.paths))
