"""Blanks WS-Security headers in a body on its way to the journal: a password must not be stored, even as a digest."""

from __future__ import annotations

import re

#: Any alignment of either UTF-16 holds this: each byte of the word has a NUL beside it.
_WIDE = "Security".encode("utf-16-le")[:-1]

#: How a document begins that is surely in this charset: a byte order mark, or markup.
_STARTS = {"utf-16-le": (b"\xff\xfe", b"<\0"), "utf-16-be": (b"\xfe\xff", b"\0<")}

#: In every namespace that WS-Security ever had (OASIS 2004 and the drafts of 2002 and 2003).
_NAMESPACE = "secext"

# Not \s: read as Latin-1, bytes of Chinese prefixes would count as blanks.
_OPENING = re.compile(r"<((?:[^ \t\r\n<>/:!?]+:)?Security)(?=[ \t\r\n>/])[^>]*>")


def scrub(body: bytes) -> bytes:
    """Answer ``body`` without what stands inside its WS-Security headers; the same object when it has none.

    Works on text, not on a tree, so that a body that is not well-formed keeps no secret either: an element
    that is opened and never closed is blanked to the end.
    """
    if body.find(b"Security") >= 0:
        # Latin-1 maps every byte to one character and back; the markup is ASCII in all of UTF-8 and GB 18030.
        text = body.decode("latin-1")
        blank = _blanked(text)
        return body if blank == text else blank.encode("latin-1")
    if 0 in body and body.find(_WIDE) >= 0:
        return _scrub_wide_body(body)
    return body


def _scrub_wide_body(body: bytes) -> bytes:
    for charset, starts in _STARTS.items():
        if body.startswith(starts):
            return _scrub_wide(body, charset, 0)
    # Stray bytes in front must not hide a header: every reading is tried, and blanking too much is no harm.
    for charset in _STARTS:
        for offset in (0, 1):
            body = _scrub_wide(body, charset, offset)
    return body


def _scrub_wide(body: bytes, charset: str, offset: int) -> bytes:
    end = offset + (len(body) - offset) // 2 * 2
    text = body[offset:end].decode(charset, "surrogatepass")
    blank = _blanked(text)
    if blank == text:
        return body
    return body[:offset] + blank.encode(charset, "surrogatepass") + body[end:]


def _blanked(text: str) -> str:
    if _NAMESPACE not in text:
        return text
    kept: list[str] = []
    at = 0
    while found := _OPENING.search(text, at):
        kept.append(text[at : found.end()])
        at = found.end()
        if found[0].endswith("/>"):
            continue
        # The last closing tag, not the next: one inside a comment or CDATA section must not end the blank early.
        closing = text.rfind(f"</{found[1]}", at)
        if closing < 0:
            return "".join(kept)
        at = closing
    kept.append(text[at:])
    return "".join(kept)
