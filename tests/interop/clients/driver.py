"""What the drivers written in Python share: the lines that the suite speaks with them (see ``README.md``)."""

from __future__ import annotations

import base64
import datetime
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Refused(Exception):
    """A SOAP fault, whatever the stack calls it."""

    code: str
    reason: str


@dataclass
class Order:
    """One line in: the case, how to send it, the operation and its fields as texts."""

    case: str
    way: str
    operation: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def sample(self, nil: Any, convert: Callable[[str, str], Any]) -> dict[str, Any]:
        """The fields as nested dictionaries, each text made what the stack takes by ``convert`` (name, text)."""
        made: dict[str, Any] = {}
        for name, text in self.fields:
            if name == "panel":
                made.setdefault("panel", []).append({"code": text})
            elif name == "panel.value":
                made["panel"][-1].setdefault("value", []).append(convert(name, text))
            else:
                made[name.removesuffix(".nil")] = nil if name.endswith(".nil") else convert(name, text)
        return made


def serve(send: Callable[[Order], Any]) -> None:
    """Send every order and say what came back. ``send`` answers the result; a fault is raised as Refused."""
    print("import\tanswer", flush=True)
    for order in _orders():
        try:
            answer = send(order)
            told = "answer\t" + (_line(answer) if order.operation == "Echo" else "")
        except Refused as fault:
            told = f"fault\t{fault.code}\t{' '.join(fault.reason.split())}"
        except Exception as error:
            told = f"error\t{type(error).__name__} {' '.join(str(error).split())[:400]}"
        print(f"{order.case}\t{told}", flush=True)


def _orders() -> Iterator[Order]:
    for line in sys.stdin:
        case, way, operation, *parts = line.rstrip("\n").split("\t")
        pairs = [part.partition("=") for part in parts]
        yield Order(case, way, operation, [(name, text) for name, _, text in pairs])


def _line(sample: Any) -> str:
    parts: list[str] = []
    for name in ("text", "price", "taken", "note", "note.nil", "panel", "image"):
        value = getattr(sample, name, None)
        if name == "panel":
            for panel in value or []:
                parts.append(f"panel={panel.code}")
                parts += [f"panel.value={_text(each)}" for each in getattr(panel, "value", None) or []]
        elif value is not None:
            parts.append(f"{name}={_text(value)}")
    return "\t".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
