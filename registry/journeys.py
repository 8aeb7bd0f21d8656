"""Journeys: the milestones of a visit, in the order in which the console draws them."""

from __future__ import annotations

from registry.manifest import Manifest
from registry.model import Journey, Milestone


def compile_journey(manifest: Manifest) -> Journey:
    """A journey as its manifest describes it."""
    raw = manifest.value
    milestones = tuple(
        Milestone(entry["name"], entry.get("title", {}), frozenset(entry["operations"])) for entry in raw["milestones"]
    )
    return Journey(manifest.name, raw.get("title", {}), raw["key"], milestones)
