"""The stores: a REST provider on Python's own HTTP server, with a book of everything it was asked to do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loopback import QuietHandler, serving

ITEMS = [
    {"code": "A1", "name": "一次性注射器", "price": 1.5, "controlled": False, "tags": ["耗材", "无菌"]},
    {"code": "B2", "name": "吗啡注射液 𠮷", "price": 12.25, "controlled": True, "tags": ["麻醉"]},
    {"code": "C3", "name": "纱布", "price": 0.1, "tags": []},
]


class Stores:
    """Its book and its switches. ``hold`` makes writes wait until it is cleared, ``lie`` answers HTML."""

    def __init__(self) -> None:
        self.book: list[tuple[str, str, str]] = []
        self.url = ""
        self.delay = 0.0
        self.refuse = False
        self.lie = False

    def booked(self, path: str) -> list[str]:
        """The booking numbers of one path, in the order they came."""
        return [number for at, number, _ in self.book if at == path]

    def answer(self, path: str, document: dict[str, Any], key: str) -> tuple[int, str, bytes]:
        if self.lie:
            return 200, "text/html", b"<html><body>please log in</body></html>"
        if path == "/find":
            found = [item for item in ITEMS if document["text"] in str(item["name"]) + str(item["tags"])]
            return _json({"total": len(found), "items": found[: document.get("limit", 99)]})
        self.book.append((path, document["booking_no"], key))
        time.sleep(self.delay)
        if self.refuse:
            return _json({"code": "OUT", "reason": "库存不足"}, 409)
        return _json({"booking_no": document["booking_no"], "state": "已预约"})


def _json(document: object, status: int = 200) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(document, ensure_ascii=False).encode()


@contextmanager
def stores_open() -> Iterator[Stores]:
    """The stores, listening on a free port of loopback."""
    stores = Stores()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, media, body = stores.answer(self.path, document, self.headers.get("Idempotency-Key", ""))
            try:
                self.send_response(status)
                self.send_header("Content-Type", media)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the bus was killed meanwhile

    with serving(Handler) as stores.url:
        yield stores
