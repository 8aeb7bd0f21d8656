"""A SOAP provider that nobody here wrote: PHP's SoapServer on PHP's built-in web server."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from outside import absent
from ports import free_port
from served_bus import eventually


class Laboratory:
    """PHP's built-in web server with the laboratory's script; stopped and started on the same port."""

    def __init__(self) -> None:
        php = shutil.which("php")
        if php is None or "soap" not in subprocess.run([php, "-m"], capture_output=True, text=True).stdout:
            absent("PHP with SOAP (packages php-cli, php-soap)")
        self.php = php
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        script = Path(__file__).with_name("lab_server.php")
        command = [self.php, "-S", f"127.0.0.1:{self.port}", str(script)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def stop(self) -> None:
        """Stop it, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
