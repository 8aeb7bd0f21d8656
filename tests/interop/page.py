"""Writes docs/interop.md from the tables of the suite, so that the page promises what ``make interop`` holds.

``PYTHONPATH=.:tests python -m interop.page`` writes the file anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from interop.cases import CASES, PLAIN
from interop.clients import CLIENTS
from interop.faces import FACES
from interop.hospital import CONTRACTS
from interop.matrix import CANNOT, PASSED, markdown
from interop.servers import SERVERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"

# ruff: noqa: E501 - a page has no line length
HEAD = f"""\
# Foreign SOAP stacks

`make interop` lets programs that know nothing of the bus but its published contracts talk to it and through it: unmodified SOAP stacks as callers, and unmodified SOAP servers as providers. It installs what it needs from Debian, npm and PyPI, prints the matrix below with what really came of each cell, and fails when one is not as it is here. A stack that is missing on the machine is skipped aloud, and fails where `CI=true`.

A cell is `{PASSED}` when all of this holds: the bytes on the wire were sent in the way of the row; the provider heard exactly the sample (what it heard is recorded before it, so a client that reads 5.60 as 5.6 proves nothing); and the stack read the reply back. `{CANNOT}` is what a stack has no way to do, with its reason below.
"""


def _clients() -> str:
    cannot = {(case, client.name): reason for client in CLIENTS for case, reason in client.cannot.items()}
    text = "\n## Callers\n\nEach calls three services, and every mark stands for all of them:\n\n"
    text += "".join(f"- **{contract.name}**: {contract.title}\n" for contract in CONTRACTS) + "\n"
    rows = [(case.name, f"{case.title}{f' → fault `{case.fault}`' if case.fault else ''}") for case in CASES]
    text += markdown(
        rows,
        [(client.name, client.title) for client in CLIENTS],
        lambda case, client: CANNOT if (case, client) in cannot else PASSED,
    )
    text += "\nWhat a stack cannot do:\n\n"
    titles = {case.name: case.title for case in CASES}
    for client in CLIENTS:
        reasons = _grouped((reason, titles[case]) for case, reason in client.cannot.items())
        text += f"- **{client.title}**: " + "; ".join(f"{' and '.join(what)} ({why})" for why, what in reasons) + "\n"
    text += "\nWhat a stack makes of a reply that is right on the wire:\n\n"
    for client in CLIENTS:
        if client.reads or client.fills:
            text += f"- **{client.title}**: {'; '.join(client.habits)}\n"
    return text


def _servers() -> str:
    text = "\n## Providers\n\nEach is called through three faces of the bus, and every mark stands for all of them:\n\n"
    text += "".join(f"- **{face.name}**: {face.title}\n" for face in FACES)
    text += "\nThe contract of ASMX and of JAX-WS is the one that the server writes of itself.\n\n"
    rows = [(case.name, case.title) for case in PLAIN]
    text += markdown(rows, [(server.name, server.title) for server in SERVERS], lambda case, server: PASSED)
    text += "\nWhat a server itself makes of what it heard right, and the bus gives back as it was said:\n\n"
    for server in SERVERS:
        if server.habits:
            text += f"- **{server.title}**: {'; '.join(server.habits)}\n"
    return text


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return list(groups.items())


def render() -> str:
    """The whole page."""
    return HEAD + _clients() + _servers()


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
