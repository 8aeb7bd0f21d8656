"""An exchange in a JSON file: one that somebody else recorded, or that the journal has handed out."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

from bus.conform.finding import WRITERS
from bus.errors import BadRequest
from bus.ports import Body, Record
from transformers import json_text
from transformers.errors import DocumentError

_KEYS = {"service", "version", "operation", "door", "consumer", "bodies"}


def read_exchange(path: Path, service: str, operation: str) -> Record:
    """Read ``{"door": "soap", "bodies": {"request": {"content_type": …, "text": … or "base64": …}, …}}``.

    Stages are those of the journal. ``service`` and ``operation`` stand in where the file names none. Raises
    BadRequest, naming the key.
    """
    try:
        raw: Any = json_text.loads(path.read_bytes())
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read ({error.strerror})") from error
    except DocumentError as error:
        raise BadRequest(f"{path}: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("bodies"), dict):
        raise BadRequest(f'{path}: an exchange is an object with "bodies", by stage: {", ".join(WRITERS)}')
    if unknown := sorted(set(raw) - _KEYS):
        raise BadRequest(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}")
    if (door := raw.get("door", "soap")) not in ("soap", "rest"):
        raise BadRequest(f"{path}: door is soap or rest")
    bodies = tuple(_body(stage, body, path) for stage, body in raw["bodies"].items())
    return Record(
        id=path.name,
        flow="",
        parent="",
        door=door,
        consumer=str(raw.get("consumer", "")),
        system="",
        service=str(raw.get("service", service)),
        version=str(raw.get("version", "")),
        operation=str(raw.get("operation", operation)),
        received_at=0.0,
        bodies=bodies,
    )


def _body(stage: str, raw: Any, path: Path) -> Body:
    if stage not in WRITERS:
        raise BadRequest(f"{path}: unknown stage {stage!r}; stages are {', '.join(WRITERS)}")
    if not isinstance(raw, dict) or ("text" in raw) is ("base64" in raw):
        raise BadRequest(f'{path}: {stage} needs "content_type", and either "text" or "base64"')
    try:
        data = raw["text"].encode() if "text" in raw else b64decode(raw["base64"], validate=True)
    except (AttributeError, TypeError, ValueError) as error:
        raise BadRequest(f"{path}: {stage} is neither text nor Base64") from error
    return Body(stage, data, str(raw.get("content_type", "")))
