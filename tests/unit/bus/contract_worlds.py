"""Worlds whose one service is compiled from a manifest and a contract, before a canned provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from catalogues import SYSTEM, compiled
from twins import KIOSK, CannedConnector, World, answered

XML = "text/xml; charset=utf-8"


def contract_world(
    manifest: str, files: Mapping[str, bytes], reply: bytes, media: str = XML, status: int = 200
) -> World:
    """A world of the service ``lis`` of a manifest, whose provider answers ``reply``."""
    made = compiled(SYSTEM, manifest, files=files).snapshot
    return World(
        replace(made, consumers={"kiosk": KIOSK}),
        connector=CannedConnector(lambda message: answered(message, reply, media, status)),
    )
