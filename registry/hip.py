"""``hip``: a version that is one HIPMessageServer, and the table of actions that leads to its operations."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from registry.bench import Bench
from registry.conformity import nearest
from registry.errors import ManifestInvalid, Problem
from registry.findings import Spot
from registry.model import Hip
from transformers import charset
from transformers.errors import DocumentError
from transformers.hip.actions import Action, ActionTable

#: The columns of an action table; all but the first may be empty or missing.
COLUMNS = ("service", "title", "actions", "roots", "encounters", "operation")


def compile_hip(service: str, version: Mapping[str, Any], spot: Spot, bench: Bench) -> Hip | None:
    """The ``hip`` section of a version; None where it has none, or where its table is broken (a finding)."""
    if "hip" not in version:
        return None
    raw, place = version["hip"], spot.at("hip")
    own = {entry["name"] for entry in version["operations"]}
    table = bench.findings.attempt(lambda: _table(service, own, raw, place, bench))
    return None if table is None else Hip(table, raw.get("device", "MERIDIAN"))


def _table(service: str, own: set[str], raw: Mapping[str, Any], spot: Spot, bench: Bench) -> ActionTable:
    name = bench.library.file(raw["actions"], spot.at("actions"))
    rows: list[Action] = []
    problems: list[Problem] = []
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for line, row in _read(name, bench):
        operation = row["operation"] or (row["service"] if row["service"] in own else "")
        if fault := _fault(operation, own, bench):
            problems.append(Problem(name, line, *fault))
            continue
        action = Action(
            row["service"],
            tuple(row["actions"].split()),
            tuple(row["roots"].split()),
            tuple(row["encounters"].split()),
            operation if "." in operation or not operation else f"{service}.{operation}",
        )
        rows.append(action)
        for each in (action.service, *action.names):
            for root in action.roots or ("",):
                earlier, where = first.setdefault((each, root), (action.service, line))
                if where != line:
                    message = f"the action {each} means {action.service} and {earlier} for the same document"
                    problems.append(Problem(name, line, message, f"the other one is on line {where}"))
    if problems:
        raise ManifestInvalid(tuple(problems))
    return ActionTable(tuple(rows), tuple(raw.get("prefixes", ("XT-",))))


def _read(name: str, bench: Bench) -> list[tuple[int, dict[str, str]]]:
    try:
        text = charset.read(bench.library.catalogue.files[name]).text
    except DocumentError as error:
        raise ManifestInvalid((Problem(name, 1, str(error)),)) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    unknown = [each for each in reader.fieldnames or () if each not in COLUMNS]
    if unknown or "service" not in (reader.fieldnames or ()):
        what = f"unknown column {unknown[0]!r}" if unknown else "the column 'service' is missing"
        raise ManifestInvalid((Problem(name, 1, what, f"columns: {', '.join(COLUMNS)}"),))
    return [
        (reader.line_num, {column: (row.get(column) or "").strip() for column in COLUMNS})
        for row in reader
        if (row.get("service") or "").strip()
    ]


def _fault(operation: str, own: set[str], bench: Bench) -> tuple[str, str] | None:
    """Why an operation cannot be a destination, and what to do; None where it can."""
    service, _, name = operation.rpartition(".")
    if not operation or (not service and name in own):
        return None
    if not service:
        return f"there is no operation {name!r} here", nearest(name, own)
    manifests = bench.manifests.names("Service")
    if service not in manifests:
        return f"no Service {service!r}", nearest(service, manifests)
    if not manifests[service].sound:
        return None
    names = {entry["name"] for version in manifests[service].value["versions"] for entry in version["operations"]}
    return None if name in names else (f"the service {service} has no operation {name!r}", nearest(name, names))
