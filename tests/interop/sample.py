"""The one document of the suite, as every stack says it: a list of names and texts, in the order of the contract.

``panel`` begins a panel and is its code, ``panel.value`` adds a value to it, ``note.nil`` is a note that is nil.
Texts are compared as they stand on the wire; a client that reads 5.60 as 5.6 is caught by what the provider heard.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from lxml import etree

Sample: TypeAlias = tuple[tuple[str, str], ...]

PLAIN = ("text", "price", "taken", "image")


def line_of(sample: Sample) -> str:
    """The sample as the drivers of the clients read and write it: ``name=text``, separated by tabs."""
    return "\t".join(f"{name}={text}" for name, text in sample)


def from_line(line: str) -> Sample:
    """What a driver wrote."""
    return tuple((name, text) for name, _, text in (part.partition("=") for part in line.split("\t") if part))


def from_xml(document: bytes) -> Sample:
    """The sample inside an envelope, whatever surrounds it."""
    root = etree.fromstring(document)
    found = next(root.iter("{*}sample", "{*}result"))
    pairs: list[tuple[str, str]] = []
    for child in found:
        name, text = etree.QName(child).localname, child.text or ""
        if name == "panel":
            pairs += [("panel" if etree.QName(part).localname == "code" else "panel.value", part.text or "")
                      for part in child]  # fmt: skip
        elif child.get("{http://www.w3.org/2001/XMLSchema-instance}nil") in ("true", "1"):
            pairs.append((f"{name}.nil", ""))
        else:
            pairs.append((name, text))
    return ordered(pairs)


def from_json(document: bytes) -> Sample:
    """The sample inside a JSON document; numbers keep the text that they are written with."""
    value = json.loads(document, parse_float=str, parse_int=str)
    found: dict[str, Any] = value.get("sample") or value.get("result")
    pairs: list[tuple[str, str]] = []
    for name, text in found.items():
        if name == "panel":
            for panel in text:
                pairs.append(("panel", panel["code"]))
                pairs += [("panel.value", one) for one in panel.get("value", [])]
        else:
            pairs.append((f"{name}.nil", "") if text is None else (name, text))
    return ordered(pairs)


def to_json(sample: Sample, nil: Any = None) -> dict[str, Any]:
    """The sample as a JSON value of the contract; ``nil`` is what stands for nil."""
    made: dict[str, Any] = {}
    for name, text in sample:
        if name == "panel":
            made.setdefault("panel", []).append({"code": text})
        elif name == "panel.value":
            made["panel"][-1].setdefault("value", []).append(text)
        else:
            made[name.removesuffix(".nil")] = nil if name.endswith(".nil") else text
    return made


def filled(sample: Sample, more: Sample) -> Sample:
    """The sample with these fields, where it lacks them."""
    return ordered([*sample, *(each for each in more if each not in sample)])


def ordered(pairs: list[tuple[str, str]]) -> Sample:
    """JSON objects have no order and gSOAP's structures have their own: text, price, taken, note, panels, image."""
    place = {"text": 0, "price": 1, "taken": 2, "note": 3, "note.nil": 3, "panel": 4, "panel.value": 4, "image": 5}
    return tuple(sorted(pairs, key=lambda pair: place[pair[0]]))
