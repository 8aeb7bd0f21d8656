"""``inside``: a contract whose document travels in an element of another one, as text or as a child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.errors import Problem
from registry.findings import Spot
from registry.model import Form, Inside
from transformers.held import Holder, Manner, Style


def inside_of(raw: Mapping[str, Any], side: str) -> Mapping[str, Any] | None:
    """What an operation says about one side: the long form of its ``inside``, or None where it has none."""
    written = raw.get("inside", {}).get(side)
    return {"at": written} if isinstance(written, str) else written


def compile_inside(raw: Mapping[str, Any], side: str, form: Form, root: str) -> Inside | None:
    """Where the document of ``side`` is held; ``root`` names the element around it, in Clark notation."""
    written = inside_of(raw, side)
    if written is None:
        return None
    path = () if written["at"] == "." else tuple(written["at"].split("/"))
    style = written.get("style", "caller")
    default: Style = "cdata" if form == "xml" else "escaped"
    if style not in ("caller", "provider"):
        default = style
    return Inside(
        Holder(path, json=form == "json", root=root, children=written.get("children", {})),
        style,
        Manner(default, qualified=written.get("qualified", True)),
    )


def inside_faults(raw: Mapping[str, Any], form: Form, spot: Spot) -> Iterator[Problem]:
    """Contradictions between ``inside`` and the other settings of an operation."""
    for side in ("request", "reply"):
        written = inside_of(raw, side)
        if written is None:
            continue
        place = spot.at("inside", side)
        if form == "json" and written.get("style") == "child":
            yield place.problem("JSON cannot be a child element", "choose cdata or escaped, or set form: xml")
        if side == "request" and written.get("style") == "provider":
            yield place.problem("a request has no provider's style", "choose caller, cdata, escaped or child")
        if "wsdl" in raw.get("checks", {}).get(side, {}):
            message = "wsdl: true checks the element around, and inside speaks of the document in it"
            yield spot.at("checks", side).problem(message, "give that document's own xsd or json_schema")
    for ending in ("starts", "raises"):
        if ending in raw and "reply" in raw.get("inside", {}):
            yield spot.at("inside", "reply").problem(f"{ending} and inside.reply contradict each other", "drop it")
