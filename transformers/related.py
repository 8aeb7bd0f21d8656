"""Packages: a root document and the parts it refers to, as multipart/related (RFC 2387).

``mtom`` is an XOP package (W3C XOP 1.0, SOAP MTOM), ``swa`` is SOAP Messages with Attachments (W3C Note, WS-I
Attachments Profile 1.0), ``related`` any other root, which here is JSON.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from transformers.cid import key_of_header
from transformers.errors import PackageInvalid
from transformers.multipart import DEFAULT_LIMITS, Event, Limits, MultipartReader, Part, parameters
from transformers.soap import SoapVersion

Style = Literal["mtom", "swa", "related"]

MEDIA = "multipart/related"
_XOP = "application/xop+xml"
_SOAP = frozenset(version.media_type for version in SoapVersion)
_ROOT = "root@meridian"

#: What a part may say about itself beside its type: the rest of its head is written anew.
_KEPT = {
    "content-disposition": "Content-Disposition",
    "content-description": "Content-Description",
    "content-location": "Content-Location",
}


@dataclass(frozen=True, slots=True)
class Announced:
    """What the Content-Type of a package says: its boundary, the key of its root, and the root's media type."""

    boundary: str
    start: str
    type: str
    start_info: str
    action: str


def announced(content_type: str) -> Announced:
    """Read the Content-Type header of a package. Raises PackageInvalid."""
    given = parameters(content_type)
    if "boundary" not in given:
        raise PackageInvalid("multipart/related without a boundary")
    return Announced(
        given["boundary"],
        key_of_header(given["start"]) if "start" in given else "",
        _media(given.get("type", "")),
        given.get("start-info", ""),
        given.get("action", ""),
    )


class RelatedReader:
    """Reads a package: its root comes first, then the parts, each with a Content-ID of its own.

    Raises what ``MultipartReader`` raises, and PackageInvalid for a first part that is not the announced root, for
    parts within parts, and for a Content-ID that is missing, given twice, or abused.
    """

    def __init__(self, content_type: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self._announced = announced(content_type)
        self._reader = MultipartReader(self._announced.boundary, limits)
        self._keys: set[str] = set()
        self._started = False
        self.style: Style = "related"
        self.root_type = ""
        """The root document's own content type, as it would be without a package around it."""

    @property
    def finished(self) -> bool:
        """Whether the closing boundary has been read."""
        return self._reader.finished

    def feed(self, block: bytes) -> list[Event]:
        """Answer the heads and data that this block completes; the root's is the first head."""
        events = self._reader.feed(block)
        for event in events:
            if isinstance(event, Part):
                self._enter(event)
        return events

    def close(self) -> None:
        """Say that no more blocks come. Raises PackageInvalid when something is missing."""
        self._reader.close()
        if not self._started:
            raise PackageInvalid("the package has no parts")

    def _enter(self, part: Part) -> None:
        if _media(part.content_type).startswith("multipart/"):
            raise PackageInvalid("a part is a multipart message itself; send its parts beside the others")
        key = key_of_header(part.content_id) if part.content_id else ""
        if not self._started:
            self._started = True
            self._root(part, key)
        elif not key:
            raise PackageInvalid("a part has no Content-ID, so nothing can refer to it")
        if key in self._keys:
            raise PackageInvalid("two parts have the same Content-ID")
        self._keys.add(key)

    def _root(self, part: Part, key: str) -> None:
        told = self._announced
        if told.start and key != told.start:
            raise PackageInvalid("the first part is not the one that start announces; send the root document first")
        media = _media(part.content_type)
        if told.type and told.type != media:
            raise PackageInvalid("the root's content type is not the one that type announces")
        inner = parameters(part.content_type)
        if media == _XOP:
            self.style = "mtom"
            inside = inner.get("type") or told.start_info
            soap = _media(inside)
            if soap not in _SOAP:
                raise PackageInvalid("the XOP root does not say which SOAP version it is (its type parameter)")
            action = told.action or inner.get("action") or parameters(inside).get("action", "")
            self.root_type = _typed(soap, inner.get("charset", ""), action)
            return
        self.style = "swa" if media in _SOAP else "related"
        self.root_type = _typed(media, inner.get("charset", ""), told.action or inner.get("action", ""))


class RelatedWriter:
    """Writes a package around a root document, whose content type is ``root_type``.

    ``content_type`` is the whole message's. The boundary is drawn at random: no part can hold it but by guessing.
    """

    def __init__(self, style: Style, root_type: str) -> None:
        self._dashes = f"--{secrets.token_hex(20)}"
        media, given = _media(root_type), parameters(root_type)
        action = given.get("action", "")
        inside = f'{media}; action=\\"{action}\\"' if action else media
        charset = f"; charset={given['charset']}" if "charset" in given else ""
        outer, self._root_type = media, f"{media}{charset}"
        extra = ""
        if style == "mtom":
            outer, self._root_type = _XOP, f'{_XOP}{charset}; type="{inside}"'
            extra = f'; start-info="{media}"'
        elif style == "swa" and action:
            self._root_type = f'{self._root_type}; action="{action}"'
        if action:
            extra += f'; action="{action}"'
        self.content_type = f'{MEDIA}; type="{outer}"; start="<{_ROOT}>"{extra}; boundary="{self._dashes[2:]}"'

    def root(self) -> bytes:
        """What goes before the root document."""
        return self._head(self._root_type, _ROOT, {}, "")

    def part(self, key: str, headers: Mapping[str, str]) -> bytes:
        """What goes before the data of the part of this key, whose head said ``headers`` where it was read."""
        return self._head(headers.get("content-type", "application/octet-stream"), key, headers, "\r\n")

    def end(self) -> bytes:
        """What goes behind the last part."""
        return f"\r\n{self._dashes}--\r\n".encode("ascii")

    def length(self, root: bytes, parts: Iterable[tuple[str, Mapping[str, str], int]]) -> int:
        """How many bytes a package has whose parts are of these keys, headers and sizes."""
        around = len(self.root()) + len(root) + len(self.end())
        return around + sum(len(self.part(key, headers)) + size for key, headers, size in parts)

    def _head(self, content_type: str, key: str, headers: Mapping[str, str], lead: str) -> bytes:
        kept = "".join(f"{_KEPT[name]}: {text}\r\n" for name, text in headers.items() if name in _KEPT)
        return (
            f"{lead}{self._dashes}\r\nContent-Type: {content_type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{key}>\r\n{kept}\r\n"
        ).encode()


def is_package(content_type: str) -> bool:
    """Whether this content type announces a package."""
    return content_type[:17].lower() == MEDIA


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _typed(media: str, charset: str, action: str) -> str:
    text = f"{media}; charset={charset}" if charset else media
    return f'{text}; action="{action}"' if action and '"' not in action else text
