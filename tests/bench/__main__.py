"""``make bench``: what the bus costs, each figure beside another of the same run.

``python -m tests.bench [NAME…]`` measures what is named, or everything but the soak, which takes half an hour.
Writes build/bench.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench import backbone, conversion, hung, proxy, soak, visits
from tests.bench.machine import pin

Figures = dict[str, object]

#: In the order in which they are measured: what an exchange costs, then what the backbone carries.
MEASURES: dict[str, Callable[[], list[Figures]]] = {
    **{case.name: partial(proxy.measure, case) for case in proxy.CASES},
    "conversion": lambda: [conversion.measure()],
    "hung": hung.measure,
    "publish": backbone.publish,
    "lag": backbone.lag,
    "drain": backbone.drain,
    "visits": visits.measure,
    "soak": soak.measure,
}


def main() -> None:
    """Run every measure but the soak, or those named on the command line."""
    wanted = sys.argv[1:] or [name for name in MEASURES if name != "soak"]
    unknown = [name for name in wanted if name not in MEASURES]
    if unknown:
        raise SystemExit(f"no measure {unknown[0]!r}; there are {', '.join(MEASURES)}")
    pin(0, contestant=False)
    results = [figures for name in wanted for figures in MEASURES[name]()]
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {target}")


if __name__ == "__main__":
    main()
