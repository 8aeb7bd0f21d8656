"""``make chaos``: the hospital under load while everything it stands on fails, and then the systems' own books.

Run from the project's folder with ``tests`` on the path: ``PYTHONPATH=tests python -m chaos``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click
from chaos.backlog import Watch
from chaos.callers import Callers
from chaos.faults import possible
from chaos.ground import Ground
from chaos.hospital import Hospital
from chaos.injector import Injector
from chaos.plan import Plan, Profile
from chaos.report import kept, progress, table, timeline
from chaos.verdict import Verdict, compare

from services.demo.books import ledger_path, read
from services.simulators.ledger import Ledger

_TELL = 5.0
#: The embedded profile's share of visits, faults and time when both run.
_SHARE = 0.2


@click.command()
@click.option("--visits", default=150, show_default=True, type=click.IntRange(1, 90_000), envvar="CHAOS_VISITS")
@click.option("--faults", default=40, show_default=True, type=click.IntRange(0), envvar="CHAOS_FAULTS")
@click.option("--minutes", default=5.0, show_default=True, type=float, envvar="CHAOS_MINUTES")
@click.option("--seed", default=0, help="0 draws one.", envvar="CHAOS_SEED")
@click.option("--profile", default="both", type=click.Choice(["cluster", "single", "both"]), envvar="CHAOS_PROFILE")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for logs and ledgers.", envvar="CHAOS_KEEP")
def main(visits: int, faults: int, minutes: float, seed: int, profile: str, keep: Path | None) -> None:
    """Injure a running hospital and hold its books against what callers were told."""
    seed = seed or time.time_ns() % 1_000_000
    folder = keep or Path(tempfile.mkdtemp(prefix="meridian-chaos-"))
    whole = Plan("cluster", seed, visits, faults, minutes, folder)
    if profile == "both":
        share = replace(
            whole,
            profile="single",
            visits=max(1, int(visits * _SHARE)),
            faults=int(faults * _SHARE),
            minutes=minutes * _SHARE,
        )
        rest = replace(
            whole, visits=visits - share.visits, faults=faults - share.faults, minutes=minutes - share.minutes
        )
        plans = [rest, share]
    else:
        one: Profile = "cluster" if profile == "cluster" else "single"
        plans = [replace(whole, profile=one)]
    outcomes = [asyncio.run(run(replace(plan, folder=folder / plan.profile))) for plan in plans]
    click.echo(f"\nlogs, ledgers, faults and timelines: {folder}")
    click.echo("every promise was kept" if all(outcomes) else f"NOT every promise was kept (seed {seed})")
    sys.exit(0 if all(outcomes) else 1)


async def run(plan: Plan) -> bool:
    """Carry out one plan; answer whether every promise was kept."""
    began = time.monotonic()
    click.echo(
        f"{plan.profile}: seed {plan.seed}, {plan.visits} visits and {plan.faults} faults in {plan.minutes:g} min"
    )
    plan.logs.mkdir(parents=True)
    with Ground() if plan.profile == "cluster" else nullcontext() as ground:
        async with Hospital(plan, ground) as hospital:
            click.echo(
                f"ready after {time.monotonic() - began:.0f} s: {', '.join(unit.name for unit in hospital.units)}"
            )
            callers = Callers(plan, hospital.url, hospital.secrets)
            injector = Injector(possible(hospital), plan.seed, plan.folder / "faults.jsonl")
            watch = Watch(hospital)
            await _carry(plan, hospital, callers, injector, watch)
            verdict = _judge(plan, callers, watch)
            for line in table(plan, time.monotonic() - began, callers, injector, verdict, ()):
                click.echo(line)
            _explain(plan, callers, watch, verdict)
    return kept(callers, injector, verdict)


async def _carry(plan: Plan, hospital: Hospital, callers: Callers, injector: Injector, watch: Watch) -> None:
    """Call and injure, tell how it goes, and then wait until nothing moves any more."""
    began, told = time.monotonic(), 0.0
    work = asyncio.gather(callers.run(), injector.run(plan.faults, plan.seconds))
    end = 0.0
    try:
        while True:
            hospital.check()
            backlog = await asyncio.to_thread(watch.backlog)
            now = time.monotonic()
            if now - told >= _TELL:
                click.echo(progress(now - began, callers, injector, backlog))
                told = now
            if work.done():
                work.result()
                end = end or now + plan.patience
                if not backlog.moving or now > end:
                    click.echo(progress(now - began, callers, injector, backlog))
                    return
            await asyncio.sleep(0.5)
    finally:
        work.cancel()


def _judge(plan: Plan, callers: Callers, watch: Watch) -> Verdict:
    books = read(plan.ledgers, callers.asked)
    board = Ledger(ledger_path(plan.ledgers, "board"), read_only=True)
    shown: dict[str, list[int]] = {}
    for entry in board.entries():
        shown.setdefault(entry.visit_no, []).append(int(entry.ref))
    board.close()
    return compare(books, shown, callers.kiosk.started, callers.accepted, watch.given_up_visits())


def _explain(plan: Plan, callers: Callers, watch: Watch, verdict: Verdict) -> None:
    """Write the timeline of every visit that went wrong, and the letters that were given up."""
    folder = plan.folder / "timelines"
    folder.mkdir()
    wrong = {
        line.partition(":")[0]
        for lines in (verdict.lost, verdict.twice, verdict.out_of_order, verdict.unfinished)
        for line in lines
    }
    books = read(plan.ledgers, sorted(wrong))
    for visit_no, book in books.items():
        with (folder / f"{visit_no}.txt").open("w") as out:
            timeline(out, visit_no, book, watch, callers, plan.folder / "faults.jsonl")
    with (folder / "dead-letters.txt").open("w") as out:
        for dead in watch.given_up():
            out.write(f"{dead.letter.queue} {dead.letter.id} lane {dead.letter.lane} {dead.code}: {dead.reason}\n")


if __name__ == "__main__":
    main()
