"""How each foreign server is compiled and started, and where its contract comes from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

from interop.programs import HERE, built, jaxws_jars, need, run, script_of_node, started
from interop.running import Running
from lxml import etree
from ports import free_port

LAB = HERE / "hospital" / "contracts" / "lab.wsdl"


@contextmanager
def php(folder: Path) -> Iterator[Running]:
    """PHP's SoapServer on PHP's built-in web server."""
    need("php", packages="php-cli php-soap")
    port, script = free_port(), str(HERE / "servers" / "php" / "server.php")
    environ = {"LAB_WSDL": str(LAB), "PHP_CLI_SERVER_WORKERS": "2"}
    with started(["php", "-S", f"127.0.0.1:{port}", script], port, folder / "php.log", environ):
        yield Running(f"http://127.0.0.1:{port}/", _ours())


@contextmanager
def node(folder: Path) -> Iterator[Running]:
    """node-soap's server."""
    port = free_port()
    with started([*script_of_node("server.js"), str(LAB), str(port)], port, folder / "node.log"):
        yield Running(f"http://127.0.0.1:{port}/lab", _ours())


@contextmanager
def gsoap(folder: Path) -> Iterator[Running]:
    """gSOAP's server, its skeleton made by wsdl2h and soapcpp2."""
    need("wsdl2h", "soapcpp2", "g++", packages="gsoap libgsoap-dev g++")
    source = HERE / "servers" / "gsoap" / "server.cpp"
    types = HERE / "clients" / "gsoap" / "typemap.dat"

    def build(home: Path) -> None:
        run("wsdl2h", "-t", str(types), "-o", "lab.h", str(LAB), cwd=home)
        run("soapcpp2", "-S", "-w", "-x", "-L", "-I/usr/share/gsoap/import", "lab.h", cwd=home)
        next(home.glob("*.nsmap")).rename(home / "lab.nsmap")
        sources = [str(source), "soapC.cpp", "soapServer.cpp"]
        run("g++", "-std=c++17", "-O0", "-w", "-I.", "-o", "server", *sources, "-lgsoap++", cwd=home)

    home = built("gsoap-server", [source.read_bytes(), types.read_bytes(), LAB.read_bytes()], build)
    port = free_port()
    with started([str(home / "server"), str(port)], port, folder / "gsoap.log"):
        yield Running(f"http://127.0.0.1:{port}/", _ours())


@contextmanager
def asmx(folder: Path) -> Iterator[Running]:
    """A real ASMX service: Mono's FastCGI server behind nginx, with the contract that ASP.NET writes of it."""
    need("fastcgi-mono-server4", "nginx", packages="mono-fastcgi-server4 nginx-light")
    home = folder / "asmx"
    home.mkdir()
    shutil.copy(HERE / "servers" / "asmx" / "Lab.asmx", home)
    port, backend = free_port(), free_port()
    text = (HERE / "servers" / "asmx" / "nginx.conf").read_text()
    for name, value in {"folder": str(home), "port": str(port), "backend": str(backend)}.items():
        text = text.replace(f"@{name}@", value)
    (home / "nginx.conf").write_text(text)
    mono = ["fastcgi-mono-server4", f"--applications=/:{home}", f"--socket=tcp:127.0.0.1:{backend}"]
    with (
        started(mono, backend, folder / "mono.log"),
        started(["nginx", "-c", str(home / "nginx.conf"), "-e", str(home / "nginx.log")], port, folder / "nginx.log"),
    ):
        address = f"http://127.0.0.1:{port}/Lab.asmx"
        yield Running(address, _fetched(f"{address}?WSDL"))


@contextmanager
def jaxws(folder: Path) -> Iterator[Running]:
    """JAX-WS RI's Endpoint.publish, rpc/literal, with the contract that it writes of itself."""
    need("java", "javac", packages="default-jdk-headless")
    source = HERE / "servers" / "jaxws" / "Server.java"

    def build(home: Path) -> None:
        run("javac", "-nowarn", "-encoding", "utf-8", "-cp", jaxws_jars(), "-d", str(home), str(source))

    home, port = built("jaxws-server", [source.read_bytes()], build), free_port()
    address = f"http://127.0.0.1:{port}/lab"
    with started(["java", "-cp", f"{jaxws_jars()}:{home}", "Server", address], port, folder / "jaxws.log"):
        yield Running(address, _fetched(f"{address}?wsdl"))


def _ours() -> Mapping[str, bytes]:
    return {"lab.wsdl": LAB.read_bytes()}


def _fetched(url: str) -> Mapping[str, bytes]:
    """A WSDL and the schemas that it imports, as a server publishes them, by the names of files."""
    with urlopen(url, timeout=60) as answer:
        wsdl: bytes = answer.read()
    files = {}
    for number, location in enumerate(sorted(_locations(wsdl)), 1):
        name = f"schema{number}.xsd"
        with urlopen(urljoin(url, location), timeout=60) as answer:
            files[name] = answer.read()
        wsdl = wsdl.replace(f'schemaLocation="{location}"'.encode(), f'schemaLocation="{name}"'.encode())
    return {"lab.wsdl": wsdl, **files}


def _locations(wsdl: bytes) -> set[str]:
    return {location for node in etree.fromstring(wsdl).iter("{*}import") if (location := node.get("schemaLocation"))}
