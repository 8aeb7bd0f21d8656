"""Writes docs/errors.md from the one table of errors, so that the page can say nothing else than the bus does.

``python -m tests.docs.errors_page`` writes the file anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bus.errors import MEANINGS, Meaning

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"

# ruff: noqa: E501 - a page has no line length
HEAD = """\
# Errors

Every error has one stable code. Callers see it wherever their protocol has room for it, and the console and the journal show the same one.

- **SOAP 1.1**: `faultcode` is `Client`, `Server`, `VersionMismatch` or `MustUnderstand`; `detail` holds `problem` (namespace `urn:meridian:2026`) with `code`, `messageId`, `violation`, `retryAfter`.
- **SOAP 1.2**: `Sender`, `Receiver` and so on, the code as its `Subcode`, and the same `problem` in `Detail`.
- **REST**: `application/problem+json` (RFC 9457) with `type` `urn:meridian:problem:<code>`, `code`, `instance` (the message id), `violations`, `retry_after`.

*Retry* says what to do with the same message: **transient**: send it again later; **permanent**: it will fail again as it is; **operator**: something else must be repaired first. The texts never quote what a message holds. *HTTP* is the status of a REST answer; a SOAP fault comes with 500, or with 400 when it is SOAP 1.2 and the sender's doing, except for 401, 405, 408, 413, 415 and 431.

| code | HTTP | SOAP | retry | meaning | what to do |
|---|---|---|---|---|---|
"""

FOOT = """
When a provider answers with a fault of its own (`provider-fault`), a SOAP caller gets the provider's fault code, text and detail with our `problem` behind them; a REST caller gets them as `provider`.
"""

SOAP = {
    "caller": "Client, Sender",
    "server": "Server, Receiver",
    "version": "VersionMismatch",
    "understand": "MustUnderstand",
}


def render() -> str:
    """The whole page. Classes that share a code and a status share a row."""
    rows: dict[tuple[str, int], Meaning] = {}
    for row in MEANINGS.values():
        rows.setdefault((row.code, row.status), row)
    return HEAD + "".join(_line(row) for row in rows.values()) + FOOT


def _line(row: Meaning) -> str:
    words = f"{row.en}<br>{row.zh} | {row.hint_en}<br>{row.hint_zh}"
    return f"| `{row.code}` | {row.status} | {SOAP[row.side]} | {row.retry} | {words} |\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
