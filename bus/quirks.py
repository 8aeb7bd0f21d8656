"""Messages of callers with a quirk profile, straightened before the hops that keep to the standards read them.

Every quirk that made a difference leaves a note in the journal, so that it can be counted and ended one day.
"""

from __future__ import annotations

from msgspec.structs import replace

from bus.media import media
from bus.message import Message
from registry.quirks import ProviderQuirks, Quirks
from transformers import charset as charsets
from transformers.errors import CharsetMismatch
from transformers.soap import SoapVersion

_PREFIX = "quirk "
#: An Envelope's namespace stands in its first tag; UTF-16 and UTF-32 write it with NULs between.
_HEAD = 4096


def note(quirk: str, what: str) -> str:
    """A note that ``quirk`` was tolerated: ``what`` says how, without values of the document."""
    return f"{_PREFIX}{quirk}: {what}"


def read_notes(detail: str) -> tuple[tuple[str, str], ...]:
    """The quirks that a journal entry notes, each with what was tolerated."""
    found = (part.removeprefix(_PREFIX).partition(": ") for part in detail.split("; ") if part.startswith(_PREFIX))
    return tuple((quirk, what) for quirk, _, what in found)


def straightened(message: Message, quirks: Quirks) -> Message:
    """The message as a caller that keeps to the standards would have sent it.

    ``claimed`` stays only where the profile made a difference. Raises CharsetMismatch when the body is not in the
    profile's charset.
    """
    read = _straightened(message, quirks, soap=message.door == "soap")
    return read if read is not message else replace(message, claimed=None)


def straightened_reply(reply: Message, quirks: ProviderQuirks, *, soap: bool) -> Message:
    """The reply as a provider that keeps to the standards would have sent it. Raises CharsetMismatch as above."""
    return _straightened(reply, quirks, soap=soap)


def _straightened(message: Message, quirks: Quirks | ProviderQuirks, *, soap: bool) -> Message:
    if quirks.charset and message.body:
        message = _in_charset(message, quirks.charset)
    if quirks.content_type == "any" and message.body:
        message = _labelled(message, soap=soap)
    return message


def _in_charset(message: Message, codec: str) -> Message:
    """The body in UTF-8, read in this charset, where the usual way would have read it in another."""
    body = message.body
    if body.isascii() or body.startswith(b"\xef\xbb\xbf"):
        return message
    try:
        usual = charsets.read(body, media(message.content_type).charset).charset
    except CharsetMismatch:
        usual = ""
    if charsets.same_family(usual, codec):
        return message
    read = charsets.read_as(body, codec)
    remark = note("charset", f"read in {charsets.wire_name(codec)}, looked like {charsets.wire_name(usual)}")
    content_type = f"{media(message.content_type).name}; charset=utf-8"
    return replace(message, body=read, content_type=content_type, notes=(*message.notes, remark))


def _labelled(message: Message, *, soap: bool) -> Message:
    """The message with the content type of what its body is."""
    kind = media(message.content_type)
    if kind.name.startswith("multipart/"):
        return message
    fitting = _envelope_type(message.body) if soap else _plain_type(message)
    if kind.name == fitting or not fitting:
        return message
    content_type = f"{fitting}; charset={kind.charset}" if kind.charset else fitting
    remark = note("content_type", f"{kind.name[:60] or 'none'} read as {fitting}")
    return replace(message, content_type=content_type, notes=(*message.notes, remark))


def _envelope_type(body: bytes) -> str:
    head = body[:_HEAD].replace(b"\0", b"")
    version = SoapVersion.V12 if SoapVersion.V12.value.encode() in head else SoapVersion.V11
    return version.media_type


def _plain_type(message: Message) -> str:
    if media(message.content_type).kind in ("json", "xml"):
        return ""
    first = message.body[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")[:1]
    return "application/xml" if first == b"<" else "application/json"
