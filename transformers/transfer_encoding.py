"""Content-Transfer-Encodings of MIME parts (RFC 2045 §6), decoded block by block."""

from __future__ import annotations

import binascii
import re
from typing import Protocol

from transformers.errors import PackageInvalid

_BLANKS = re.compile(rb"[\r\n\t ]+")
_LONGEST_LINE = 64 * 1024


class Decoder(Protocol):
    """Takes blocks as they were sent and answers them as they were meant. Both raise PackageInvalid."""

    def feed(self, block: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Identity:
    """``binary``, ``8bit`` and ``7bit``: what was sent is what is meant."""

    def feed(self, block: bytes) -> bytes:
        """Answer the block."""
        return block

    def finish(self) -> bytes:
        """There is nothing left."""
        return b""


class Base64:
    """``base64``: line breaks are skipped, anything else outside the alphabet is refused."""

    def __init__(self) -> None:
        self._left = b""
        self._padded = False

    def feed(self, block: bytes) -> bytes:
        """Answer what the whole quads so far say."""
        text = self._left + _BLANKS.sub(b"", block)
        whole = len(text) - len(text) % 4
        self._left = text[whole:]
        return self._decoded(text[:whole])

    def finish(self) -> bytes:
        """Answer nothing: a text that ends inside a quad is refused."""
        if self._left:
            raise PackageInvalid("a part announced as base64 ends in the middle of a group")
        return b""

    def _decoded(self, text: bytes) -> bytes:
        if not text:
            return b""
        if self._padded:
            raise PackageInvalid("a part announced as base64 goes on behind its padding")
        self._padded = text.endswith(b"=")
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error as error:
            raise PackageInvalid("a part announced as base64 is not") from error


class QuotedPrintable:
    """``quoted-printable``: decoded line by line, since a soft line break may stand at the end of a block."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, block: bytes) -> bytes:
        """Answer what the whole lines so far say."""
        text = self._left + block
        end = text.rfind(b"\n") + 1
        self._left = text[end:]
        if len(self._left) > _LONGEST_LINE:
            raise PackageInvalid("a part announced as quoted-printable has a line without end")
        return binascii.a2b_qp(text[:end])

    def finish(self) -> bytes:
        """Answer the last line."""
        return binascii.a2b_qp(self._left)


_DECODERS: dict[str, type[Decoder]] = {
    "": Identity,
    "binary": Identity,
    "8bit": Identity,
    "7bit": Identity,
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
}


def decoder(encoding: str) -> Decoder:
    """A decoder for the value of a Content-Transfer-Encoding header. Raises PackageInvalid for an unknown one."""
    found = _DECODERS.get(encoding.strip().lower())
    if found is None:
        raise PackageInvalid("a part has an unknown Content-Transfer-Encoding; send it binary")
    return found()
