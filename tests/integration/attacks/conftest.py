"""One served bus for all attacks, so that what one of them breaks shows in the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import identity
from hostile_provider import hostile_provider
from served_bus import ServedBus
from target import Target

#: Who signs its messages, with a certificate that is made for the tests.
SIGNER = """kind: Consumer
name: signer
title: {zh: 签名, en: Signer}
credentials: [{kind: x509, certificate: signer.pem}]
grants: [{service: lab, operations: ["*"]}]
"""


@pytest.fixture(scope="package")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A bus with its hostile provider, running."""
    with hostile_provider() as hostile:
        folder = tmp_path_factory.mktemp("attacked")
        bus = ServedBus(folder, {"PROVIDER_URL": hostile.url}, Path(__file__).with_name("hospital"))
        (bus.catalogue / "signer.pem").write_bytes(identity("his").certificate.pem)
        (bus.catalogue / "signer.yaml").write_text(SIGNER, encoding="utf-8")
        try:
            yield Target(bus.start(), hostile)
        finally:
            bus.stop()


@pytest.fixture
def target(attacked: Target) -> Iterator[Target]:
    """The same; after each attack it must serve an honest caller as ever."""
    yield attacked
    attacked.alive()
