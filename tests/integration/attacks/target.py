"""A served bus under attack: requests down to the byte, and what must hold after each of them."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hostile_provider import Hostile
from lxml import etree
from served_bus import KEY, ServedBus

from bus.journal.open import open_journal
from bus.ports import Record

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"

#: Invented, and in every message that holds a patient: neither may be seen anywhere but in the journal's bodies.
PATIENT, NUMBER = "司马测试", "11010519491231002X"

#: An answer takes no longer, and memory grows by no more, whatever was sent. Seconds, MiB.
LONGEST, MOST = 12.0, 96

_TRACES = ("Traceback", 'File "', ".py", "lxml.", "site-packages", "  at ")


def envelope(payload: str, *, header: str = "", namespace: str = SOAP11) -> str:
    """A SOAP envelope as text."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{namespace}">{head}<s:Body>{payload}</s:Body></s:Envelope>'


def order(inside: str = "", visit: str = "V1") -> str:
    """A valid order, with a patient's name in it and ``inside`` behind."""
    item = f"<item><code>A1</code><name>{PATIENT} {NUMBER}</name></item>"
    return f'<PlaceOrder xmlns="urn:example:lab"><visitNo>{visit}</visitNo>{item}{inside}</PlaceOrder>'


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the server closed the connection instead."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def code(self) -> str:
        """The bus's code of the error, from a fault or a problem."""
        if "json" in self.headers.get("content-type", ""):
            return str(json.loads(self.body).get("code", ""))
        found = etree.fromstring(self.body).xpath("//*[local-name()='problem']/*[local-name()='code']")
        return found[0].text or "" if found else ""

    @property
    def words(self) -> str:
        """The whole answer as text."""
        return self.body.decode("utf-8", "replace")


class Target:
    """The bus, its provider, and the promises that hold after every attack."""

    def __init__(self, bus: ServedBus, hostile: Hostile) -> None:
        self.bus = bus
        self.hostile = hostile
        self._reader = open_journal(bus.settings)[1]

    def soap(self, body: bytes | str, path: str = "/soap/lab", **headers: str) -> Answer:
        """Post to a SOAP door as the ward."""
        return self.send("POST", path, body, {"Content-Type": "text/xml; charset=utf-8", **_dashed(headers)})

    def rest(self, body: bytes | str, path: str = "/rest/orders/Place", method: str = "POST", **headers: str) -> Answer:
        """Call a REST door as the ward."""
        return self.send(method, path, body, {"Content-Type": "application/json", **_dashed(headers)})

    def send(self, method: str, path: str, body: bytes | str, headers: Mapping[str, str]) -> Answer:
        """One well-formed HTTP request; a header that is empty is left out."""
        data = body.encode() if isinstance(body, str) else body
        head = {"Host": self.bus.url[7:], "X-API-Key": KEY, "Content-Length": str(len(data)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items() if value)]
        return self.raw(["\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"), data])

    def raw(self, blocks: Iterable[bytes], *, wait: float = 30.0) -> Answer:
        """Send bytes as they are, and read what comes back until it is whole or the connection is closed."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.bus.port), timeout=wait) as line:
            try:
                for block in blocks:
                    line.sendall(block)
            except OSError:
                pass  # the server has answered and closed before it had everything
            response = http.client.HTTPResponse(line)
            try:
                response.begin()
                body = response.read()
            except (OSError, http.client.HTTPException):
                return Answer(0, seconds=time.monotonic() - began)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body, time.monotonic() - began)

    def record(self, answer: Answer) -> Record | None:
        """The journal's record of an exchange."""
        return self._reader.message(answer.headers.get("x-meridian-message", ""))

    def refused(self, attack: Callable[[], Answer], *codes: str, status: int = 0) -> Answer:
        """Run an attack; it must be refused with one of these codes, cheaply, on record, and in few words."""
        before = self.memory(reset=True)
        answer = attack()
        grown = self.memory(peak=True) - before
        assert answer.status >= 400, (answer.status, answer.words[:300])
        assert answer.code in codes, answer.words[:600]
        assert not status or answer.status == status
        record = self.record(answer)
        assert record is not None, "no journal entry"
        assert (record.status, record.error) == ("error", answer.code)
        assert NUMBER not in record.detail
        assert PATIENT not in record.detail
        self.quiet(answer)
        assert grown < MOST, f"memory grew by {grown} MiB"
        return answer

    def quiet(self, answer: Answer) -> None:
        """Neither the answer nor the log holds a patient, an insight into the program, or took long."""
        assert answer.seconds < LONGEST
        for text in (answer.words, self.log()):
            assert PATIENT not in text
            assert NUMBER not in text
        for word in _TRACES:
            assert word not in answer.words, answer.words[:600]

    def alive(self) -> None:
        """An honest caller is served as ever."""
        answer = self.soap(envelope(order()), SOAPAction='"urn:example:lab/PlaceOrder"')
        assert answer.status == 200, answer.words
        assert "已受理" in answer.words

    def log(self) -> str:
        """Everything the server has printed."""
        return (self.bus.folder / "serve.log").read_text(encoding="utf-8", errors="replace")

    def memory(self, *, peak: bool = False, reset: bool = False) -> int:
        """Resident memory of the server's processes in MiB: now, or at its highest since the last reset."""
        total = 0
        for pid in _tree(self.bus.pid):
            if reset:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(status.partition("VmHWM:" if peak else "VmRSS:")[2].split()[0])
        return total // 1024


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _tree(int(child)))]
