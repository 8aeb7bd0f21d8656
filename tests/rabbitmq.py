"""RabbitMQ nodes of the test session's own: their own folder, free loopback ports, their own epmd, gone at the end.

Run as a program it starts one node, prints its address and stops it on SIGTERM or SIGINT.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pika
import pika.exceptions
import pytest
from outside import absent
from ports import free_port

START_SECONDS = 90.0


class NodeFailed(Exception):
    """The node did not start; the text holds the end of its log."""


def program() -> Path | None:
    """The server's start script: Debian's own, which the wrapper in the path would run as a service user."""
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    found = shutil.which("rabbitmq-server")
    return debian if debian.exists() else Path(found) if found else None


class _Home:
    """What nodes that may cluster have in common: a folder with their Erlang cookie, and an epmd of their own."""

    def __init__(self) -> None:
        server, epmd = program(), shutil.which("epmd")
        if server is None or epmd is None:
            raise FileNotFoundError("rabbitmq-server")
        self.server = server
        self._epmd_program = epmd
        self.user = _service_user()
        self.folder = Path(tempfile.mkdtemp(prefix="meridian-rabbitmq-"))
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
        }
        self._epmd: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start epmd."""
        self._epmd = subprocess.Popen(
            [self._epmd_program, "-port", self.environment["ERL_EPMD_PORT"], "-address", "127.0.0.1"],
            cwd=self.folder,
            user=self.user,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """End epmd and remove the folder."""
        if self._epmd is not None:
            self._epmd.terminate()
            self._epmd.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


class RabbitNode:
    """One broker that can be started, stopped, killed and frozen. Use as a context manager, which removes its folder.

    ``plugins`` are enabled; ``management`` is the port of the plugin rabbitmq_management.
    """

    def __init__(self, home: _Home | None = None, *, plugins: Sequence[str] = ()) -> None:
        self._home = home or _Home()
        self.port, self._dist_port, self.management = free_port(), free_port(), free_port()
        self.name = f"meridian-{os.getpid()}-{self.port}@localhost"
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self._plugins = tuple(plugins)
        self._folder = self._home.folder / str(self.port)
        self._environment = self._home.environment | self._own_environment()
        self._server: subprocess.Popen[bytes] | None = None
        self._prepared = False

    def __enter__(self) -> RabbitNode:
        self._home.open()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill9()
        self._home.close()

    def prepare(self, config: str = "", *, files: Mapping[str, Path] | None = None) -> None:
        """Write the node's files; ``config`` is added to its rabbitmq.conf. ``start`` does so by itself.

        ``files`` are copied to where the broker's user can read them, and named as ``ssl_options``.
        """
        self._folder.mkdir(mode=0o777)
        if self._home.user is not None:
            shutil.chown(self._folder, self._home.user)
        management = f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management}\n"
        basics = "disk_free_limit.absolute = 50MB\nlog.file.level = warning\n"
        for option, source in (files or {}).items():
            copy = self._folder / source.name
            copy.write_bytes(source.read_bytes())
            copy.chmod(0o644)
            config += f"ssl_options.{option} = {copy}\n"
        more = management if "rabbitmq_management" in self._plugins else ""
        (self._folder / "rabbitmq.conf").write_text(basics + more + config, encoding="utf-8")
        plugins = self._folder / "enabled_plugins"
        plugins.write_text(f"[{','.join(self._plugins)}].\n", encoding="utf-8")
        plugins.chmod(0o666)
        self._prepared = True

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` with these arguments on this node; answers what it prints."""
        program = self._home.server.with_name("rabbitmqctl")
        done = subprocess.run(
            [program, "-q", "-n", self.name, *arguments],
            cwd=self._folder,
            user=self._home.user,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        if done.returncode:
            raise NodeFailed(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self) -> None:
        """Start the broker on the same ports and data, and wait until it takes connections."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start the broker and do not wait for it."""
        if not self._prepared:
            self.prepare()
        with (self._folder / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [self._home.server],
                cwd=self._folder,
                user=self._home.user,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the script starts children: one group to kill
            )

    def wait(self) -> None:
        """Wait until the broker takes connections. Raises NodeFailed."""
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._server is None or self._server.poll() is not None or time.monotonic() > deadline:
                raise NodeFailed(f"RabbitMQ did not start:\n{self._log()}")
            time.sleep(0.2)

    def kill9(self) -> None:
        """Kill the broker as a power cut would: nothing is flushed."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)

    def begin_anew(self) -> None:
        """Kill the broker and start it on the same ports with nothing that it had."""
        self.kill9()
        shutil.rmtree(self._folder / "mnesia")
        self.start()

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

    @property
    def running(self) -> bool:
        """Whether its process lives, be it frozen."""
        return self._server is not None and self._server.poll() is None

    def answers(self) -> bool:
        """Whether the broker takes connections."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            parameters = pika.URLParameters(self.url)
            parameters.socket_timeout = parameters.blocked_connection_timeout = parameters.stack_timeout = 5
            with suppress(pika.exceptions.AMQPError):
                pika.BlockingConnection(parameters).close()
                return True
        return False

    def _own_environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            # Several nodes share few cores here: no scheduler spins while it waits.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }

    def _log(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-3000:]


class RabbitCluster:
    """Three brokers that are one cluster, all on loopback. Use as a context manager, which removes their folders.

    Each of ``nodes`` can be killed, frozen, stopped and started again alone; ``url`` names all three.
    """

    def __init__(self, size: int = 3) -> None:
        self._home = _Home()
        self.nodes = tuple(RabbitNode(self._home) for _ in range(size))
        self.url = "amqp://guest:guest@" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes) + "/%2F"

    def __enter__(self) -> RabbitCluster:
        self._home.open()
        try:
            members = "".join(
                f"cluster_formation.classic_config.nodes.{number} = {node.name}\n"
                for number, node in enumerate(self.nodes, 1)
            )
            for node in self.nodes:
                node.prepare(
                    "cluster_formation.peer_discovery_backend = classic_config\n"
                    f"{members}cluster_formation.target_cluster_size_hint = {len(self.nodes)}\n"
                    "cluster_partition_handling = pause_minority\n"
                )
                node.launch()
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill9()
        self._home.close()

    def whole(self) -> None:
        """Start every node that is down and thaw those that are frozen, and wait until all take connections."""
        for node in self.nodes:
            node.thaw()
            if not node.running:
                node.launch()
        for node in self.nodes:
            node.wait()

    def leader(self, queue: str) -> RabbitNode:
        """The node that leads this quorum queue."""
        asked = next(node for node in self.nodes if node.running)
        told = dict(
            line.split("\t") for line in asked.ctl("list_queues", "name", "leader").splitlines() if "\t" in line
        )
        return next(node for node in self.nodes if node.name == told[queue])


def _service_user() -> str | None:
    """Debian's own user stands in for root."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam("rabbitmq").pw_name
    return None


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
def rabbitmq_cluster() -> Iterator[RabbitCluster]:
    """Three brokers of this session in a cluster. A test that breaks one calls ``whole`` before it ends."""
    try:
        cluster = RabbitCluster()
    except FileNotFoundError:
        absent("RabbitMQ (Debian: rabbitmq-server)")
    with cluster:
        yield cluster


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
