"""A letter as a broker carries it: its body, and beside the letter's own headers those of the backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.backbone.topology import ATTEMPT, EXPIRES, LANE
from bus.ports import Letter

_BACKBONE = (LANE, ATTEMPT, EXPIRES)


def headers_of(letter: Letter) -> dict[str, str | int]:
    """The headers with which a broker is to carry ``letter``."""
    headers: dict[str, str | int] = {**letter.headers, LANE: letter.lane, ATTEMPT: letter.attempt}
    return headers if not letter.expires_at else headers | {EXPIRES: repr(letter.expires_at)}


def letter_from(queue: str, letter_id: str, body: bytes, headers: Mapping[str, Any]) -> Letter:
    """The letter that a broker carried with these headers; what brokers add that is no text is left out."""
    own = {name: value for name, value in headers.items() if isinstance(value, str) and name not in _BACKBONE}
    lane, attempt = str(headers.get(LANE, "")), int(headers.get(ATTEMPT, 1))
    return Letter(letter_id, queue, body, own, lane, attempt, float(headers.get(EXPIRES, 0.0)))
