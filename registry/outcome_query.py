"""How a provider is asked whether a write of unknown outcome was done: the ``query`` of an operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.conformity import nearest
from registry.errors import Problem
from registry.findings import Findings, Spot
from transformers.errors import TransformerInvalid
from transformers.jq import JsonMap, compile_jq

if TYPE_CHECKING:
    from registry.model import Operation


@dataclass(frozen=True, slots=True)
class OutcomeQuery:
    """``operation`` of the same version is asked with the document that ``request`` gives of {key, keys, request}:
    the write's idempotency key, its business keys by name, and its document (null where no schema makes it JSON).
    ``done`` and ``reply`` also see the query's answer as ``reply``: whether the write was done, and what it would
    have answered."""

    operation: str
    request: JsonMap
    done: JsonMap
    reply: JsonMap


def compile_query(raw: Mapping[str, Any] | None, spot: Spot, findings: Findings) -> OutcomeQuery | None:
    """The query as written; expressions that do not compile become findings."""
    if raw is None:
        return None
    compiled: dict[str, JsonMap] = {}
    for key, default in (("with", ".request"), ("done", ""), ("as", ".reply")):
        try:
            compiled[key] = compile_jq(raw.get(key, default))
        except TransformerInvalid as error:
            findings.add([spot.at(key).problem(f"not a jq expression: {error}")])
    if len(compiled) < 3:
        return None
    return OutcomeQuery(raw["operation"], compiled["with"], compiled["done"], compiled["as"])


def check_queries(operations: Sequence[Operation], spots: Sequence[Spot]) -> Iterator[Problem]:
    """Queries that ask what is not there, or by what could change something; queries of what needs none."""
    known = {operation.name: operation for operation in operations}
    for operation, spot in zip(operations, spots, strict=True):
        if operation.query is None:
            continue
        asked = known.get(operation.query.operation)
        here = spot.at("query", "operation")
        if asked is None:
            yield here.problem(f"no operation {operation.query.operation!r}", nearest(operation.query.operation, known))
        elif asked.effect != "read":
            yield here.problem(f"{asked.name} writes, and is meant to ask", "name an operation with effect: read")
        if operation.effect == "read" or operation.policy.idempotent:
            hint = "leave out the query"
            yield spot.at("query").problem(f"{operation.name} can be repeated, and nobody asks what it did", hint)
