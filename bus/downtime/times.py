"""Times as operators write them: ``04:00`` in the hospital's time zone, or a whole date and time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bus.downtime.period import DowntimeInvalid

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def moment(text: str, zone: str, after: float) -> float:
    """The time that ``text`` means, in Unix seconds.

    ``HH:MM`` is the first such time in ``zone`` later than ``after``; anything else is ISO 8601, in ``zone`` where it
    names no offset. Raises DowntimeInvalid.
    """
    text, here = text.strip(), ZoneInfo(zone)
    if clock := _CLOCK.fullmatch(text):
        begin = datetime.fromtimestamp(after, here)
        at = begin.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        if at.timestamp() <= after:
            at += timedelta(days=1)  # on the wall clock, whatever summer time does that night
        return at.timestamp()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise DowntimeInvalid(f"{text[:40]!r} is no time; write HH:MM or 2026-11-25T04:00") from error
    return (at if at.tzinfo else at.replace(tzinfo=here)).timestamp()


def written(seconds: float, zone: str) -> str:
    """The time as callers and operators read it: ISO 8601 to the minute, with the zone's offset."""
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).isoformat(timespec="minutes")
