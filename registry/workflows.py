"""Workflow definitions of a catalogue, parsed and linked, with their problems at the lines where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from registry.bench import Bench
from registry.findings import Spot
from registry.model import Service
from registry.workflow import LinkedWorkflow, WorkflowDefinition, WorkflowInvalid, link, parse_workflow
from registry.workflow_checks import Finding, careless, doubtful, unreachable


def compile_workflows(bench: Bench, services: Mapping[str, Service]) -> Mapping[str, LinkedWorkflow]:
    """Every workflow by name, with the workflows it runs inlined; empty when one of them is broken."""
    definitions: dict[str, WorkflowDefinition] = {}
    manifests = bench.manifests.names("Workflow")
    for manifest in bench.manifests.sound("Workflow"):
        try:
            definitions[manifest.name] = parse_workflow(manifest.value)
        except WorkflowInvalid as error:
            bench.findings.add(Spot(manifest, path).problem(message) for path, message in error.problems)
    _check(definitions, bench, services)
    unknown = {name for definition in definitions.values() for name in definition.runs()} - definitions.keys()
    if unknown or len(definitions) < len(manifests):
        return {}  # whichever it is, it has been reported where it stands
    try:
        linked = link(definitions)
    except WorkflowInvalid as error:
        bench.findings.add(Spot(manifests[str(path[0])], path[1:]).problem(message) for path, message in error.problems)
        return {}
    for name, definition in definitions.items():
        _refuse(name, unreachable(definition, definitions), bench)
    return linked


def _check(definitions: Mapping[str, WorkflowDefinition], bench: Bench, services: Mapping[str, Service]) -> None:
    """Check each definition by itself, whatever is wrong with the others."""
    raised = {
        str(operation["raises"])
        for manifest in bench.manifests.sound("Service")
        for version in manifest.value["versions"]
        for operation in version["operations"]
        if "raises" in operation
    }
    for name, definition in definitions.items():
        _refuse(name, careless(definition, services), bench)
        for path, message, hint in doubtful(definition, services, raised):
            bench.findings.warn(Spot(bench.manifests.names("Workflow")[name], path).problem(message, hint))


def _refuse(name: str, findings: Iterable[Finding], bench: Bench) -> None:
    manifest = bench.manifests.names("Workflow")[name]
    bench.findings.add(Spot(manifest, path).problem(message, hint) for path, message, hint in findings)
