"""Consumers: who calls, how they prove it, and what they may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.bench import Bench
from registry.certificates import compile_pin
from registry.credentials import compile_credential
from registry.findings import Spot
from registry.manifest import Manifest
from registry.model import Consumer, Credential, Grant
from registry.profiles import consumer_quirks
from transformers import charset


def compile_consumer(manifest: Manifest, bench: Bench) -> Consumer:
    """A consumer; credentials whose secrets are missing become findings."""
    raw, spot = manifest.value, Spot(manifest)
    credentials = []
    for number, entry in enumerate(raw.get("credentials", ())):
        place = spot.at("credentials", number)
        credential = bench.findings.attempt(
            lambda entry=entry, place=place: _credential(entry, bench, place)  # type: ignore[misc]
        )
        if credential is not None:
            credentials.append(credential)
    encoding = raw.get("charset", "")
    if encoding and not charset.codec_of(encoding):
        hint = "for instance utf-8, gbk or gb18030"
        bench.findings.add([spot.at("charset").problem(f"unknown charset {encoding!r}", hint)])
    rate = raw.get("rate", {})
    per_second = float(rate.get("per_second", 0))
    return Consumer(
        name=manifest.name,
        title=raw.get("title", {}),
        system=raw.get("system", ""),
        credentials=tuple(credentials),
        grants=tuple(Grant(each["service"], frozenset(each["operations"])) for each in raw.get("grants", ())),
        rate=per_second,
        burst=rate.get("burst", max(1, round(per_second))) if rate else 0,
        charset=encoding,
        quirks=consumer_quirks(raw.get("quirks"), spot.at("quirks"), bench.findings),
        reply_to=tuple(raw.get("reply_to", ())),
        message_ids_once=raw.get("message_ids_once", False),
    )


def _credential(raw: Mapping[str, Any], bench: Bench, spot: Spot) -> Credential:
    if raw["kind"] == "x509":
        return Credential("x509", pin=compile_pin(raw, bench, spot))
    return compile_credential(raw, bench.environ, spot)
