"""The last good replies of operations that declare it, from which they are answered while their system is down.

They are patient data: packed in the state store, gone after their time, never logged, and never many.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
import structlog
import zstandard
from lxml import etree
from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, select

from bus.backbone.tables import insert_into
from bus.background import Background
from bus.downtime.tables import cached_reply
from bus.errors import StateUnavailable
from bus.message import Content, Message
from bus.state.store import State
from transformers import json_text
from transformers.document import Document, Element, Json, is_xml
from transformers.xml import Limits, parse

_log = structlog.get_logger(__name__)

#: Replies that are kept together, the newest ones.
MOST = 20_000
#: A longer reply (bytes) is not kept.
LONGEST = 1024 * 1024
#: Replies that wait to be written; what comes while so many wait is not kept.
_WAITING = 1000
_PAUSE = 0.5


class ReplyMemory:
    """Implements ``bus.ports.Memory`` over the state store; writes in the background, so that no caller waits."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[str, dict[str, Any]] = {}
        self._background = Background(self._run, "cached-replies")

    async def start(self) -> None:
        """Begin to write. The state store must be started."""
        self._background.start()

    async def stop(self) -> None:
        """Write what waits, and stop."""
        await self._background.stop()
        with suppress(StateUnavailable):
            await self._write()

    def keep(self, message: Message, reply: Message) -> None:
        """Remember a good reply, if it is one that can be written again: a document without attachments."""
        operation, content = message.operation, reply.content
        if operation is None or content is None or content.document is None or reply.attachments is not None:
            return
        body, now = _written(content.document), time.time()
        if reply.status >= 300 or len(body) > LONGEST or len(self._waiting) >= _WAITING:
            return
        key = key_of(message)
        self._waiting[key] = {
            "key": key,
            "operation": f"{operation.service}.{operation.name}"[:200],
            "form": "xml" if is_xml(content.document) else "json",
            "status": reply.status,
            "body": zstandard.ZstdCompressor().compress(body),
            "stored_at": now,
            "expires_at": now + operation.policy.cached_for,
        }

    async def recall(self, message: Message) -> Message | None:
        """The reply to the same request, with ``cached_at`` set; None when none is known or it is too old."""
        key = key_of(message)
        row = self._waiting.get(key) or await self._state.read(lambda connection: _find(connection, key))
        if row is None or row["expires_at"] <= time.time():
            return None
        body = zstandard.ZstdDecompressor().decompress(row["body"], max_output_size=LONGEST)
        document: Document = parse(body, Limits(bytes=LONGEST)) if row["form"] == "xml" else json_text.loads(body)
        return replace(
            message,
            content=Content(document, None, len(body)),
            body=b"",
            status=row["status"],
            wire=None,
            headers={},
            cached_at=row["stored_at"],
        )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                await self._write()
            except StateUnavailable as error:
                _log.warning("replies are not remembered", reason=str(error))

    async def _write(self) -> None:
        if self._waiting:
            rows, self._waiting = list(self._waiting.values()), {}
            await self._state.write(lambda connection: _store(connection, rows))


def key_of(message: Message) -> str:
    """The name of a request: its operation and its document, however it was written."""
    operation = message.operation
    document = message.content.document if message.content is not None else None
    names = (operation.service, operation.version, operation.name) if operation is not None else ()
    return hashlib.sha256(b"\n".join((*(name.encode() for name in names), _canonical(document)))).hexdigest()


def _canonical(document: Document) -> bytes:
    told = _told(document) if is_xml(document) else document  # type: ignore[arg-type]
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _told(element: Element) -> Json:
    """What an element says, whatever prefixes and white space it was written with."""
    children: list[Json] = [
        [_told(child), (child.tail or "").strip()] for child in element if isinstance(child.tag, str)
    ]
    return [element.tag, {str(k): str(v) for k, v in element.attrib.items()}, (element.text or "").strip(), children]


def _written(document: Document) -> bytes:
    if is_xml(document):
        return bytes(etree.tostring(document, encoding="UTF-8", with_tail=False))  # type: ignore[arg-type]
    return json_text.dumps(document)  # type: ignore[arg-type]


def _store(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    statement = insert_into(connection, cached_reply)
    changes = {name: statement.excluded[name] for name in ("form", "status", "body", "stored_at", "expires_at")}
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changes), rows)
    connection.execute(delete(cached_reply).where(cached_reply.c.expires_at < time.time()))
    excess = (connection.scalar(select(func.count()).select_from(cached_reply)) or 0) - MOST
    if excess > 0:
        oldest = select(cached_reply.c.key).order_by(cached_reply.c.stored_at).limit(excess)
        connection.execute(delete(cached_reply).where(cached_reply.c.key.in_(oldest)))


def _find(connection: Connection, key: str) -> dict[str, Any] | None:
    row = connection.execute(select(cached_reply).where(cached_reply.c.key == key)).first()
    return dict(row._mapping) if row is not None else None
