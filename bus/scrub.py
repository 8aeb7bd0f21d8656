"""Blanks WS-Security headers in a body on its way to the journal: a password must not be stored, even as a digest."""

from __future__ import annotations

import re

_UTF_16 = {"Security".encode("utf-16-le"): "utf-16-le", "Security".encode("utf-16-be"): "utf-16-be"}

#: In every namespace that WS-Security ever had (OASIS 2004 and the drafts of 2002 and 2003).
_NAMESPACE = "secext"
_OPENING = re.compile(r"<((?:[^\s<>/:!?]+:)?Security)(?=[\s>/])[^>]*>")


def scrub(body: bytes) -> bytes:
    """Answer ``body`` without what stands inside its WS-Security headers; the same object when it has none.

    Works on text, not on a tree, so that a body that is not well-formed keeps no secret either: an element
    that is opened and never closed is blanked to the end.
    """
    if b"Security" in body:
        # Latin-1 maps every byte to one character and back; the markup is ASCII in all of UTF-8 and GB 18030.
        return _scrub(body, "latin-1", "strict")
    if b"\0" in body:
        for mark, charset in _UTF_16.items():
            if mark in body:
                return _scrub(body, charset, "replace")
    return body


def _scrub(body: bytes, charset: str, errors: str) -> bytes:
    text = body.decode(charset, errors)
    if _NAMESPACE not in text:
        return body
    blank = _blanked(text)
    return body if blank == text else blank.encode(charset)


def _blanked(text: str) -> str:
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
