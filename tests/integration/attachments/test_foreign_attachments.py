"""Clients that nobody here wrote send and take attachments: JAX-WS with MTOM, SAAJ with SwA, zeep."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
import requests
import zeep
from archive_provider import Archive, digest_of
from outside import absent
from served_bus import KEY, ServedBus
from zeep.transports import Transport

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:unread_data")]

HERE = Path(__file__).parent
SIZE = 200_000


def java(folder: Path, name: str, *arguments: str, wsdl: bool = False) -> list[str]:
    """Compile a client (with what wsimport makes of the contract) and run it; answer the lines that it printed."""
    jars = Path("/usr/share/java")
    if not (jars / "jaxws-rt.jar").is_file():
        absent("Java with JAX-WS (Debian: default-jdk-headless libjaxws-java)")
    path = f"{folder}:{jars}/*"
    sources = [str(HERE / f"{name}.java")]
    if wsdl:
        contract = str(HERE / "hospital" / "contracts" / "archive.wsdl")
        run(
            "java",
            "-cp",
            path,
            "com.sun.tools.ws.WsImport",
            "-Xnocompile",
            "-s",
            str(folder),
            "-p",
            "archive",
            contract,
        )
        sources += [str(file) for file in folder.glob("archive/*.java")]
    run("javac", "-nowarn", "-cp", path, "-d", str(folder), *sources)
    return run("java", "-cp", path, name, *arguments).split()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_jax_ws_sends_and_takes_mtom(bus: ServedBus, archive: Archive, tmp_path: Path) -> None:
    told = java(tmp_path, "MtomClient", f"{bus.url}/soap/archive", KEY, str(SIZE), wsdl=True)
    assert told == [f"{SIZE}{digest_of(SIZE)}", digest_of(SIZE)]
    assert "application/xop+xml" in archive.requests[0]["Content-Type"]


def test_saaj_sends_and_takes_soap_with_attachments(bus: ServedBus, archive: Archive, tmp_path: Path) -> None:
    stored, key, kind, digest = java(tmp_path, "ArchiveClient", f"{bus.url}/soap/swa", KEY, str(SIZE))
    assert stored == f"{SIZE}{digest_of(SIZE)}"
    assert (key, kind, digest) == ("<one@archive>", "application/dicom", digest_of(SIZE))


@pytest.mark.parametrize("accept", ["text/xml, multipart/related", "text/xml"])
def test_zeep_takes_mtom_where_it_accepts_it_and_base64_elsewhere(
    bus: ServedBus, archive: Archive, accept: str
) -> None:
    with requests.Session() as session:
        session.headers.update({"X-API-Key": KEY, "Accept": accept})
        client = zeep.Client(f"{bus.url}/soap/archive?wsdl", transport=Transport(session=session, timeout=30))
        content = client.service.Fetch(str(SIZE))
        assert hashlib.sha256(content).hexdigest() == digest_of(SIZE)
        assert client.service.Store("D1", content)["digest"] == digest_of(SIZE)
