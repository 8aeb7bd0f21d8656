"""One client talks to one service: every case in turn, and what the provider heard of it meanwhile."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from interop.cases import Case
from interop.programs import ZONE
from interop.relay import Relay
from interop.tap import Tap

#: Seconds until a driver that does not answer a case is given up.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a case: ``kind`` is answer, fault or error, ``rest`` what follows it in the driver's line;
    ``sent`` is what the client put on the wire, ``heard`` the body that reached the provider."""

    kind: str
    rest: str
    sent: bytes
    heard: bytes


def converse(
    command: Sequence[str], environ: dict[str, str], cases: Sequence[Case], relay: Relay, tap: Tap
) -> dict[str, Told]:
    """Run a driver through these cases; answer what it told by the name of the case (and ``import``)."""
    with subprocess.Popen(
        command, env={**os.environ, **ZONE, **environ}, text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        assert process.stderr
        found = {"import": Told(*_next(process, "import"), b"", b"")}
        for case in cases:
            if found["import"].kind != "answer":
                break
            relay.forget()
            tap.forget()
            try:
                process.stdin.write(case.line + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                break
            found[case.name] = Told(*_next(process, case.name), bytes(relay.sent), tap.heard)
        process.stdin.close()
        process.stdout.read()
        return found


def _next(process: subprocess.Popen[str], case: str) -> tuple[str, str]:
    assert process.stdout
    assert process.stderr
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    name, _, told = line.rstrip("\n").partition("\t")
    if name != case:
        process.kill()
        return "error", f"the driver said {line!r}: {process.stderr.read()[-3000:]}"
    kind, _, rest = told.partition("\t")
    return kind, rest
