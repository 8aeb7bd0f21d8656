"""Bodies as the journal stores them: once by the hash of their content, compressed where that pays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import zstandard

#: Shorter bodies are stored as they are: a compressed frame would hardly be smaller.
PLAIN_BELOW = 200

_LEVEL = 3
_REMEMBERED = 8192


def digest(data: bytes) -> bytes:
    """The name of a payload: 16 bytes of BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(data, digest_size=16).digest()


def unpack(data: bytes, packed: int, size: int) -> bytes:
    """The body that ``Packer`` stored as ``data``; ``size`` is its length in bytes."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if packed else data


class Packer:
    """Turns bodies into rows of ``payloads``, and skips those that a commit has already stored.

    Belongs to one partition and one thread. ``forget`` must follow a transaction that failed.
    """

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._stored: dict[bytes, None] = {}

    def rows(self, bodies: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, int, int, bytes]]:
        """Rows (hash, size, packed, data) for those of the pairs (hash, body) that are not known to be stored."""
        fresh: dict[bytes, bytes] = {name: body for name, body in bodies if name not in self._stored}
        long = [(name, body) for name, body in fresh.items() if len(body) >= PLAIN_BELOW]
        rows = [(name, len(body), 0, body) for name, body in fresh.items() if len(body) < PLAIN_BELOW]
        if long:
            # One call for the whole batch: every call gives the interpreter lock away and has to win it back.
            frames = self._compressor.multi_compress_to_buffer([body for _, body in long])
            for index, (name, body) in enumerate(long):
                frame = frames[index]
                small = len(frame) < len(body)
                rows.append((name, len(body), int(small), frame.tobytes() if small else body))
        self._stored.update(dict.fromkeys(fresh))
        while len(self._stored) > _REMEMBERED:
            del self._stored[next(iter(self._stored))]
        return rows

    def forget(self) -> None:
        """Trust nothing that was packed: the transaction did not commit."""
        self._stored.clear()
