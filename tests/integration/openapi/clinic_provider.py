"""A clinic on Python's own HTTP server: a REST interface by its description, and a laboratory that speaks SOAP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from loopback import QuietHandler, serving

NS = "urn:hospital:lis:v1"
ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    f'<PlaceOrderResponse xmlns="{NS}"><orderNo>7</orderNo><status>已受理</status><barcode>0042</barcode>'
    "</PlaceOrderResponse></s:Body></s:Envelope>"
)


@dataclass
class Clinic:
    """What it was asked: method, path with query, a header of interest, and the body."""

    url: str = ""
    asked: list[tuple[str, str, str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        """Status and document of a REST call."""
        if path.startswith("/api/patients/P0404"):
            return 404, {"code": "missing", "because": [{"field": "patient-id", "text": "查无此人"}]}
        if path.startswith("/api/patients/"):
            return (204, None) if method == "PUT" else (200, {"id": "P0001", "name": "张三", "birth_date": None})
        if path.endswith("/notes"):
            return 200, {"count": 2}
        one = {"id": "P0001", "day": "2026-11-24", "number": 7, "status": "booked", "fee": 5.6}
        return (201, one) if method == "POST" else (200, [one, one])


@contextmanager
def clinic_open() -> Iterator[Clinic]:
    """The clinic, listening on a free port of loopback."""
    clinic = Clinic()

    class Handler(QuietHandler):
        def _serve(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            source = self.headers.get("X-Request-Source", "")
            if self.path == "/lis":
                clinic.asked.append((self.command, self.path, source, data))
                self._send(200, ENVELOPE.encode(), "text/xml; charset=utf-8")
                return
            clinic.asked.append((self.command, self.path, source, json.loads(data) if data else None))
            status, document = clinic.answer(self.command, self.path)
            body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
            self._send(status, body, "application/json" if body else "")

        do_GET = do_POST = do_PUT = _serve

        def _send(self, status: int, body: bytes, media: str) -> None:
            self.send_response(status)
            if media:
                self.send_header("Content-Type", media)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as clinic.url:
        yield clinic
