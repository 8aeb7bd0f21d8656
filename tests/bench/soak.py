"""Half an hour of load: the memory at its end beside that after five minutes. ``SOAK_MINUTES`` makes it shorter."""

from __future__ import annotations

import os

from tests.bench.load import Case, load
from tests.bench.stage import stage

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))

#: The part of the time after which memory is first looked at: five minutes of thirty.
_WARM = 1 / 6

_CASES = (Case("direct-1k", "/soap/direct", 1024), Case("xslt-1k", "/soap/mapped", 1024))


def measure() -> list[dict[str, object]]:
    """Drive both shapes of proxy in turn, ten seconds each; print a line a minute and answer the two levels."""
    seconds, turn, levels, exchanges = MINUTES * 60, 10.0, {}, 0
    with stage(1024) as bus:
        spent = 0.0
        while spent < seconds:
            figures = load(bus.url, _CASES[int(spent / turn) % 2], bus.key, bus.pid, turn)
            spent += turn
            exchanges += int(figures.per_second * turn)
            if spent <= seconds * _WARM:
                levels["warm"] = figures.rss_mb
            levels["end"] = figures.rss_mb
            if spent % 60 < turn:
                print(
                    f"soak        {spent / 60:4.0f} min{figures.rss_mb:>9.0f} MB{exchanges:>11} exchanges", flush=True
                )
    grown = levels["end"] / levels["warm"] - 1
    print(
        f"soak        {levels['warm']:.0f} MB after {MINUTES * _WARM:.0f} min, "
        f"{levels['end']:.0f} MB at the end: {grown:+.1%}"
    )
    return [
        {"case": "soak", "minutes": MINUTES, "exchanges": exchanges, "warm_mb": levels["warm"], "end_mb": levels["end"]}
    ]
