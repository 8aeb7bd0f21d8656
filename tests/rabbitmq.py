"""A RabbitMQ node of the test session's own: its own folder, free loopback ports, its own epmd, gone at the end.

Run as a program it starts such a node, prints its address and stops it on SIGTERM or SIGINT.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pika
import pika.exceptions
import pytest
from outside import absent

START_SECONDS = 90.0


class NodeFailed(Exception):
    """The node did not start; the text holds the end of its log."""


def program() -> Path | None:
    """The server's start script: Debian's own, which the wrapper in the path would run as a service user."""
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    found = shutil.which("rabbitmq-server")
    return debian if debian.exists() else Path(found) if found else None


class RabbitNode:
    """One broker that can be started, stopped and killed. Use as a context manager, which removes its folder."""

    def __init__(self) -> None:
        server, epmd = program(), shutil.which("epmd")
        if server is None or epmd is None:
            raise FileNotFoundError("rabbitmq-server")
        self._server_program = server
        self._epmd_program = epmd
        self._user = self._service_user()
        self._folder = Path(tempfile.mkdtemp(prefix="meridian-rabbitmq-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self.port, dist_port, self._epmd_port = _free_ports(3)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self._environment = self._make_environment(dist_port)
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RabbitNode:
        self._epmd = subprocess.Popen(
            [self._epmd_program, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
            cwd=self._folder,
            user=self._user,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill9()
        if self._epmd is not None:
            self._epmd.terminate()
            self._epmd.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the broker on the same ports and data, and wait until it takes connections."""
        with (self._folder / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [self._server_program],
                cwd=self._folder,
                user=self._user,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the script starts children: one group to kill
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise NodeFailed(f"RabbitMQ did not start:\n{self._log()}")
            time.sleep(0.2)

    def kill9(self) -> None:
        """Kill the broker as a power cut would: nothing is flushed."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)

    def freeze(self) -> None:
        """Stop the broker's processes where they are: connections stay open, nobody answers."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop the broker in good order."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(ProcessLookupError):
                server.terminate()
            server.wait(30)

    def answers(self) -> bool:
        """Whether the broker takes connections."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            parameters = pika.URLParameters(self.url)
            parameters.socket_timeout = parameters.blocked_connection_timeout = parameters.stack_timeout = 5
            with suppress(pika.exceptions.AMQPError):
                pika.BlockingConnection(parameters).close()
                return True
        return False

    @staticmethod
    def _service_user() -> str | None:
        """Debian's own user stands in for root."""
        if os.geteuid() != 0:
            return None
        with suppress(KeyError):
            return pwd.getpwnam("rabbitmq").pw_name
        return None

    def _make_environment(self, dist_port: int) -> dict[str, str]:
        folder = self._folder
        config, plugins = folder / "rabbitmq.conf", folder / "enabled_plugins"
        config.write_text("disk_free_limit.absolute = 50MB\nlog.file.level = warning\n", encoding="utf-8")
        plugins.write_text("[].\n", encoding="utf-8")
        plugins.chmod(0o666)
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"meridian-{os.getpid()}-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }

    def _log(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-3000:]


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(scope="session")
def rabbitmq_node() -> Iterator[RabbitNode]:
    """A broker of this session. A test that kills it starts it again before it ends."""
    try:
        node = RabbitNode()
    except FileNotFoundError:
        absent("RabbitMQ (Debian: rabbitmq-server)")
    with node:
        yield node


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq_node: RabbitNode) -> str:
    """The ``amqp://`` address of the session's broker."""
    return rabbitmq_node.url


def main() -> int:
    """Start a node, print its address, wait for SIGTERM or SIGINT, stop it."""
    try:
        node = RabbitNode()
    except FileNotFoundError:
        print("rabbitmq-server is not installed (Debian: apt install rabbitmq-server)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt), node:
        print(node.url, flush=True)
        while True:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
