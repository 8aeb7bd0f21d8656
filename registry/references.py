"""Cross-check: every name that one manifest uses for another exists, and means one thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.conformity import nearest
from registry.errors import Problem
from registry.findings import Spot
from registry.manifest import Manifests


def check_references(manifests: Manifests) -> Iterator[Problem]:
    """Every reference to a system, service, operation or workflow that does not exist, and milestones of one name.

    Works on manifests as written, so that one broken service does not make all its callers look broken.
    """
    for manifest in (*manifests.sound("Service"), *manifests.sound("Consumer")):
        if "system" in manifest.value:
            yield from _known(manifest.value["system"], "System", manifests, Spot(manifest, ("system",)))
    yield from _grants(manifests)
    for manifest in manifests.sound("Journey"):
        spot = Spot(manifest, ("milestones",))
        names: set[str] = set()
        for number, milestone in enumerate(manifest.value["milestones"]):
            if milestone["name"] in names:
                yield spot.at(number, "name").problem(f"a second milestone {milestone['name']!r}")
            names.add(milestone["name"])
            for position, reference in enumerate(milestone["operations"]):
                yield from _operation(reference, manifests, spot.at(number, "operations", position))
    for manifest in manifests.sound("Workflow"):
        yield from _steps(manifest.value["steps"], manifests, Spot(manifest, ("steps",)))
    yield from _started(manifests)


def _known(name: str, kind: str, manifests: Manifests, spot: Spot) -> Iterator[Problem]:
    names = manifests.names(kind)
    if name not in names:
        yield spot.problem(f"no {kind} {name!r}", nearest(name, names))


def _operations(service: str, manifests: Manifests) -> set[str] | None:
    """The operations of all versions of a service; None when it is broken, so nothing can be said about them."""
    manifest = manifests.names("Service")[service]
    if not manifest.sound:
        return None
    return {entry["name"] for version in manifest.value["versions"] for entry in version["operations"]}


def _operation(reference: str, manifests: Manifests, spot: Spot) -> Iterator[Problem]:
    service, _, name = reference.partition(".")
    if service not in manifests.names("Service"):
        yield spot.problem(f"no Service {service!r}", nearest(service, manifests.names("Service")))
        return
    operations = _operations(service, manifests)
    if operations is not None and name not in operations:
        yield spot.problem(f"the service {service} has no operation {name!r}", nearest(name, operations))


def _grants(manifests: Manifests) -> Iterator[Problem]:
    for manifest in manifests.sound("Consumer"):
        for number, grant in enumerate(manifest.value.get("grants", ())):
            spot = Spot(manifest, ("grants", number))
            if grant["service"] == "*":
                continue
            if grant["service"] not in manifests.names("Service"):
                yield from _known(grant["service"], "Service", manifests, spot.at("service"))
                continue
            for position, name in enumerate(grant["operations"]):
                if name != "*":
                    yield from _operation(f"{grant['service']}.{name}", manifests, spot.at("operations", position))


def _steps(steps: list[Mapping[str, Any]], manifests: Manifests, spot: Spot) -> Iterator[Problem]:
    for number, step in enumerate(steps):
        here = spot.at(number)
        if "call" in step:
            yield from _operation(step["call"], manifests, here.at("call"))
        for key in ("undo", "unknown"):
            if "call" in step.get(key, ()):
                yield from _operation(step[key]["call"], manifests, here.at(key, "call"))
        if "run" in step:
            yield from _known(step["run"], "Workflow", manifests, here.at("run"))
        for position, branch in enumerate(step.get("parallel", ())):
            yield from _steps(branch, manifests, here.at("parallel", position))
        for position, option in enumerate(step.get("choose", ())):
            yield from _steps(option["steps"], manifests, here.at("choose", position, "steps"))


def _started(manifests: Manifests) -> Iterator[Problem]:
    for manifest in manifests.sound("Service"):
        for number, version in enumerate(manifest.value["versions"]):
            for position, operation in enumerate(version["operations"]):
                if "starts" in operation:
                    spot = Spot(manifest, ("versions", number, "operations", position, "starts"))
                    yield from _known(operation["starts"], "Workflow", manifests, spot)
