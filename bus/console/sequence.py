"""A flow as a sequence diagram: one column per system, rows in time, drawn as SVG on the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from unicodedata import east_asian_width

from bus.ports import Record

#: A silence longer than this many seconds between two rows is drawn as a fold instead of as distance.
FOLD = 5.0
COLUMN = 168
ROW = 34
TOP = 64
MARGIN = 96
#: Places in a line of a column's heading.
HEADING = 20

#: Status by shape as well as by colour, for those who see no colour.
SHAPES = {"ok": "●", "accepted": "◐", "fault": "▲", "error": "✖", "open": "○", "superseded": "⊘"}


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow: ``at`` in seconds since the flow began; ``source`` and ``target`` are column names."""

    at: float
    source: str
    target: str
    label: str
    status: str
    message_id: str
    reply: bool = False
    milliseconds: float = 0.0


def arrows(records: Sequence[Record], bus: str) -> tuple[Arrow, ...]:
    """The arrows of a flow in time order: caller to bus, bus to provider, and both ways back."""
    if not records:
        return ()
    start = min(record.received_at for record in records)
    drawn = [arrow for record in records for arrow in _of(record, bus, start)]
    return tuple(sorted(drawn, key=lambda arrow: arrow.at))


def _of(record: Record, bus: str, start: float) -> Iterable[Arrow]:
    begin = record.received_at - start
    end = begin + record.duration_us / 1e6
    label = f"{record.service}.{record.operation}" if record.operation else record.service or "?"
    caller = record.consumer or "?"
    inside = record.door in ("workflow", "backbone")
    if not inside:
        yield Arrow(begin, caller, bus, label, record.status, record.id)
    if record.sent_us and record.system:
        sent = _sent_at(record, begin)
        back = min(end, sent + record.sent_us / 1e6)
        yield Arrow(sent, bus, record.system, label, record.status, record.id)
        yield Arrow(back, record.system, bus, "", record.status, record.id, True, record.sent_us / 1000)
    elif inside:
        yield Arrow(begin, bus, bus, label, record.status, record.id)
    if not inside:
        yield Arrow(end, bus, caller, "", record.status, record.id, True, record.duration_us / 1000)


def _sent_at(record: Record, begin: float) -> float:
    calls = [hop.start_us for hop in record.hops if hop.name == "call"]
    return begin + (calls[0] / 1e6 if calls else 0.0)


def columns(drawn: Sequence[Arrow], bus: str) -> tuple[str, ...]:
    """Column names: callers first in order of appearance, then the bus, then the systems it calls."""
    callers = dict.fromkeys(arrow.source for arrow in drawn if arrow.target == bus and not arrow.reply)
    providers = dict.fromkeys(arrow.target for arrow in drawn if arrow.source == bus and not arrow.reply)
    left = [name for name in callers if name != bus]
    return (*left, bus, *(name for name in providers if name != bus and name not in left))


def draw(
    drawn: Sequence[Arrow],
    bus: str,
    *,
    link: Callable[[str], str],
    title: Callable[[str], str] = lambda name: name,
    caption: str = "",
) -> str:
    """Draw the arrows as one SVG. ``link`` gives a message's address, ``title`` a column's heading."""
    names = columns(drawn, bus)
    x = {name: MARGIN + COLUMN // 2 + COLUMN * place for place, name in enumerate(names)}
    rows = _rows(drawn)
    height = TOP + (rows[-1][0] if rows else 0) + ROW + 12
    inner = any(arrow.source == arrow.target == names[-1] for arrow in drawn)
    width = MARGIN + COLUMN * len(names) + (COLUMN if inner else 24)
    parts = [
        f'<svg class="sequence" role="img" aria-label="{escape(caption)}" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        _DEFINITIONS,
    ]
    for name in names:
        kind = " bus" if name == bus else ""
        parts.append(
            f'<line class="life{kind}" x1="{x[name]}" y1="{TOP - 14}" x2="{x[name]}" y2="{height - 8}"/>'
            f'<rect class="head{kind}" x="{x[name] - 78}" y="8" width="156" height="40" rx="6"/>'
            f"{_heading(title(name), x[name])}"
        )
    for number, (y, arrow, silence) in enumerate(rows, 1):
        if silence:
            parts.append(
                f'<text class="fold" x="{MARGIN - 8}" y="{TOP + y - ROW + 6}" text-anchor="end">'
                f"⋮ {_span(silence)}</text>"
            )
        parts.append(_arrow(number, TOP + y, arrow, x, link))
    parts.append("</svg>")
    return "".join(parts)


def _rows(drawn: Sequence[Arrow]) -> list[tuple[int, Arrow, float]]:
    rows: list[tuple[int, Arrow, float]] = []
    y, previous = 0, 0.0
    for arrow in drawn:
        silence = arrow.at - previous if arrow.at - previous > FOLD else 0.0
        y += ROW * (2 if silence else 1)
        rows.append((y, arrow, silence))
        previous = arrow.at
    return rows


def _arrow(number: int, y: int, arrow: Arrow, x: dict[str, int], link: Callable[[str], str]) -> str:
    left, right = x[arrow.source], x[arrow.target]
    shape = SHAPES.get(arrow.status, "○")
    style = f"arrow {escape(arrow.status)}{' reply' if arrow.reply else ''}"
    if left == right:
        path = f"M{left} {y - 10}h34v14h-26"
        middle, anchor = left + 42, "start"
    else:
        inset = 7 if right > left else -7
        path = f"M{left} {y}H{right - inset}"
        middle, anchor = (left + right) // 2, "middle"
    words = _took(arrow.milliseconds) if arrow.reply else arrow.label
    text = f"{shape} {words}" if arrow.reply else f"{number} {words}"
    room = 24 * max(1, abs(right - left) // COLUMN)
    return (
        f'<a href="{escape(link(arrow.message_id))}"><g class="{style}">'
        f"<title>{escape(arrow.label or words)}</title>"
        f'<text class="time" x="{MARGIN - 8}" y="{y + 4}" text-anchor="end">{_clock(arrow.at)}</text>'
        f'<path d="{path}" marker-end="url(#tip)"/>'
        f'<text class="label" x="{middle}" y="{y - 5}" text-anchor="{anchor}">{escape(_short(text, room))}</text>'
        "</g></a>"
    )


def _clock(seconds: float) -> str:
    return f"+{seconds:.3f} s" if seconds < 100 else f"+{seconds:.0f} s"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _took(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def _heading(title: str, x: int) -> str:
    """A column's heading, in one line or two."""
    first, rest = _split(title, HEADING)
    lines = [(first, 33)] if not rest else [(first, 25), (_short(rest, HEADING), 41)]
    texts = (f'<text class="name" x="{x}" y="{y}" text-anchor="middle">{escape(line)}</text>' for line, y in lines)
    return f"<g><title>{escape(title)}</title>{''.join(texts)}</g>"


def _split(text: str, room: int) -> tuple[str, str]:
    """What of a text fits into a line, broken at a space where there is one, and the rest."""
    fits = _fitting(text, room)
    if fits == len(text):
        return text, ""
    space = text.rfind(" ", 1, fits + 1)
    end = space if space > 0 else fits
    return text[:end], text[end:].strip()


def _short(text: str, room: int) -> str:
    return text if _fitting(text, room) == len(text) else text[: _fitting(text, room - 1)] + "…"


def _fitting(text: str, room: int) -> int:
    """How many letters of a text fit; a Chinese one takes two places."""
    for place, letter in enumerate(text):
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return place
    return len(text)


_DEFINITIONS = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)
