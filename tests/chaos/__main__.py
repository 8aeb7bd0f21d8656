"""``make chaos``: the hospital under load while everything it stands on fails, and then the systems' own books.

Run from the project's folder with ``tests`` on the path: ``PYTHONPATH=tests python -m chaos``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
from chaos.plan import Plan, Profile
from chaos.run import carry_out

#: The embedded profile's share of visits, faults and time when both run.
_SHARE = 0.2


@click.command()
@click.option("--visits", default=150, show_default=True, type=click.IntRange(1, 90_000), envvar="CHAOS_VISITS")
@click.option("--faults", default=36, show_default=True, type=click.IntRange(0), envvar="CHAOS_FAULTS")
@click.option("--minutes", default=4.0, show_default=True, type=float, envvar="CHAOS_MINUTES")
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
    outcomes = [asyncio.run(carry_out(replace(plan, folder=folder / plan.profile))) for plan in plans]
    click.echo(f"\nlogs, ledgers, faults and timelines: {folder}")
    click.echo("every promise was kept" if all(outcomes) else f"NOT every promise was kept (seed {seed})")
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
