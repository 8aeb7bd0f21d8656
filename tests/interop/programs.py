"""Foreign programs: found, compiled once, started on loopback, ended by their own process id."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

from outside import absent
from served_bus import eventually

HERE = Path(__file__).parent
#: What was compiled, by the digest of all that it was compiled from.
CACHE = HERE.parents[1] / "build" / "interop"

#: Where the hospital is, so that stacks which turn every time into local time show the zone of the cases.
ZONE = {"TZ": "Asia/Shanghai", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def need(*programs: str, packages: str) -> None:
    """Skip, or fail where CI promises them, unless all these programs are on the path."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        absent(f"{' and '.join(missing)} (Debian: {packages})")


def need_files(*files: Path, packages: str) -> None:
    """Skip, or fail where CI promises them, unless all these files are there."""
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        absent(f"{missing[0]} ({packages})")


def run(*command: str, cwd: Path | None = None) -> str:
    """Run a program to its end and answer what it printed; fail with everything it said."""
    environ = {**os.environ, **ZONE}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def built(name: str, sources: Sequence[bytes], build: Callable[[Path], None]) -> Path:
    """A folder that ``build`` has filled, made anew when any of ``sources`` has changed."""
    digest = hashlib.sha256(b"\0".join(sources)).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    if not folder.exists():
        begun = CACHE / f"{name}-{digest}.{os.getpid()}"
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir(parents=True)
        build(begun)
        begun.rename(folder)
    return folder


def script_of_node(script: str) -> list[str]:
    """The command of a script in ``node/``, with the packages of its lock file installed once."""
    need("node", "npm", packages="nodejs npm")
    home = HERE / "node"
    files = [home / "package.json", home / "package-lock.json"]

    def install(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)

    packages = built("node", [file.read_bytes() for file in files], install)
    return ["env", f"NODE_PATH={packages / 'node_modules'}", "node", str(home / script)]


_JAXWS = (
    "jaxws-tools jaxws-rt jaxws-ri-runtime jaxws-api jaxb-api jaxb-core jaxb-impl jaxb-runtime jaxb-xjc jaxb-jxc "
    "istack-commons-runtime istack-commons-tools codemodel codemodel-annotation-compiler txw2 xsom rngom "
    "relaxngDatatype dtd-parser stax-ex streambuffer metro-policy javax.xml.soap-api saaj-impl "
    "geronimo-annotation-1.3-spec geronimo-interceptor-3.0-spec javax.activation gmbal mimepull FastInfoset "
    "xml-resolver woodstox-core stax2-api wscompile"
)


def jaxws_jars() -> str:
    """The class path of the reference implementation of JAX-WS, as Debian packs it."""
    jars = [Path("/usr/share/java") / f"{name}.jar" for name in _JAXWS.split()]
    need_files(*jars, packages="Debian: libjaxws-java")
    return ":".join(map(str, jars))


def contract(url: str) -> bytes:
    """A WSDL as it is published, without the address that changes with every run."""
    with urlopen(url) as answer:
        text: bytes = answer.read()
    return text.replace(url.partition("?")[0].rpartition("/soap/")[0].encode(), b"")


@contextmanager
def started(command: Sequence[str], port: int, log: Path, environ: Mapping[str, str] = {}) -> Iterator[None]:
    """A server, from when it takes connections on ``port`` until the end of the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **ZONE, **environ}, stdout=out, stderr=out, start_new_session=True
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, 60)
        yield
    finally:
        # The whole group that it leads: PHP's server leaves its workers behind.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
