"""What faults and problems have in common: the caller's language, waiting times, headers, and no stack traces."""

from __future__ import annotations

from math import ceil
from typing import Literal

from bus.errors import MethodNotAllowed, NotAuthenticated, UnsupportedCoding
from bus.gateway.answer import Header
from transformers.errors import MeridianError

Lang = Literal["zh", "en"]

#: Where .NET, Java, Python and PHP begin to print where they failed.
_TRACE_STARTS = ("at ", 'File "', "Traceback (", "#0 ", "--->", "--- End of", "Caused by:", "在 ")


def language(accept: str) -> Lang:
    """The better of zh and en for an Accept-Language header (RFC 9110 §12.5.4); zh where it names neither."""
    best: tuple[float, Lang] = (0.0, "zh")
    for part in accept.lower().split(",")[:10]:
        name, _, parameter = part.strip().partition(";")
        lang: Lang | None = "zh" if name.startswith("zh") else "en" if name.startswith("en") else None
        weight = _weight(parameter)
        if lang is not None and weight > best[0]:
            best = (weight, lang)
    return best[1]


def retry_after(error: MeridianError) -> int:
    """Whole seconds after which trying again makes sense; 0 when nobody knows."""
    seconds: float = getattr(error, "retry_after", 0.0)
    return ceil(seconds) if seconds > 0 else 0


def error_headers(error: MeridianError) -> tuple[Header, ...]:
    """The headers that go with an error: Retry-After, Allow, Accept-Encoding, WWW-Authenticate (RFC 9110)."""
    headers: list[Header] = []
    if seconds := retry_after(error):
        headers.append((b"retry-after", str(seconds).encode()))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, UnsupportedCoding):
        headers.append((b"accept-encoding", b"gzip, deflate"))
    if isinstance(error, NotAuthenticated):
        headers.append((b"www-authenticate", b'Basic realm="meridian", charset="UTF-8"'))
    return tuple(headers)


def without_trace(text: str) -> str:
    """A provider's text up to where it begins to print its stack."""
    kept: list[str] = []
    for line in text.splitlines():
        words = line.strip()
        if words.startswith(_TRACE_STARTS):
            break
        kept.append(line.partition(" ---> ")[0])
    return "\n".join(kept).strip()


def _weight(parameter: str) -> float:
    value = parameter.strip().removeprefix("q=")
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0
