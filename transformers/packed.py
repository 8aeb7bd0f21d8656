"""Unpacks compressed bodies without ever holding more than the limit: a gzip bomb ends at the first byte over."""

from __future__ import annotations

import zlib

from transformers.errors import DocumentTooLarge, MalformedDocument

#: RFC 9110 §8.4.1. ``deflate`` is zlib by the standard; the raw kind that some senders use is detected.
_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

#: The codings that ``Unpacker`` knows, as a Content-Encoding header names them.
CODINGS = frozenset(_WINDOW)


class Unpacker:
    """Feeds blocks of one body packed in one of ``CODINGS`` and answers the plain one.

    Raises DocumentTooLarge over ``limit`` bytes, and MalformedDocument for bytes that are not packed as announced,
    for a body that ends early and for bytes behind its end.
    """

    def __init__(self, coding: str, limit: int) -> None:
        self._limit = limit
        self._coding = coding
        self._inflate: zlib._Decompress | None = None
        self._blocks: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> None:
        """Unpack one block, not empty, as it came off the wire."""
        if self._inflate is None:
            self._inflate = zlib.decompressobj(self._window(block))
        try:
            plain = self._inflate.decompress(block, self._limit - self._size + 1)
        except zlib.error as error:
            raise MalformedDocument(f"the body is not {self._coding}, as its Content-Encoding says") from error
        self._size += len(plain)
        if self._size > self._limit:
            raise DocumentTooLarge(f"the body unpacks to more than the {self._limit} bytes that are accepted")
        if self._inflate.unused_data:
            raise MalformedDocument(f"more bytes follow the end of the {self._coding} body")
        self._blocks.append(plain)

    def finish(self) -> bytes:
        """Answer the whole plain body."""
        if self._inflate is not None and not self._inflate.eof:
            raise MalformedDocument(f"the {self._coding} body ends early")
        return b"".join(self._blocks)

    def _window(self, block: bytes) -> int:
        # A zlib header's low nibble is 8 (RFC 1950 §2.2); anything else is the raw deflate some senders use.
        if self._coding == "deflate" and block[0] & 0x0F != 8:
            return -zlib.MAX_WBITS
        return _WINDOW[self._coding]
