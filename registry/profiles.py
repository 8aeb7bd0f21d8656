"""Quirk profiles as manifests write them, compiled; what is wrong with one becomes a finding."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from registry.findings import Findings, Spot
from registry.quirks import Network, Place, ProviderQuirks, Quirks
from transformers.charset import codec_of


def consumer_quirks(raw: Mapping[str, Any] | None, spot: Spot, findings: Findings) -> Quirks | None:
    """A consumer's profile, or None where its manifest has none."""
    if raw is None:
        return None
    return Quirks(
        content_type=raw.get("content_type", ""),
        charset=_codec(raw, spot, findings),
        soap_action=raw.get("soap_action", ""),
        namespace=raw.get("namespace", ""),
        fault_status=raw.get("fault_status", 0),
        bom=raw.get("bom") == "send",
        keep_alive=raw.get("keep_alive", True),
        place=_place(raw["at"], spot.at("at"), findings) if "at" in raw else None,
    )


def provider_quirks(raw: Mapping[str, Any] | None, spot: Spot, findings: Findings) -> ProviderQuirks | None:
    """A provider's profile, or None where its manifest has none."""
    if raw is None:
        return None
    return ProviderQuirks(
        content_type=raw.get("content_type", ""),
        charset=_codec(raw, spot, findings),
        soap_action=raw.get("soap_action", ""),
        namespace=raw.get("namespace", ""),
        http10=raw.get("http") == "1.0",
        keep_alive=raw.get("keep_alive", True),
    )


def _codec(raw: Mapping[str, Any], spot: Spot, findings: Findings) -> str:
    name = raw.get("charset", "")
    codec = codec_of(name) if name else ""
    if name and not codec:
        hint = "for instance utf-8, gbk or gb18030"
        findings.add([spot.at("charset").problem(f"unknown charset {name!r}", hint)])
    return codec


def _place(raw: Mapping[str, Any], spot: Spot, findings: Findings) -> Place:
    networks: list[Network] = []
    for number, text in enumerate(raw.get("addresses", ())):
        try:
            networks.append(ip_network(text))
        except ValueError:
            hint = "for instance 10.20.0.7 or 10.20.0.0/24"
            findings.add([spot.at("addresses", number).problem(f"{text!r} is no address and no network", hint)])
    return Place(tuple(networks), frozenset(raw.get("listeners", ())), tuple(raw.get("paths", ())))
