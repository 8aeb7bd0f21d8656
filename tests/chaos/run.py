"""One run from its first process to its verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext

import click
from chaos.backlog import Backlog, Watch
from chaos.callers import Callers
from chaos.desk import settle
from chaos.faults import possible
from chaos.ground import Ground
from chaos.hospital import Hospital
from chaos.injector import Injector
from chaos.plan import Plan
from chaos.report import kept, progress, table, timeline
from chaos.verdict import Verdict, compare

from services.demo.books import ledger_path, read
from services.simulators.ledger import Ledger

_TELL = 5.0
#: So many seconds without any change, and nothing moves any more: when no letter is on its way, and when some are.
_STILL, _STALLED = 90.0, 240.0
#: How often people look for what waits for them, at the most.
_ROUNDS = 5


async def carry_out(plan: Plan) -> bool:
    """Carry out one plan and print what came of it; answer whether every promise was kept."""
    began = time.monotonic()
    click.echo(
        f"{plan.profile}: seed {plan.seed}, {plan.visits} visits and {plan.faults} faults in {plan.minutes:g} min"
    )
    plan.logs.mkdir(parents=True)
    with Ground() if plan.profile == "cluster" else nullcontext() as ground:
        async with Hospital(plan, ground) as hospital:
            names = ", ".join(unit.name for unit in hospital.units)
            click.echo(f"ready after {time.monotonic() - began:.0f} s: {names}")
            return await _Run(plan, hospital, began).whole()


class _Run:
    """The parts of a run that has begun."""

    def __init__(self, plan: Plan, hospital: Hospital, began: float) -> None:
        self._plan = plan
        self._hospital = hospital
        self._began = began
        self._callers = Callers(plan, hospital.url, hospital.secrets)
        self._injector = Injector(possible(hospital), plan.seed, plan.folder / "faults.jsonl")
        self._watch = Watch(hospital)
        self._by_hand: list[str] = []

    async def whole(self) -> bool:
        """Injure, let everything come to its end, settle what is left to people, and judge."""
        await self._injure()
        await self._rest()
        for _ in range(_ROUNDS):
            settled = await settle(self._hospital, self._watch)
            self._by_hand += settled
            if not settled:
                break
            click.echo(f"settled by hand: {len(settled)}")
            await self._rest()
        self._injector.failed += [f"{name} did not come back" for name in await self._hospital.not_ready()]
        verdict = self._judge()
        seconds = time.monotonic() - self._began
        for line in table(self._plan, seconds, self._callers, self._injector, verdict, self._by_hand):
            click.echo(line)
        self._explain(verdict)
        return kept(self._callers, self._injector, verdict, self._by_hand)

    async def _injure(self) -> None:
        """Call and injure; returns when every call has its answer and every fault is healed."""
        work = asyncio.gather(self._callers.run(), self._injector.run(self._plan.faults, self._plan.seconds))
        try:
            async for _ in self._telling():
                if work.done():
                    work.result()
                    return
        finally:
            work.cancel()

    async def _rest(self) -> None:
        """Wait until nothing moves by itself, or nothing has moved for a while, or it takes too long."""
        end = time.monotonic() + self._plan.patience
        before, since = Backlog(), time.monotonic()
        async for backlog in self._telling():
            now = time.monotonic()
            if backlog != before:
                before, since = backlog, now
            still = now - since > (_STILL if backlog.known and not backlog.letters else _STALLED)
            if not backlog.moving or still or now > end:
                return

    async def _telling(self) -> AsyncIterator[Backlog]:
        """Answer the backlog every second, and print the line of progress now and then."""
        told = 0.0
        while True:
            self._hospital.check()
            backlog = await asyncio.to_thread(self._watch.backlog)
            if time.monotonic() - told >= _TELL:
                told = time.monotonic()
                click.echo(progress(told - self._began, self._callers, self._injector, backlog))
            yield backlog
            await asyncio.sleep(1.0)

    def _judge(self) -> Verdict:
        books = read(self._plan.ledgers, self._callers.asked)
        board = Ledger(ledger_path(self._plan.ledgers, "board"), read_only=True)
        shown: dict[str, list[int]] = {}
        for entry in board.entries():
            shown.setdefault(entry.visit_no, []).append(int(entry.ref))
        board.close()
        taken_back = self._watch.given_up_visits()
        return compare(books, shown, self._callers.kiosk.started, self._callers.accepted, taken_back)

    def _explain(self, verdict: Verdict) -> None:
        """Write the timeline of every visit that went wrong, and all that was settled by hand."""
        folder = self._plan.folder / "timelines"
        folder.mkdir()
        for visit_no, book in read(self._plan.ledgers, verdict.wrong).items():
            with (folder / f"{visit_no}.txt").open("w") as out:
                timeline(out, visit_no, book, self._watch, self._callers, self._plan.folder / "faults.jsonl")
        (folder / "settled-by-hand.txt").write_text("".join(f"{line}\n" for line in self._by_hand))
