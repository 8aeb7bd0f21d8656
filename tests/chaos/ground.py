"""What the bus stands on: broker and database, each behind a bad network, and a disk that can be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from fault_proxy import FaultProxy
from postgres import DURABLE, PostgresServer
from rabbitmq import RabbitNode

_FILLER = "filler"
_MIB = 1024 * 1024


class Disk:
    """A small file system in memory (tmpfs). Where mounting is not allowed it is a plain folder, never full."""

    def __init__(self, mebibytes: int) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="meridian-chaos-disk-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "meridian-chaos", str(self.path)]
        self.fillable = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.path / _FILLER).open("wb") as filler, suppress(OSError):
            while True:
                filler.write(bytes(_MIB))
        with (self.path / _FILLER).open("ab", buffering=0) as filler, suppress(OSError):
            while filler.write(bytes(512)):
                pass

    def free(self) -> None:
        """Give the room back."""
        (self.path / _FILLER).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove it with all it holds."""
        if self.fillable:
            subprocess.run(["umount", "-l", str(self.path)], capture_output=True)
        shutil.rmtree(self.path, ignore_errors=True)


class Ground:
    """The servers of a cluster. Use as a context manager; ``database_url`` and ``broker_url`` lead through the proxies.

    ``direct_url`` is the way to the database for those who only watch.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Ground:
        try:
            self.disk = Disk(2048)
            self._stack.callback(self.disk.close)
            (self.disk.path / "postgres").mkdir()
            # The log may not be the first thing that fills the small disk, and nobody may be kept out by a crowd.
            settings = DURABLE | {"max_wal_size": "256MB", "max_connections": "200"}
            self.database = self._stack.enter_context(PostgresServer(self.disk.path / "postgres", settings))
            self.broker = self._stack.enter_context(RabbitNode())
            self.database_net = self._stack.enter_context(FaultProxy(self.database.port))
            self.broker_net = self._stack.enter_context(FaultProxy(self.broker.port))
        except BaseException:
            self._stack.close()
            raise
        self.direct_url = self.database.url
        self.database_url = self.direct_url.replace(f":{self.database.port}/", f":{self.database_net.port}/")
        self.broker_url = self.broker.url.replace(f":{self.broker.port}/", f":{self.broker_net.port}/")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
