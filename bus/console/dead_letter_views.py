"""What pages and API say of dead letters, as plain dictionaries: without their bodies, which hold patients' data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bus.backbone.dead_letters import DeadLetter
from bus.backbone.topology import DELIVER, OPERATION


def row(dead: DeadLetter) -> dict[str, Any]:
    """A dead letter as a line of a list; a delivery's letter has the id of its message. Times are Unix seconds."""
    letter = dead.letter
    return {
        "queue": letter.queue,
        "id": letter.id,
        "message": letter.id if letter.queue == DELIVER and len(letter.id) == 32 else "",
        "operation": letter.headers.get(OPERATION, ""),
        "lane": letter.lane,
        "code": dead.code,
        "reason": dead.reason,
        "attempts": letter.attempt,
        "failed_at": dead.failed_at,
        "size": dead.size,
        "failures": dead.history.failures,
        "replays": dead.history.replays,
    }


def detail(dead: DeadLetter) -> dict[str, Any]:
    """The same with its history, oldest first, and how many entries between the first and the latest are left out."""
    entries = [asdict(entry) for entry in dead.history.entries]
    return row(dead) | {"history": entries, "left_out": dead.history.left_out}
