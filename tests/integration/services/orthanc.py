"""Debian's Orthanc on a free loopback port, without its DICOM port, ended by its id."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

from bus_process import wait_for
from outside import absent

USER = "meridian"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Orthanc:
    """One server; ``folder`` keeps its studies over a restart."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        if shutil.which("Orthanc") is None or not PLUGIN.exists():
            absent("Orthanc (packages orthanc, orthanc-dicomweb)")
        self.url = f"http://127.0.0.1:{port}"
        self._folder, self._port, self._password = folder, port, password
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Orthanc:
        settings = {
            "Name": "MERIDIAN-TEST",
            "HttpPort": self._port,
            "DicomServerEnabled": False,  # this version cannot bind it to loopback
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: self._password},
            "DefaultEncoding": "Utf8",  # without it QIDO loses Chinese
            "Plugins": [str(PLUGIN)],
            "StorageDirectory": str(self._folder / "storage"),
            "IndexDirectory": str(self._folder / "index"),
        }
        config = self._folder / "orthanc.json"
        config.write_text(json.dumps(settings))
        with (self._folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(["Orthanc", str(config)], stdout=log, stderr=log)
        wait_for(f"{self.url}/system", self._process)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def store(self, data: bytes) -> None:
        """Keep one DICOM file."""
        login = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/dicom"}
        request = urllib.request.Request(f"{self.url}/instances", data=data, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def count(self) -> int:
        """How many instances it keeps."""
        login = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        request = urllib.request.Request(f"{self.url}/statistics", headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(json.load(answer)["CountInstances"])
