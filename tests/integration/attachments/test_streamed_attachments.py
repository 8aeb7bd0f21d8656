"""Attachments of any size pass the gateway without being held, and whatever breaks them off is told and recorded."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from archive_caller import MTOM, SWA, Caller, fetch, framed, parts_of, store, upload
from archive_provider import Archive, blocks_of, digest_of, include
from lxml import etree
from served_bus import KEY, ServedBus, eventually

from bus.journal.open import open_journal
from bus.ports import Query, Record

# aiohttp's multipart reader, which is the provider's, uses a call of its own that it has deprecated.
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:unread_data")]

LARGE = 200 * 1000 * 1000


def record_of(bus: ServedBus, response: http.client.HTTPResponse) -> Record:
    found = eventually(lambda: open_journal(bus.settings)[1].message(response.headers["X-Meridian-Message"]))
    assert isinstance(found, Record)
    return found


def latest(bus: ServedBus, caller: Caller, error: str) -> Record:
    """The newest record that ended in this error since the test began."""
    reader = open_journal(bus.settings)[1]
    found = eventually(lambda: reader.search(Query(error=error, since=caller.began)))
    record = reader.message(found[0].id)
    assert record is not None
    return record


def attached(record: Record, stage: str) -> list[dict[str, Any]]:
    return next((orjson.loads(body.data) for body in record.bodies if body.stage == f"{stage}.attachments"), [])


def text(response: http.client.HTTPResponse, name: str) -> str:
    return str(etree.fromstring(response.read()).xpath(f"string(//*[local-name()='{name}'])"))


class Worker:
    """The process that carries the messages, and how much memory it has."""

    def __init__(self, bus: ServedBus) -> None:
        children = [path for path in Path("/proc").glob("[0-9]*/stat") if self._parent(path) == bus.pid]
        self._folder = max(children, key=lambda path: self._kilobytes(path.parent, "VmRSS")).parent

    def begin(self) -> int:
        """Forget the highest mark so far; answer what is in use now, in bytes."""
        (self._folder / "clear_refs").write_text("5")
        return self._kilobytes(self._folder, "VmRSS") * 1024

    def highest(self) -> int:
        """The most that was in use since ``begin``, in bytes."""
        return self._kilobytes(self._folder, "VmHWM") * 1024

    @staticmethod
    def _parent(path: Path) -> int:
        try:
            return int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            return 0

    @staticmethod
    def _kilobytes(folder: Path, name: str) -> int:
        lines = (folder / "status").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


@pytest.fixture
def worker(bus: ServedBus, caller: Caller, archive: Archive) -> Worker:
    """The worker after a first exchange, so that what is made once is not counted."""
    caller.post(upload(1_000_000)).read()
    archive.stored.clear()
    return Worker(bus)


STYLES = pytest.mark.parametrize(("style", "path"), [(MTOM, "/soap/archive"), (SWA, "/soap/swa")], ids=["mtom", "swa"])


class TestLarge:
    """200 MB pass with less than 64 MB more memory."""

    @STYLES
    def test_an_upload_reaches_the_provider_whole_and_is_not_held(
        self, bus: ServedBus, caller: Caller, archive: Archive, worker: Worker, style: str, path: str
    ) -> None:
        before = worker.begin()
        response = caller.post(upload(LARGE, style), style, path)
        grown = worker.highest() - before
        digest = digest_of(LARGE)
        assert text(response, "digest") == digest
        assert grown < 64 * 1024 * 1024, f"{grown / 1e6:.1f} MB"
        (fact,) = attached(record_of(bus, response), "request")
        assert fact == {"content_id": "one@c", "content_type": "application/dicom", "size": LARGE, "sha256": digest}

    @STYLES
    def test_a_download_reaches_the_caller_whole_and_is_not_held(
        self, bus: ServedBus, caller: Caller, archive: Archive, worker: Worker, style: str, path: str
    ) -> None:
        before = worker.begin()
        response = caller.post(framed(fetch(LARGE), style=style), style, path)
        size = 0
        while block := response.read(1 << 20):
            size += len(block)
        grown = worker.highest() - before
        assert LARGE < size < LARGE + 2000
        assert grown < 64 * 1024 * 1024, f"{grown / 1e6:.1f} MB"
        record = record_of(bus, response)
        (fact,) = attached(record, "reply")
        assert (record.status, fact["size"], fact["sha256"]) == ("ok", LARGE, digest_of(LARGE))

    def test_a_slow_reader_slows_the_provider_and_fills_no_memory(
        self, bus: ServedBus, caller: Caller, archive: Archive, worker: Worker
    ) -> None:
        before = worker.begin()
        response = caller.post(framed(fetch(60_000_000)))
        response.read(1_000_000)
        time.sleep(2)
        assert worker.highest() - before < 24 * 1024 * 1024
        assert 59_000_000 < len(response.read()) < 59_010_000
        assert record_of(bus, response).status == "ok"


class TestBrokenOff:
    """Either side goes away, stalls, or says something else."""

    def test_a_caller_that_hangs_up_breaks_the_providers_request_off_too(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        connection = caller.connect()
        connection.putrequest("POST", "/soap/archive")
        for name, value in {"Content-Type": MTOM, "X-API-Key": KEY, "Content-Length": "50000000"}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for number, block in enumerate(upload(50_000_000)):
            if number == 20:
                break
            connection.send(block)
        eventually(lambda: archive.requests)
        connection.close()
        record = latest(bus, caller, "caller-gone")
        assert attached(record, "request")[0]["sha256"] == ""
        eventually(lambda: archive.broken)
        assert archive.stored == []

    def test_a_provider_that_breaks_its_reply_off_leaves_the_caller_with_a_visibly_broken_one(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        archive.mood = "unfinished"
        response = caller.post(framed(fetch(20_000_000)))
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
        assert not caught.value.partial.rstrip().endswith(b"--")
        record = record_of(bus, response)
        assert (record.status, record.error) == ("error", "provider-unreachable")
        assert attached(record, "reply.received")[0]["size"] > 0

    def test_a_caller_that_hangs_up_during_its_reply_lets_the_provider_go(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        response = caller.post(framed(fetch(100_000_000)))
        response.read(1_000_000)
        message = response.headers["X-Meridian-Message"]
        caller.close()
        record = latest(bus, caller, "caller-gone")
        assert record.id == message

    def test_a_provider_that_refuses_early_is_heard_before_everything_was_sent(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        archive.mood = "early"
        with socket.create_connection(("127.0.0.1", bus.port), timeout=20) as raw:
            head = f"POST /soap/archive HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: {MTOM}\r\n"
            raw.sendall(f"{head}Content-Length: 90000000\r\n\r\n".encode())
            for number, block in enumerate(upload(90_000_000)):
                if number == 4:
                    break
                raw.sendall(block)
            answer = raw.recv(65536)
        assert answer.startswith(b"HTTP/1.1 500")
        assert b"provider-fault" in answer

    def test_a_reply_that_stalls_ends_at_the_deadline(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        archive.mood = "stalls"
        response = caller.post(framed(fetch(20_000_000)), path="/soap/hasty")
        with pytest.raises(http.client.IncompleteRead):
            response.read()
        assert record_of(bus, response).error in ("provider-timeout", "reply-too-large")

    def test_an_upload_that_stalls_ends_at_the_deadline(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        def slow() -> Iterator[bytes]:
            for number, block in enumerate(upload(2_500_000)):
                if number == 5:
                    time.sleep(3)
                yield block

        with contextlib.suppress(ConnectionError):  # it may be told while it is still sending
            assert text(caller.post(slow(), path="/soap/hasty"), "code") == "provider-timeout"
        record = latest(bus, caller, "provider-timeout")
        assert "while the attachments were being sent" in record.detail

    def test_a_wrong_boundary_is_the_providers_fault(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        archive.mood = "boundary"
        response = caller.post(framed(fetch(1000)))
        assert (response.status, text(response, "code")) == (500, "provider-lied")

    def test_more_than_the_services_limit_is_cut_off_in_either_direction(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        response = caller.post(framed(fetch(4_000_000)), path="/soap/hasty")
        with pytest.raises(http.client.IncompleteRead):
            response.read()
        assert record_of(bus, response).error == "reply-too-large"
        with contextlib.suppress(ConnectionError):  # it may be told while it is still sending
            caller.post(upload(4_000_000), path="/soap/hasty").read()
        assert latest(bus, caller, "too-large").status == "error"
        assert archive.stored == []

    def test_a_dead_endpoint_is_passed_by_while_nothing_has_been_read(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        for _ in range(4):
            response = caller.post(upload(3_000_000), path="/soap/twice")
            assert text(response, "size") == "3000000"


class TestConverted:
    """The sides differ: what is attached on one is base64 on the other."""

    def test_mtom_in_becomes_base64_for_a_plain_provider_and_back(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        response = caller.post(upload(100_000), path="/soap/plain")
        assert text(response, "digest") == digest_of(100_000)
        assert "multipart" not in archive.requests[-1]["Content-Type"]
        response = caller.post(framed(fetch(100_000)), path="/soap/plain")
        root, content = parts_of(response)
        assert (b"Include" in root, hashlib.sha256(content).hexdigest()) == (True, digest_of(100_000))

    def test_a_rest_caller_stores_and_fetches_base64(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        told = bus.post("Fetch", {"name": "50000"}, service="archive").json()
        assert bus.post("Store", {"name": "D", **told}, service="archive").json() == {
            "size": 50000, "digest": digest_of(50000),
        }  # fmt: skip
        assert "application/xop+xml" in archive.requests[-1]["Content-Type"]
        assert int(archive.requests[-1]["Content-Length"]) > 50000

    def test_a_rest_caller_streams_parts_in_and_out(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        kind = 'multipart/related; boundary="b"; type="application/json"'

        def body() -> Iterator[bytes]:
            yield b'--b\r\nContent-Type: application/json\r\n\r\n{"name":"D","content":"cid:c"}\r\n'
            yield b"--b\r\nContent-ID: <c>\r\nContent-Type: image/png\r\n\r\n"
            yield from blocks_of(9_000_000)
            yield b"\r\n--b--"

        response = caller.post(body(), kind, "/rest/archive/Store")
        assert orjson.loads(response.read()) == {"size": 9_000_000, "digest": digest_of(9_000_000)}
        asked = b'{"name":"9000000"}'
        response = caller.post(asked, "application/json", "/rest/archive/Fetch", Accept="multipart/related")
        root, content = parts_of(response)
        assert orjson.loads(root) == {"content": "cid:one@archive"}
        assert hashlib.sha256(content).hexdigest() == digest_of(9_000_000)

    def test_a_form_upload_reaches_an_mtom_provider(self, bus: ServedBus, caller: Caller, archive: Archive) -> None:
        files = {"content": ("a.dcm", b"".join(blocks_of(70_000)), "application/dicom")}
        answer = requests.post(
            f"{bus.url}/rest/archive/Store", data={"name": "D"}, files=files, headers={"X-API-Key": KEY}, timeout=30
        )
        assert answer.json() == {"size": 70_000, "digest": digest_of(70_000)}

    def test_soap_with_attachments_passes_in_both_directions(
        self, bus: ServedBus, caller: Caller, archive: Archive
    ) -> None:
        kind = 'multipart/related; boundary="b"; type="text/xml"; start="<r>"'
        head = b"--b\r\nContent-Type: text/xml; charset=utf-8\r\nContent-ID: <r>\r\n\r\n"
        body = head + store("cid:c").encode() + b"\r\n--b\r\nContent-ID: <c>\r\n\r\n" + bytes(5000) + b"\r\n--b--"
        response = caller.post(body, kind, "/soap/swa")
        assert text(response, "size") == "5000"
        response = caller.post(head + fetch(6000).encode() + b"\r\n--b--", kind, "/soap/swa")
        root, content = parts_of(response)
        assert (b"cid:one@archive" in root, hashlib.sha256(content).hexdigest()) == (True, digest_of(6000))


def test_an_attachment_may_lie_about_nothing_that_the_check_can_see(
    bus: ServedBus, caller: Caller, archive: Archive
) -> None:
    """The contract holds for the root as ever; only the attached content is not judged."""
    root = store(include("one@c")).replace("<name>D1</name>", "")
    response = caller.post(framed(root, "one@c", 10))
    assert (response.status, text(response, "code")) == (500, "contract")
    assert archive.requests == []
