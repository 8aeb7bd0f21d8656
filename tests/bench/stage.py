"""What every benchmark of the doors stands on: a provider, and the bus before it with the benchmark's catalogue."""

from __future__ import annotations

import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import free_port, granian, server

CATALOGUE = Path(__file__).parent / "catalogue"


@dataclass(frozen=True)
class Stage:
    """A running bus: where it listens, its process, the caller's key, and what else may stand beside it."""

    port: int
    pid: int
    key: str
    floor_port: int
    environ: Mapping[str, str]

    @property
    def url(self) -> str:
        """The bus's address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def stage(size: int) -> Iterator[Stage]:
    """Start a provider that answers documents of ``size`` bytes, and the bus; end both."""
    key = secrets.token_hex(16)
    provider, port, floor = free_port(), free_port(), free_port()
    environ = {"BENCH_PROVIDER": f"http://127.0.0.1:{provider}", "BENCH_KEY": key, "BENCH_SIZE": str(size)}
    with tempfile.TemporaryDirectory() as data:
        settings = {
            "MERIDIAN_DATA": data,
            "MERIDIAN_PORT": str(port),
            "MERIDIAN_CATALOGUE": str(CATALOGUE),
            "MERIDIAN_LOG_LEVEL": "warning",
        }
        bus = [str(Path(sys.executable).with_name("meridian")), "serve"]
        with (
            server(granian("tests.bench.provider:app", provider), provider, environ, contestant=False),
            server(bus, port, environ | settings) as pid,
        ):
            yield Stage(port, pid, key, floor, environ)
