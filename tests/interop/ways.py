"""The ways in which an envelope is sent, and how to see in the bytes themselves that it was sent so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping


def _header(name: str, value: str) -> Callable[[bytes], bool]:
    pattern = re.compile(rf"^{name}:[^\r\n]*{re.escape(value)}".encode(), re.IGNORECASE | re.MULTILINE)
    return lambda sent: pattern.search(sent) is not None


_packed = _header("content-encoding", "gzip")

#: Whether what a client sent, requests and all, was sent in the way of this name.
PROOF: Mapping[str, Callable[[bytes], bool]] = {
    "plain": lambda sent: b"Envelope" in sent,
    "strange-action": _header("soapaction", "urn:nobody:knows/this"),
    "other-action": _header("soapaction", "urn:example:lab/Refuse"),
    "soap12": lambda sent: b"http://www.w3.org/2003/05/soap-envelope" in sent,
    "empty-body": lambda sent: re.search(rb"<[\w:-]*Body[^>]*(/>|>\s*</)", sent) is not None,
    "bom": lambda sent: b"\xef\xbb\xbf" in sent,
    "utf-16": lambda sent: "Envelope".encode("utf-16-le") in sent or "Envelope".encode("utf-16-be") in sent,
    "gb18030": lambda sent: "血常规".encode("gb18030") in sent,
    "gzip": lambda sent: _packed(sent) and b"\x1f\x8b\x08" in sent,
    "chunked": _header("transfer-encoding", "chunked"),
    "expect": _header("expect", "100-continue"),
}
