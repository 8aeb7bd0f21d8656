"""How each foreign client is made from a WSDL that the bus publishes: the command that runs its driver."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from interop.programs import HERE, built, contract, jaxws_jars, need, need_files, run, script_of_node


def _script(*parts: str) -> list[str]:
    return [*parts[:-1], str(HERE / "clients" / parts[-1])]


def php(wsdl: str) -> list[str]:
    """PHP's SoapClient reads the WSDL when it runs."""
    need("php", packages="php-cli php-soap")
    return [*_script("php", "php/client.php"), wsdl]


def zeep(wsdl: str) -> list[str]:
    """zeep reads the WSDL when it runs."""
    return [*_script(sys.executable, "zeep/client.py"), wsdl]


def suds(wsdl: str) -> list[str]:
    """suds-community reads the WSDL when it runs."""
    return [*_script(sys.executable, "suds/client.py"), wsdl]


def node(wsdl: str) -> list[str]:
    """node-soap reads the WSDL when it runs."""
    return [*script_of_node("client.js"), wsdl]


def soaplite(wsdl: str) -> list[str]:
    """SOAP::Lite takes the namespace and the address from the WSDL, and no more."""
    need("perl", packages="libsoap-lite-perl")
    need_files(Path("/usr/share/perl5/SOAP/Lite.pm"), packages="Debian: libsoap-lite-perl")
    return [*_script("perl", "soaplite/client.pl"), wsdl]


def curl(wsdl: str) -> list[str]:
    """curl takes the namespace and the address from the WSDL, and no more."""
    need("curl", packages="curl")
    return [*_script(sys.executable, "curl/client.py"), wsdl]


def jaxws(wsdl: str) -> list[str]:
    """wsimport makes Java classes from the WSDL."""
    need("java", "javac", packages="default-jdk-headless")
    source = HERE / "clients" / "jaxws" / "Client.java"

    def build(folder: Path) -> None:
        tool = ["java", "-cp", jaxws_jars(), "com.sun.tools.ws.WsImport"]
        run(*tool, "-quiet", "-Xnocompile", "-keep", "-s", str(folder), "-p", "lab", wsdl)
        made = [str(file) for file in folder.glob("lab/*.java")]
        run("javac", "-nowarn", "-encoding", "utf-8", "-cp", jaxws_jars(), "-d", str(folder), str(source), *made)

    folder = str(built("jaxws-client", [source.read_bytes(), contract(wsdl)], build))
    return ["java", "-cp", f"{jaxws_jars()}:{folder}", "Client", wsdl, folder]


def mono(wsdl: str) -> list[str]:
    """Mono's ``wsdl`` makes a C# proxy from the WSDL."""
    need("wsdl", "mcs", "mono", packages="mono-devel mono-mcs")
    source = HERE / "clients" / "mono" / "Client.cs"

    def build(folder: Path) -> None:
        run("wsdl", "-nologo", f"-out:{folder}/Proxy.cs", wsdl)
        proxy = re.search(r"class (\w+) : System.Web.Services.Protocols", (folder / "Proxy.cs").read_text())
        assert proxy, "wsdl made no proxy"
        (folder / "Client.cs").write_text(source.read_text().replace("@Proxy@", proxy[1]))
        run("mcs", "-nowarn:612,618", "-r:System.Web.Services", "-out:client.exe", "Client.cs", "Proxy.cs", cwd=folder)

    folder = built("mono-client", [source.read_bytes(), contract(wsdl)], build)
    return ["mono", str(folder / "client.exe"), wsdl]


def gsoap(wsdl: str) -> list[str]:
    """wsdl2h and soapcpp2 make C++ from the WSDL."""
    need("wsdl2h", "soapcpp2", "g++", packages="gsoap libgsoap-dev g++")
    home = HERE / "clients" / "gsoap"
    client, types = home / "client.cpp", home / "typemap.dat"

    def build(folder: Path) -> None:
        run("wsdl2h", "-t", str(types), "-o", "lab.h", wsdl, cwd=folder)
        run("soapcpp2", "-C", "-w", "-x", "-L", "-I/usr/share/gsoap/import", "lab.h", cwd=folder)
        next(folder.glob("*.nsmap")).rename(folder / "lab.nsmap")
        sources = [str(client), "soapC.cpp", "soapClient.cpp"]
        run("g++", "-std=c++17", "-O0", "-w", "-I.", "-o", "client", *sources, "-lgsoap++", cwd=folder)

    folder = built("gsoap-client", [client.read_bytes(), types.read_bytes(), contract(wsdl)], build)
    return [str(folder / "client"), wsdl.partition("?")[0]]
