"""What a run tells: a line while it goes on, a table at its end, and a timeline of every visit that went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from chaos.backlog import Backlog, Watch
from chaos.callers import Callers
from chaos.injector import Injector
from chaos.plan import Plan
from chaos.verdict import Verdict

from services.demo.books import VisitBook

_WIDTH = 26
#: Lines of one kind that are printed; the folder holds all.
_SHOWN = 20
#: The code of what may have been done, and nobody knows.
_DOUBT = "outcome-unknown"


def progress(seconds: float, callers: Callers, injector: Injector, backlog: Backlog) -> str:
    """The line that is printed every few seconds."""
    states = " ".join(f"{status} {count}" for status, count in sorted(backlog.instances.items()) if count)
    return (
        f"{seconds:6.0f} s  visits {len(callers.kiosk.started)}/{len(callers.asked)}, ended {backlog.ended} · "
        f"updates {callers.updates} · faults {injector.done} · reads {callers.reads['right']} · "
        + (
            f"letters {backlog.letters}, parked {backlog.parked}, dead {backlog.dead} · {states}"
            if backlog.known
            else "(the store is away)"
        )
    )


def table(
    plan: Plan, seconds: float, callers: Callers, injector: Injector, verdict: Verdict, by_hand: Sequence[str]
) -> Iterator[str]:
    """The table at the end, line by line."""
    yield ""
    yield _row("profile", plan.profile)
    yield _row("seed", plan.seed)
    yield _row("duration", f"{seconds:.0f} s")
    yield _row("faults", injector.done)
    for (kind, target), count in sorted(injector.kinds.items()):
        yield _row(f"  {kind} {target}", count)
    yield _row("visits", f"{len(callers.kiosk.started)} of {len(callers.asked)} accepted")
    yield _row("  completed", verdict.completed)
    yield _row("  compensated", verdict.compensated)
    yield _row("updates", f"{callers.updates} accepted")
    yield _row("reads", ", ".join(f"{name} {count}" for name, count in sorted(callers.reads.items())))
    yield _row("settled by hand", len(by_hand))
    yield from (f"  {line}" for line in by_hand[:_SHOWN])
    yield _row("accepted", verdict.accepted)
    yield _row("effective", verdict.effective)
    for name, lines in _failures(callers, injector, verdict, by_hand).items():
        yield _row(name, len(lines))
        yield from (f"  {line}" for line in lines[:_SHOWN])


def kept(callers: Callers, injector: Injector, verdict: Verdict, by_hand: Sequence[str]) -> bool:
    """Whether the run proves the promise: nothing wrong, and every call that was made was accepted."""
    return not any(_failures(callers, injector, verdict, by_hand).values())


def _failures(
    callers: Callers, injector: Injector, verdict: Verdict, by_hand: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    refused = [f"{visit_no}: {why}" for visit_no, why in callers.kiosk.refused.items()]
    return {
        "lost": verdict.lost,
        "done twice": verdict.twice,
        "out of lane order": verdict.out_of_order,
        "unfinished": verdict.unfinished,
        "refused": (*refused, *callers.refused),
        "wrong answers": tuple(callers.wrong),
        "faults that did not heal": tuple(injector.failed),
        "more in doubt than faults": tuple(line for line in by_hand if _DOUBT in line)[injector.done :],
    }


def _row(name: str, value: object) -> str:
    return f"{name:<{_WIDTH}}{value}"


def timeline(out: TextIO, visit_no: str, book: VisitBook, watch: Watch, callers: Callers, faults: Path) -> None:
    """Write all that is known of one visit in the order of time: ledgers, workflow steps, answers, faults."""
    moments: list[tuple[float, str]] = []
    if visit_no in callers.kiosk.started:
        moments.append((callers.kiosk.started[visit_no], f"kiosk      message {callers.kiosk.messages[visit_no]}"))
    moments += [(at, f"accepted   update {number}") for number, at in callers.told.get(visit_no, {}).items()]
    moments += [
        (entry.at, f"{system:<10} {entry.kind} {entry.ref}")
        for system, entries in book.entries.items()
        for entry in entries
    ]
    for one in watch.of_visit(visit_no):
        out.write(f"instance {one['id']}: {one['status']} {one['error']}\n")
        for wait in one["waits"]:
            out.write(f"waits for {wait['event']} {wait['match']} since {_clock(wait['since'])}\n")
        for timer in one["timers"]:
            out.write(f"timer {timer['kind']} at {_clock(timer['due_at'])}\n")
        for alert in one["alerts"]:
            moments.append((alert["at"], f"ALERT      {alert['kind']} {alert['text']}"))
        for step in one["steps"]:
            name = f"{step['step']} ({step['phase']} {step['attempt']})"
            moments.append((step["started_at"], f"step       {name} calls {step['operation']}"))
            if step["ended_at"]:
                moments.append((step["ended_at"], f"step       {name} {step['status']} {step['error']}"))
    if moments:
        first, last = min(moments)[0], max(moments)[0]
        for line in faults.read_text().splitlines():
            fault = json.loads(line)
            if fault["ended"] >= first - 5 and fault["began"] <= last + 5:
                moments.append((fault["began"], f"    FAULT  {fault['kind']} {fault['target']}: {fault['what']}"))
    for at, text in sorted(moments):
        out.write(f"{_clock(at)}  {text}\n")


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at % 1 * 1000):03d}"
