"""Reads a contract and what it imports: from files, or from http(s) where the user's own address says so."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPDefaultErrorHandler as RefusedHandler
from urllib.request import HTTPErrorProcessor as StatusHandler
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from bus.errors import BusError

#: A contract with all it imports is larger than any message, and still has an end.
LARGEST = 16 * 1024 * 1024
MOST_DOCUMENTS = 200
_BLOCK = 1 << 16


class ImportRefused(BusError):
    """A document that was not read, and why."""


@dataclass(slots=True)
class Sources:
    """Where documents may come from: the folder ``root`` of a file, or the host of an address and ``hosts``.

    ``timeout`` bounds each document, in seconds.
    """

    main: str
    root: Path | None = None
    hosts: Collection[str] = ()
    timeout: float = 20.0
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if urlsplit(self.main).scheme not in ("http", "https"):
            path = Path(self.main.removeprefix("file://")).resolve()
            self.main = path.as_posix()
            self.root = (self.root or path.parent).resolve()

    def address(self, location: str, base: str) -> str:
        """The address that ``location`` means inside the document at ``base``."""
        if urlsplit(location).scheme in ("http", "https"):
            return location
        if urlsplit(base).scheme in ("http", "https"):
            return urljoin(base, location)
        return (Path(base).parent / location.removeprefix("file://").partition("#")[0]).resolve().as_posix()

    def read(self, address: str) -> bytes:
        """The bytes at an address. Raises ImportRefused for what is not allowed, not there, too large or too slow."""
        self.count += 1
        if self.count > MOST_DOCUMENTS:
            raise ImportRefused(f"more than {MOST_DOCUMENTS} documents; this is no contract that a bus should hold")
        if urlsplit(address).scheme in ("http", "https"):
            return self._fetch(address)
        return self._open(Path(address))

    def _open(self, path: Path) -> bytes:
        if self.root is None:
            raise ImportRefused(f"{path.name}: a contract from the network may not name files of this machine")
        if not path.resolve().is_relative_to(self.root):
            raise ImportRefused(f"{path} lies outside of {self.root}; allow it with --root")
        try:
            if path.stat().st_size > LARGEST:
                raise ImportRefused(f"{path} is larger than {LARGEST >> 20} MiB")
            return path.read_bytes()
        except OSError as error:
            raise ImportRefused(f"{path} cannot be read: {error.strerror}") from error

    def _fetch(self, address: str) -> bytes:
        self.check_host(address)
        opener = OpenerDirector()  # without the handlers for file: and ftp:
        for handler in (
            ProxyHandler(),
            HTTPHandler(),
            HTTPSHandler(),
            RefusedHandler(),
            StatusHandler(),
            _Redirects(self),
        ):
            opener.add_handler(handler)
        end = time.monotonic() + self.timeout
        request = Request(address, headers={"Accept-Encoding": "identity", "User-Agent": "meridian-import"})  # noqa: S310  # http(s), checked above
        blocks: list[bytes] = []
        try:
            with opener.open(request, timeout=self.timeout) as response:
                while block := response.read(_BLOCK):
                    blocks.append(block)
                    if sum(map(len, blocks)) > LARGEST:
                        raise ImportRefused(f"{address} is larger than {LARGEST >> 20} MiB")
                    if time.monotonic() > end:
                        raise ImportRefused(f"{address} did not arrive within {self.timeout:g} s")
        except HTTPError as error:
            error.close()
            raise ImportRefused(f"{address} cannot be fetched: {error.code} {error.reason}") from error
        except (URLError, OSError, ValueError) as error:
            raise ImportRefused(f"{address} cannot be fetched: {getattr(error, 'reason', error)}") from error
        return b"".join(blocks)

    def check_host(self, address: str) -> None:
        """Raise ImportRefused for an address on a host that was not named."""
        host = urlsplit(address).hostname or ""
        if host not in {urlsplit(self.main).hostname, *self.hosts}:
            raise ImportRefused(f"{address} is on another host; allow it with --allow-host {host}")


class _Redirects(HTTPRedirectHandler):
    """Follows a redirect only where a document may come from."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """The request for the new address. Raises ImportRefused for another host or scheme."""
        fp.close()
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise ImportRefused(f"{req.full_url} leads to {newurl}, which is no http(s) address")
        self._sources.check_host(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
