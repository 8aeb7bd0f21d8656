"""Unpacks compressed replies without ever holding more than the limit: a gzip bomb ends at the first byte over."""

from __future__ import annotations

import zlib

from bus.errors import ProviderLied, ReplyTooLarge

#: RFC 9110 §8.4.1. ``deflate`` is zlib by the standard; the raw kind that some servers send is detected.
_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Unpacker:
    """Feeds blocks of one packed body and answers the plain one.

    Raises ReplyTooLarge over ``limit`` bytes, ProviderLied for an encoding other than gzip and deflate, for
    bytes that are not packed as announced, and for a body that ends early.
    """

    def __init__(self, encoding: str, limit: int, *, endpoint: str) -> None:
        if encoding not in _WINDOW:
            raise ProviderLied(f"{endpoint}: answered in a content encoding nobody asked for", endpoint=endpoint)
        self._endpoint = endpoint
        self._limit = limit
        self._encoding = encoding
        self._inflate: zlib._Decompress | None = None
        self._blocks: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> None:
        """Unpack one block as it came off the wire."""
        if self._inflate is None:
            self._inflate = zlib.decompressobj(self._window(block))
        try:
            plain = self._inflate.decompress(block, self._limit - self._size + 1)
        except zlib.error as error:
            raise ProviderLied(
                f"{self._endpoint}: its answer is not {self._encoding}", endpoint=self._endpoint
            ) from error
        self._size += len(plain)
        if self._size > self._limit:
            raise ReplyTooLarge(f"{self._endpoint}: unpacks to more than {self._limit} bytes", endpoint=self._endpoint)
        self._blocks.append(plain)

    def finish(self) -> bytes:
        """Answer the whole plain body."""
        if self._inflate is not None and not self._inflate.eof:
            raise ProviderLied(f"{self._endpoint}: its {self._encoding} answer ends early", endpoint=self._endpoint)
        return b"".join(self._blocks)

    def _window(self, block: bytes) -> int:
        # A zlib header's low nibble is 8 (RFC 1950 §2.2); anything else is the raw deflate some servers send.
        if self._encoding == "deflate" and block[0] & 0x0F != 8:
            return -zlib.MAX_WBITS
        return _WINDOW[self._encoding]
