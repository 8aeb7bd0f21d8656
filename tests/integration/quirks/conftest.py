"""A served bus with four listeners, before a provider that is as old as its callers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from outside import absent
from ports import free_port
from raw_sockets import OldProvider, old_provider
from served_bus import ServedBus

HOSPITAL = Path(__file__).parent / "hospital"


@pytest.fixture(scope="module")
def provider() -> Iterator[OldProvider]:
    """The provider, listening."""
    with old_provider() as found:
        yield found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a server's certificate and, by another authority, a caller's."""
    if shutil.which("openssl") is None:
        absent("openssl")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "caller"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The ports of the further listeners."""
    return {name: free_port() for name in ("side", "xp", "modern", "mutual")}


@pytest.fixture(scope="module")
def bus(
    tmp_path_factory: pytest.TempPathFactory, provider: OldProvider, certificates: Path, ports: dict[str, int]
) -> Iterator[ServedBus]:
    """The bus, running."""
    tls = {"certificate": str(certificates / "server.pem"), "key": str(certificates / "server.key")}
    listeners = [
        {"name": "side", "port": ports["side"]},
        {"name": "xp", "port": ports["xp"], "tls_min": "1.0", **tls},
        {"name": "modern", "port": ports["modern"], "tls_min": "1.3", **tls},
        {"name": "mutual", "port": ports["mutual"], "client_ca": str(certificates / "caller.pem"), **tls},
    ]
    environ = {"HIS_URL": f"http://127.0.0.1:{provider.port}", "MERIDIAN_LISTENERS": json.dumps(listeners)}
    served = ServedBus(tmp_path_factory.mktemp("bus"), environ, HOSPITAL).start()
    yield served
    assert served.stop() == 0
