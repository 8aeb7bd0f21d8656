"""Catalogue + environment → snapshot: everything compiled, or every reason at once why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from registry.addresses import compile_vendor_paths
from registry.bench import Bench
from registry.catalogue import Catalogue
from registry.claims import claims_of
from registry.consumers import compile_consumer
from registry.environment import Environment
from registry.errors import Problem
from registry.findings import Findings
from registry.implied import with_implied
from registry.journeys import compile_journey
from registry.library import Library
from registry.manifest import read_manifests
from registry.model import Service, Snapshot, System
from registry.references import check_references
from registry.tables import compile_table
from registry.unmapped import Unmapped
from registry.versions import compile_service
from registry.workflows import compile_workflows
from transformers.certificates import Pins


@dataclass(frozen=True, slots=True)
class Compiled:
    """A snapshot, and what is allowed in its manifests but probably not meant."""

    snapshot: Snapshot
    warnings: tuple[Problem, ...]


def compile_catalogue(
    catalogue: Catalogue,
    environ: Mapping[str, str],
    *,
    revision: int = 0,
    unmapped: Unmapped | None = None,
    require_environment: bool = True,
) -> Compiled:
    """Compile a catalogue. ``unmapped`` counts unknown codes across snapshots.

    Without ``require_environment`` a missing variable is a warning, and the snapshot lacks what needs it: enough
    to check manifests on a desk, not to run them.

    Raises ManifestInvalid with every problem, sorted by file and line.
    """
    findings = Findings()
    manifests, problems = read_manifests(catalogue)
    findings.add(problems)
    library = Library(catalogue)
    manifests = with_implied(manifests, library, findings)
    findings.add(check_references(manifests))
    environment = Environment(environ, findings, required=require_environment)
    vendor_paths, clashes = compile_vendor_paths(manifests)
    findings.add(clashes)
    counter = unmapped if unmapped is not None else Unmapped()
    bench = _with_tables(Bench(manifests, library, environment, findings, counter))
    consumers = {each.name: compile_consumer(each, bench) for each in manifests.sound("Consumer")}
    services = {each.name: compile_service(each, bench) for each in manifests.sound("Service")}
    snapshot = Snapshot(
        revision=revision,
        systems={each.name: _system(each.value) for each in manifests.sound("System")},
        services=services,
        consumers=consumers,
        claims=claims_of(consumers.values()),
        workflows=compile_workflows(bench, services),
        journeys={each.name: compile_journey(each) for each in manifests.sound("Journey")},
        vendor_paths=vendor_paths,
        http_headers=_headers(services.values()),
        pins=Pins(one.pin for who in consumers.values() for one in who.credentials if one.pin is not None),
    )
    findings.settle()
    return Compiled(snapshot, tuple(sorted(findings.warnings)))


def _headers(services: Iterable[Service]) -> dict[bytes, str]:
    """The headers in which REST callers give fields of their documents."""
    operations = (
        operation
        for service in services
        for version in service.versions.values()
        for operation in version.operations.values()
    )
    names = {each.wire for operation in operations for each in operation.http_form.fields if each.place == "header"}
    return {name.encode("latin-1", "ignore"): name for name in sorted(names)}


def _with_tables(bench: Bench) -> Bench:
    tables = {}
    for manifest in bench.manifests.sound("CodeTable"):
        table = bench.findings.attempt(
            lambda manifest=manifest: compile_table(manifest, bench.library.catalogue, bench.unmapped)  # type: ignore[misc]
        )
        if table is not None:
            tables[manifest.name] = table
    return replace(bench, tables=tables)


def _system(raw: Mapping[str, str]) -> System:
    return System(raw["name"], raw.get("title", {}), raw.get("owner", ""))  # type: ignore[arg-type]
