"""Cross-check of the vendor paths: no two services under one path, none on the bus's own addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.errors import Problem
from registry.findings import Spot
from registry.manifest import Manifest, Manifests
from registry.vendor_paths import VendorPath, VendorPaths

#: First parts of the bus's own addresses, with everything below them.
RESERVED_ROOMS = frozenset(
    {"soap", "rest", "api", "static", "bootstrap", "messages", "flows", "visits", "workflows",
     "tasks", "lanes", "parked", "dead-letters", "downtimes", "login", "conformance", "language", "console"}
)  # fmt: skip

#: Single pages of the bus; below them a vendor's path may stand, as Axis has ``/services/LisService``.
RESERVED_PAGES = frozenset({"/", "/healthz", "/readyz", "/metrics", "/find", "/logout", "/services"})


def compile_vendor_paths(manifests: Manifests) -> tuple[VendorPaths, tuple[Problem, ...]]:
    """The vendor paths of all services, and every one that clashes with another or with the bus's own addresses."""
    exact: dict[str, VendorPath] = {}
    folded: dict[str, VendorPath] = {}
    problems: list[Problem] = []
    first: dict[str, tuple[VendorPath, Spot]] = {}
    for manifest in manifests.sound("Service"):
        for path, spot in _written(manifest):
            if fault := _fault(path.path):
                problems.append(spot.problem(f"{path.path} {fault}", "choose a path of the vendor's own"))
                continue
            earlier, place = first.setdefault(path.path.lower(), (path, spot))
            if earlier is not path and (earlier.path == path.path or earlier.ignore_case or path.ignore_case):
                where = f"{place.file}:{place.manifest.source.line(place.place)}"
                other = f"{earlier.service} version {earlier.version}" if earlier.version else earlier.service
                problems.append(spot.problem(f"{path.path} is the path of {other} already", f"first in {where}"))
            elif path.ignore_case:
                folded[path.path.lower()] = path
            else:
                exact[path.path] = path
    return VendorPaths(exact, folded), tuple(problems)


def _written(manifest: Manifest) -> Iterator[tuple[VendorPath, Spot]]:
    """Those of the service mean its default version; those of a version mean that one."""
    spot, raw = Spot(manifest), manifest.value
    places = [("", raw, spot)]
    places += [(entry["version"], entry, spot.at("versions", n)) for n, entry in enumerate(raw["versions"])]
    for version, entry, place in places:
        for number, written in enumerate(entry.get("paths", ())):
            whole = written if isinstance(written, Mapping) else {"path": written}
            path = VendorPath(whole["path"], manifest.name, version, whole.get("ignore_case", False))
            yield path, place.at("paths", number)


def is_reserved(path: str) -> bool:
    """Whether a path is the bus's own. ``/services/<service>/<version>/<operation>`` is a page, in four parts."""
    plain = path.lower()
    parts = plain.split("/")[1:]
    return parts[0] in RESERVED_ROOMS or plain in RESERVED_PAGES or (parts[0] == "services" and len(parts) == 4)


def _fault(path: str) -> str:
    if is_reserved(path):
        return "is an address of the bus itself"
    if {"", ".", ".."} & set(path.split("/")[1:]):
        return "holds an empty part or a dot segment"
    return ""
