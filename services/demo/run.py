"""A run of the demo: what it prints, and the exit status that says whether everything is as it must be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

import click

from services.demo.books import read
from services.demo.environment import FAULTS, NO_FAULTS
from services.demo.hospital import Hospital, Plan, open_hospital
from services.demo.kiosk import Kiosk
from services.demo.patients import visits
from services.demo.processes import Processes
from services.demo.reconcile import Outcome, Verdict, judge, last_line, standing, totals
from services.demo.stages import stages
from services.demo.watch import until_ended

#: Visits that have not ended after so many seconds, and a second more for every visit, are reported as they stand.
PATIENCE = 240.0


def run(count: int, *, faults: bool, broker: str, pacs: str, port: int, keep: Path | None, leave: bool) -> int:
    """Carry ``count`` visits, with the options of the command; answer the exit status."""
    with tempfile.TemporaryDirectory(prefix="meridian-demo-") as temporary:
        plan = Plan(keep or Path(temporary), FAULTS if faults else NO_FAULTS, broker, pacs, port)
        return asyncio.run(_interruptible(plan, count, faults=faults, leave=leave))


async def _interruptible(plan: Plan, count: int, *, faults: bool, leave: bool) -> int:
    """Run the demo; SIGINT and SIGTERM end it in order, so that no process is left behind."""
    work = asyncio.create_task(_run(plan, count, faults=faults, leave=leave))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        click.echo("\nstopped")
        return 130


async def _run(plan: Plan, count: int, *, faults: bool, leave: bool) -> int:
    began = time.monotonic()
    async with Processes(plan.folder / "logs", os.environ) as processes:
        click.echo("starting seven simulated systems and the bus …")
        hospital = await open_hospital(plan, processes)
        broker = plan.broker.rpartition("@")[2] if plan.broker else "embedded"
        click.echo(f"ready in {time.monotonic() - began:.1f} s: {hospital.url}, broker {broker}")
        kiosk = Kiosk(hospital.url, hospital.secrets["KIOSK_API_KEY"])
        starting = asyncio.create_task(kiosk.start(visits(count, seed=count)))
        try:
            ended = await until_ended(
                plan.data,
                plan.ledgers,
                lambda: len(kiosk.started),
                starting.done,
                processes.check,
                PATIENCE + count,
            )
        finally:
            starting.cancel()
        if not ended:
            click.echo("not all visits have ended in time; this is how they stand:")
        status, summary = _report(plan, kiosk, count, faults=faults)
        if leave:
            click.echo(summary)
        else:
            await _show_console(hospital, processes, kiosk)
            click.echo(summary)
            with contextlib.suppress(asyncio.CancelledError):  # this is how one leaves; the visits have their verdict
                await _stay(processes)
            click.echo("\nstopped")
        return status


def _report(plan: Plan, kiosk: Kiosk, count: int, *, faults: bool) -> tuple[int, str]:
    """Print stages and reconciliation; answer the exit status and the last line."""
    books = read(plan.ledgers, kiosk.started)
    verdicts = {number: judge(book) for number, book in books.items()}
    verdicts |= {number: Verdict(number, "lost", (f"refused: {why}",)) for number, why in kiosk.refused.items()}
    counts = totals(verdicts)
    click.echo("")
    click.echo(f"{'stage':<14}{'visits':>8}{'p50 s':>9}{'p95 s':>9}")
    for stage in stages(books, kiosk.started):
        click.echo(f"{stage.name:<14}{stage.count:>8}{stage.p50:>9.2f}{stage.p95:>9.2f}")
    click.echo("")
    click.echo("reconciliation, from the systems' own ledgers:")
    for label, system, kind in _TABLE:
        click.echo(f"  {label:<34}{sum(len(book.of(system, kind)) for book in books.values()):>8}")
    points = " · ".join(f"{point} {visits}" for point, visits in standing(books.values()).items())
    click.echo(f"of {count} visits stand in the end: {points}")
    for verdict in verdicts.values():
        if verdict.outcome in ("lost", "duplicated"):
            click.echo(f"  {verdict.visit_no} {verdict.outcome}: {'; '.join(verdict.reasons)}")
    counts["lost"] += count - sum(counts.values())
    return (0 if _as_it_must_be(counts, faults=faults) else 1), last_line(counts)


def _as_it_must_be(counts: dict[Outcome, int], *, faults: bool) -> bool:
    return not counts["lost"] and not counts["duplicated"] and (faults or not counts["compensated"])


#: The lines of the reconciliation: label, system, entry.
_TABLE = (
    ("registered in the HIS", "his", "registered"),
    ("  cancelled", "his", "cancelled"),
    ("registered with the insurance", "insurance", "registered"),
    ("orders in the EMR", "emr", "ordered"),
    ("orders taken by the LIS", "lis", "accepted"),
    ("orders taken by the RIS", "pacs", "accepted"),
    ("examined by the LIS", "lis", "examined"),
    ("examined by the RIS", "pacs", "examined"),
    ("settled by the insurance", "insurance", "settled"),
    ("  reversed (2601)", "insurance", "settlement-reversed"),
    ("  cancelled (2208)", "insurance", "settlement-cancelled"),
    ("charged in the HIS", "his", "charged"),
    ("  refunded", "his", "refunded"),
    ("dispensed by the pharmacy", "pharmacy", "dispensed"),
    ("  refused", "pharmacy", "refused"),
    ("reports in the EMR", "emr", "reported"),
    ("patients notified by the app", "app", "notified"),
)


async def _show_console(hospital: Hospital, processes: Processes, kiosk: Kiosk) -> None:
    """Show where to look."""
    link = (await processes.run("user", "add", "demo", "--role", "admin", "--link", environ=hospital.environ)).strip()
    click.echo("")
    click.echo(f"console   {hospital.url}/")
    click.echo(f"sign in   {link}   (once)")
    for message in list(kiosk.messages.values())[:1]:
        click.echo(f"a visit   {hospital.url}/visits/{message}")
    click.echo("Ctrl-C ends the bus and the simulated systems.")


async def _stay(processes: Processes) -> None:
    """Wait to be interrupted."""
    while True:
        processes.check()
        await asyncio.sleep(1)
