"""Bodies as the journal stores them: those of one commit in few compressed frames, each distinct body of a record once.

Together, because the bodies of an exchange resemble each other, and those of a service still more: in one frame
they take a third of the space and the time that they take apart, and need no hash and no index of hashes. A body
that the intent has stored is not stored again with the outcome.
"""

from __future__ import annotations

from random import getrandbits
from typing import Literal, NamedTuple, TypeAlias

import zstandard

from bus.ports import Record

Kind = Literal["intent", "outcome"]

#: Where a body is: stage, content type, part (a row of ``payloads``), offset and length in bytes.
Reference: TypeAlias = tuple[str, str, int, int, int]

#: Shorter parts are stored as they are: a compressed frame would hardly be smaller.
PLAIN_BELOW = 200

#: A part that has reached this many bytes is full: who reads one body unpacks no more than this beside it.
FULL = 256 * 1024

_LEVEL = 3

#: Intents whose bodies are remembered until their outcome; a forgotten one costs space, nothing else.
_REMEMBERED = 4096


class Part(NamedTuple):
    """The end of a row of ``payloads``: its number, its length in bytes, and its bytes, ``packed`` (1) or plain (0)."""

    number: int
    size: int
    packed: int
    data: bytes


def unpack(data: bytes, packed: int, size: int) -> bytes:
    """The part that ``Packer`` stored as ``data``; ``size`` is its length in bytes."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if packed else data


class Packer:
    """Turns the bodies of records into references and parts.

    Belongs to one partition and one thread. When a transaction fails the packer must be replaced: it remembers
    what was to be stored.
    """

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._open: dict[tuple[float, str], dict[bytes, tuple[int, int]]] = {}
        # Numbers that no other process and no other life of this one uses, in order within this one.
        self._number = getrandbits(62)
        self._bodies: list[bytes] = []
        self._size = 0
        self._full: list[tuple[int, bytes]] = []

    def refer(self, kind: Kind, record: Record) -> list[Reference]:
        """References to the record's bodies; what is not stored yet waits for ``parts``."""
        place = (record.received_at, record.id)
        stored = self._open.pop(place, None) if kind == "outcome" and self._open else None
        if stored is None:
            stored = {}
        references: list[Reference] = []
        for body in record.bodies:
            data = body.data
            found = stored.get(data)
            if found is None:
                found = stored[data] = self._number, self._size
                self._bodies.append(data)
                self._size += len(data)
            number, at = found
            references.append((body.stage, body.content_type, number, at, len(data)))
        if self._size >= FULL:
            self._close()
        if kind == "intent":
            self._open[place] = stored
            if len(self._open) > _REMEMBERED:
                del self._open[next(iter(self._open))]
        return references

    def parts(self) -> list[Part]:
        """Everything referred to since the last call."""
        if self._bodies:
            self._close()
        full, self._full = self._full, []
        return [self._packed(number, raw) for number, raw in full]

    def _close(self) -> None:
        self._full.append((self._number, b"".join(self._bodies)))
        self._number += 1
        self._bodies, self._size = [], 0

    def _packed(self, number: int, raw: bytes) -> Part:
        if len(raw) >= PLAIN_BELOW:
            packed = self._compressor.compress(raw)
            if len(packed) < len(raw):
                return Part(number, len(raw), 1, packed)
        return Part(number, len(raw), 0, raw)
