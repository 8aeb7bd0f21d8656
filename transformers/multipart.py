"""Multipart bodies (RFC 2046 §5.1) as they arrive: blocks in, heads of parts and their data out, nothing held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message as MimeHeader
from typing import TypeAlias

from transformers.errors import DocumentTooLarge, PackageInvalid
from transformers.transfer_encoding import Decoder, Identity, decoder

#: RFC 2046 §5.1.1, with the characters that .NET and Java put there although they may not.
_BOUNDARY = re.compile(r"(?! )[A-Za-z0-9'()+_,./:=?@*!#$%&^~;| -]{1,70}(?<! )")
_HEADER_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PADDING = b" \t"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much framing is accepted: ``parts``, ``head`` bytes and ``headers`` of one part, ``around`` all parts."""

    parts: int = 256
    head: int = 8192
    headers: int = 32
    around: int = 8192


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Part:
    """The head of a part: its headers, names in lower case."""

    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """What the part is; text/plain where it does not say (RFC 2046 §5.1)."""
        return self.headers.get("content-type", "text/plain")

    @property
    def content_id(self) -> str:
        """Its Content-ID header as it stands; empty for none."""
        return self.headers.get("content-id", "")


#: The head of the next part, or data of the latest one.
Event: TypeAlias = Part | bytes


class MultipartReader:
    """Takes one multipart body apart.

    Lines end with CRLF, or with LF alone where the first boundary's line does, as Perl's MIME::Entity writes them.
    Raises PackageInvalid for framing that readers would not agree about, DocumentTooLarge over ``limits``.
    """

    def __init__(self, boundary: str, limits: Limits = DEFAULT_LIMITS) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise PackageInvalid("the boundary is missing, longer than 70 characters, or holds what it may not")
        self._limits = limits
        self._dashes = b"--" + boundary.encode("ascii")
        self._delimiter = b"\n" + self._dashes
        self._newline = b""
        # The first boundary may open the body: then the line break before it is not there.
        self._buffer = b"\n"
        self._state = self._preamble
        self._decoder: Decoder = Identity()
        self._parts = 0
        self._around = 0
        self.finished = False
        """Whether the closing boundary has been read."""

    def feed(self, block: bytes) -> list[Event]:
        """Answer what became known with this block, data as the sender meant it (transfer encoding undone)."""
        self._buffer += block
        events: list[Event] = []
        while self._state(events):
            pass
        return events

    def close(self) -> None:
        """Say that no more blocks come. Raises PackageInvalid when the closing boundary is missing."""
        if not self.finished:
            raise PackageInvalid("the multipart message ends before its closing boundary, or its boundary is wrong")

    # ── states: each takes what it can from the buffer, and says whether to go on ─────────────────────────

    def _preamble(self, events: list[Event]) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            self._skip(len(self._buffer) - len(self._delimiter))
            return False
        self._skip(at)
        self._buffer = self._buffer[len(self._delimiter) :]
        self._state = self._boundary_line
        return True

    def _boundary_line(self, events: list[Event]) -> bool:
        """What follows a boundary: two dashes for the last one, or the end of its line."""
        if self._buffer[:2] == b"--":
            self._buffer = self._buffer[2:]
            self.finished = True
            self._state = self._epilogue
            return True
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > self._limits.head:
                raise PackageInvalid("a boundary's line does not end")
            return False
        line = self._buffer[: end + 1]
        if line.strip(_PADDING) not in (b"\r\n", b"\n"):
            raise PackageInvalid("a boundary is followed by other text on its line")
        if not self._newline:
            self._newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
            self._delimiter = self._newline + self._dashes
        self._buffer = self._buffer[end + 1 :]
        self._parts += 1
        if self._parts > self._limits.parts:
            raise DocumentTooLarge(f"the message has more than {self._limits.parts} parts")
        self._state = self._head
        return True

    def _head(self, events: list[Event]) -> bool:
        blank = self._newline * 2
        if self._buffer.startswith(self._newline):
            head, size = b"", len(self._newline)
        else:
            at = self._buffer.find(blank)
            if max(at, len(self._buffer) if at < 0 else 0) > self._limits.head:
                raise DocumentTooLarge(f"the headers of a part have more than {self._limits.head} bytes")
            if at < 0:
                return False
            head, size = self._buffer[:at], at + len(blank)
        # The blank line's own end may be the line break before the next boundary: a part without data.
        self._buffer = self._newline + self._buffer[size:]
        part = Part(_headers(head, self._newline, self._limits))
        self._decoder = decoder(part.headers.get("content-transfer-encoding", ""))
        events.append(part)
        self._state = self._first_data
        return True

    def _first_data(self, events: list[Event]) -> bool:
        """Data begins behind the line break that ``_head`` left there, unless that opens a boundary."""
        if self._delimiter.startswith(self._buffer[: len(self._delimiter)]) and len(self._buffer) < len(
            self._delimiter
        ):
            return False
        if not self._buffer.startswith(self._delimiter):
            self._buffer = self._buffer[len(self._newline) :]
        self._state = self._data
        return True

    def _data(self, events: list[Event]) -> bool:
        at = self._buffer.find(self._delimiter)
        if at >= 0:
            self._emit(self._buffer[:at], events)
            if rest := self._decoder.finish():
                events.append(rest)
            self._buffer = self._buffer[at + len(self._delimiter) :]
            self._state = self._boundary_line
            return True
        sure = len(self._buffer) - len(self._delimiter) + 1
        if sure > 0:
            self._emit(self._buffer[:sure], events)
            self._buffer = self._buffer[sure:]
        return False

    def _epilogue(self, events: list[Event]) -> bool:
        self._skip(len(self._buffer))
        return False

    def _emit(self, block: bytes, events: list[Event]) -> None:
        if block and (data := self._decoder.feed(block)):
            events.append(data)

    def _skip(self, count: int) -> None:
        if count <= 0:
            return
        self._around += count
        if self._around > self._limits.around:
            raise PackageInvalid("there is too much text around the parts, or the boundary is wrong")
        self._buffer = self._buffer[count:]


def parameters(header: str) -> dict[str, str]:
    """The parameters of a Content-Type or Content-Disposition header (RFC 2045 §5.1), names in lower case.

    Raises PackageInvalid for a parameter that is given twice or in the extended form of RFC 2231.
    """
    parsed = MimeHeader()
    parsed["content-type"] = header.replace("\r", " ").replace("\n", " ")
    found: dict[str, str] = {}
    for name, value in (parsed.get_params([]) or [])[1:]:
        if name.lower() in found or not isinstance(value, str) or name.endswith("*"):
            raise PackageInvalid("a header gives one parameter twice, or in the form of RFC 2231")
        found[name.lower()] = value.strip()
    return found


def _headers(head: bytes, newline: bytes, limits: Limits) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    # A line that begins with a blank continues the one before it (RFC 5322 §2.2.3).
    lines = head.replace(newline + b" ", b" ").replace(newline + b"\t", b" ").split(newline) if head else ()
    if len(lines) > limits.headers:
        raise DocumentTooLarge(f"a part has more than {limits.headers} headers")
    for line in lines:
        raw, colon, value = line.partition(b":")
        name = raw.decode("latin-1").lower()
        if not colon or not _HEADER_NAME.fullmatch(raw):
            raise PackageInvalid("a part has a line among its headers that is none")
        if name in headers:
            raise PackageInvalid(f"a part has the header {name[:40]} twice")
        headers[name] = _text(value)
    return headers


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = value.decode("latin-1").strip()
    if _CONTROL.search(text):
        raise PackageInvalid("a header of a part holds a control character")
    return text
