"""WSDL for services that have none: written by spyne from the JSON Schemas of their operations."""

from __future__ import annotations

from collections.abc import Sequence

from registry.model import Operation, Protocol, PublishedContract


def generate_wsdl(
    service: str, version: str, faces: frozenset[Protocol], operations: Sequence[Operation]
) -> PublishedContract | None:
    return None
