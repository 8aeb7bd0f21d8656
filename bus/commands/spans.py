"""Spans of time as people write them on the command line."""

from __future__ import annotations

import re

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def span(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """An option's callback: the seconds of ``90s``, ``30m``, ``24h`` or ``7d``; 0 for nothing."""
    match = re.fullmatch(r"(\d+)([smhd])", value)
    if match is None and value:
        raise click.BadParameter(f"{value!r} is no span; write 30m, 24h or 7d")
    return float(match[1]) * _UNITS[match[2]] if match else 0.0
