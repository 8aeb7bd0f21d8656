"""Operations that a manifest leaves to its contract: a version without ``operations`` offers all that it binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from registry.findings import Findings, Spot
from registry.library import Library
from registry.manifest import Manifest, Manifests

#: A caller hears of its mistakes; those of a provider are noted.
_CHECKED = {"request": {"openapi": True, "gate": "reject"}, "reply": {"openapi": True, "gate": "warn"}}


def with_implied(manifests: Manifests, library: Library, findings: Findings) -> Manifests:
    """The manifests with every operation that a contract implies written out, as an integrator might have.

    A service whose contract cannot be read, or that has neither contract nor operations, becomes unsound; why is
    in ``findings``.
    """
    services = {
        name: _completed(manifest, library, findings) if manifest.sound else manifest
        for name, manifest in manifests.names("Service").items()
    }
    return Manifests({**manifests.by_kind, "Service": services})


def _completed(manifest: Manifest, library: Library, findings: Findings) -> Manifest:
    versions: list[Mapping[str, Any]] = manifest.value["versions"]
    if all("operations" in version for version in versions):
        return manifest
    completed = []
    for number, version in enumerate(versions):
        spot = Spot(manifest, ("versions", number))
        implied = findings.attempt(lambda version=version, spot=spot: _operations(version, library, spot))  # type: ignore[misc]
        completed.append({"operations": implied or [], **version})
    sound = all(version["operations"] for version in completed)
    return replace(
        manifest, source=replace(manifest.source, value={**manifest.value, "versions": completed}), sound=sound
    )


def _operations(version: Mapping[str, Any], library: Library, spot: Spot) -> list[dict[str, Any]]:
    """The operations as written, else the contract's. Raises ManifestInvalid."""
    if "operations" in version:
        return list(version["operations"])
    if "contract" not in version:
        raise spot.refuse("'operations' is missing", "list them, or name a contract that has them")
    ((kind, file),) = version["contract"].items()
    name = library.file(file, spot.at("contract", kind))
    if kind == "openapi":
        return [
            {"name": each.name, "effect": each.effect, "checks": dict(_CHECKED)}
            for each in library.openapi(name).operations.values()
        ]
    # Nobody has said what these do: a write is on disk before it is sent, and never repeated unasked.
    return [{"name": each, "effect": "write"} for each in library.wsdl(name).operations]
