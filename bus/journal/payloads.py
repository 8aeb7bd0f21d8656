"""Bodies as the journal stores them: those of one record in one compressed frame, each distinct body once.

One frame, because the bodies of an exchange resemble each other: a request before and after its mapping, a
reply in two envelopes. Together they compress to half of what they take apart, in half the time, and need no
hash and no index of hashes. A body that the intent has stored is not stored again with the outcome.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal, TypeAlias

import zstandard

from bus.ports import Record

Kind = Literal["intent", "outcome"]

#: Where a body is: stage, content type, part (a row of ``payloads``), offset and length in bytes.
Reference: TypeAlias = tuple[str, str, int, int, int]

#: A row of ``payloads``: part, received_at, exchange, size, packed, data.
PayloadRow: TypeAlias = tuple[int, float, str, int, int, bytes]

#: Shorter parts are stored as they are: a compressed frame would hardly be smaller.
PLAIN_BELOW = 200

_LEVEL = 3

#: Intents whose bodies are remembered until their outcome; a forgotten one costs space, nothing else.
_REMEMBERED = 4096


def unpack(data: bytes, packed: int, size: int) -> bytes:
    """The part that ``Packer`` stored as ``data``; ``size`` is its length in bytes."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if packed else data


class Packer:
    """Turns the bodies of records into references and rows of ``payloads``.

    Belongs to one partition and one thread, and counts parts from ``first``. When a transaction fails the packer
    must be replaced: it remembers what was to be stored.
    """

    def __init__(self, first: int) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._numbers = itertools.count(first)
        self._open: dict[tuple[float, str], list[tuple[bytes, int, int]]] = {}
        self._waiting: list[tuple[int, float, str, bytes]] = []

    def refer(self, kind: Kind, record: Record) -> list[Reference]:
        """References to the record's bodies; what is not stored yet waits for ``rows``."""
        place = (record.received_at, record.id)
        stored = self._open.pop(place, []) if kind == "outcome" else []
        part = next(self._numbers)
        fresh: list[bytes] = []
        end = 0
        references: list[Reference] = []
        for body in record.bodies:
            data = body.data
            found = next((each for each in stored if each[0] == data), None)
            if found is None:
                found = (data, part, end)
                stored.append(found)
                fresh.append(data)
                end += len(data)
            references.append((body.stage, body.content_type, found[1], found[2], len(data)))
        if fresh:
            self._waiting.append((part, *place, b"".join(fresh)))
        if kind == "intent":
            self._open[place] = stored
            if len(self._open) > _REMEMBERED:
                del self._open[next(iter(self._open))]
        return references

    def rows(self) -> list[PayloadRow]:
        """The rows that everything referred to since the last call needs."""
        waiting, self._waiting = self._waiting, []
        return list(self._rows(waiting))

    def _rows(self, waiting: list[tuple[int, float, str, bytes]]) -> Iterator[PayloadRow]:
        long: list[bytes | bytearray | memoryview] = [part[3] for part in waiting if len(part[3]) >= PLAIN_BELOW]
        # One call for the whole batch: every call gives the interpreter lock away and has to win it back.
        frames = self._compressor.multi_compress_to_buffer(long) if long else ()
        index = 0
        for part, received_at, name, raw in waiting:
            data, packed = raw, 0
            if len(raw) >= PLAIN_BELOW:
                if len(frames[index]) < len(raw):
                    data, packed = frames[index].tobytes(), 1
                index += 1
            yield part, received_at, name, len(raw), packed, data
