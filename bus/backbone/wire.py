"""A letter as a broker carries it: its body, and beside the letter's own headers those of the backbone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from bus.backbone.topology import ATTEMPT, EXPIRES, FLAW, LANE, RETURNS
from bus.ports import Letter

CONTENT_TYPE: Final = "application/octet-stream"

_BACKBONE = (LANE, ATTEMPT, EXPIRES)
#: As long as the columns of the state store.
_LONGEST_ID, _LONGEST_LANE = 128, 256
_MOST_ATTEMPTS = 1_000_000
#: Of a message that is none of ours, so much of its headers is kept.
_MOST_HEADERS, _LONGEST_HEADER = 20, 256


def headers_of(letter: Letter) -> dict[str, str | int]:
    """The headers with which a broker is to carry ``letter``."""
    headers: dict[str, str | int] = {**letter.headers, LANE: letter.lane, ATTEMPT: letter.attempt}
    return headers if not letter.expires_at else headers | {EXPIRES: repr(letter.expires_at)}


def letter_from(
    queue: str, message_id: str | None, body: bytes, headers: Mapping[str, Any], content_type: str
) -> Letter:
    """The letter that a broker carried so; what brokers add that is no text is left out.

    Other applications may write to our queues. What is not one of our letters becomes one with the header ``FLAW``,
    which says why, under an id that is the same however often it comes.
    """
    own = {name: value for name, value in headers.items() if isinstance(value, str) and name not in _BACKBONE}
    flaw = _flaw(message_id, headers, content_type)
    if flaw:
        name = hashlib.sha256(b"\n".join((queue.encode(), str(message_id).encode(), body))).hexdigest()
        kept = {key[:_LONGEST_HEADER]: value[:_LONGEST_HEADER] for key, value in [*own.items()][:_MOST_HEADERS]}
        return Letter(f"foreign-{name[:40]}", queue, body, {**kept, FLAW: flaw})
    return Letter(
        str(message_id),
        queue,
        body,
        own,
        headers.get(LANE, ""),
        headers.get(ATTEMPT, 1),
        float(headers.get(EXPIRES, 0.0)),
        _whole(headers.get(RETURNS)),
    )


def _flaw(message_id: str | None, headers: Mapping[str, Any], content_type: str) -> str:
    """What shows that a message is none of ours; empty when it may be one. Quotes nothing of it but its types."""
    if LANE not in headers or ATTEMPT not in headers:
        return f"it has no header {LANE if LANE not in headers else ATTEMPT}: another application has written it"
    if content_type != CONTENT_TYPE:
        return f"its content type is not {CONTENT_TYPE}, in which letters are written"
    if not message_id or len(message_id) > _LONGEST_ID:
        return f"its message id is not 1 to {_LONGEST_ID} characters long"
    lane = headers[LANE]
    if not isinstance(lane, str) or len(lane) > _LONGEST_LANE:
        return f"its header {LANE} is not a text of up to {_LONGEST_LANE} characters"
    if not 0 < _whole(headers[ATTEMPT]) < _MOST_ATTEMPTS:
        return f"its header {ATTEMPT} is not a number from 1 on"
    try:
        float(headers.get(EXPIRES, 0.0))
    except (TypeError, ValueError):
        return f"its header {EXPIRES} is not a time in Unix seconds"
    return ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
