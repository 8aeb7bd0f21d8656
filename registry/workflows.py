"""Workflow definitions of a catalogue, parsed and linked, with their problems at the lines where they stand."""

from __future__ import annotations

from collections.abc import Mapping

from registry.bench import Bench
from registry.conformity import nearest
from registry.findings import Spot
from registry.workflow import LinkedWorkflow, WorkflowDefinition, WorkflowInvalid, link, parse_workflow


def compile_workflows(bench: Bench) -> Mapping[str, LinkedWorkflow]:
    """Every workflow by name, with the workflows it runs inlined; empty when one of them is broken."""
    definitions: dict[str, WorkflowDefinition] = {}
    manifests = bench.manifests.names("Workflow")
    for manifest in bench.manifests.sound("Workflow"):
        try:
            definitions[manifest.name] = parse_workflow(manifest.value)
        except WorkflowInvalid as error:
            bench.findings.add(Spot(manifest, path).problem(message) for path, message in error.problems)
    _warn_of_silence(definitions, bench)
    unknown = {name for definition in definitions.values() for name in definition.runs()} - definitions.keys()
    if unknown or len(definitions) < len(manifests):
        return {}  # whichever it is, it has been reported where it stands
    try:
        return link(definitions)
    except WorkflowInvalid as error:
        bench.findings.add(Spot(manifests[str(path[0])], path[1:]).problem(message) for path, message in error.problems)
        return {}


def _warn_of_silence(definitions: Mapping[str, WorkflowDefinition], bench: Bench) -> None:
    """Warn of workflows that wait for an event which no operation raises: they would wait for ever."""
    raised = {
        operation.get("raises")
        for manifest in bench.manifests.sound("Service")
        for version in manifest.value["versions"]
        for operation in version["operations"]
    }
    for name, definition in definitions.items():
        for event in sorted(definition.events() - raised):
            spot = Spot(bench.manifests.names("Workflow")[name], ("steps",))
            bench.findings.warn(
                spot.problem(f"waits for {event}, which no operation raises", nearest(event, raised - {None}))
            )
