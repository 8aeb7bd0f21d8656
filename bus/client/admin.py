"""Calls the admin API of a running bus, as a console user or with the pass of a command on the bus's own machine."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bus.errors import NotAuthenticated, NotFound, NotPermitted, OrderRefused, StateUnavailable
from bus.security.local_pass import write_pass
from bus.settings import Settings

#: Seconds that one answer may take.
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class AdminApi:
    """The API at ``url``. ``user`` and ``password`` are a console user's; without, the data folder vouches for
    ``who``."""

    settings: Settings
    url: str
    who: str
    user: str = ""
    password: str = ""

    def get(self, path: str) -> Any:
        """What a GET of ``/api<path>`` answers. Raises as ``post`` does."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What a POST of this body answers.

        Raises NotAuthenticated, NotPermitted, NotFound, OrderRefused (what it says does not fit), or StateUnavailable
        where no bus answers or the bus cannot.
        """
        return self._ask("POST", path, json.dumps(dict(body)).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        address = f"{self.url}/api{path}"
        if urlsplit(address).scheme not in ("http", "https"):
            raise StateUnavailable(f"--url {self.url}: must begin with http:// or https://")
        headers = {"Authorization": self._authorization(), "Content-Type": "application/json"}
        try:
            with urlopen(Request(address, body, headers, method=method), timeout=PATIENCE, context=self._tls()) as got:  # noqa: S310
                return json.load(got)
        except HTTPError as error:
            raise self._refusal(error) from error
        except (URLError, OSError) as error:
            cause = getattr(error, "reason", error)
            raise StateUnavailable(
                f"no bus answers at {self.url} ({cause}); start it, or name the running one with --url"
            ) from error
        except ValueError as error:
            raise StateUnavailable(f"{self.url} does not answer as the admin API of a bus does") from error

    def _authorization(self) -> str:
        if self.user:
            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return f"Bearer {write_pass(self.settings, self.who)}"

    def _tls(self) -> ssl.SSLContext | None:
        """The bus's own certificate is trusted besides the machine's, for one that nobody else signed."""
        if not self.url.startswith("https:"):
            return None
        context = ssl.create_default_context()
        if self.settings.tls_certificate is not None:
            context.load_verify_locations(self.settings.tls_certificate)
        return context

    def _refusal(self, error: HTTPError) -> Exception:
        try:
            detail = str(json.load(error)["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"{self.url} answered {error.code}; is a bus with a console there?"
        match error.code:
            case 401:
                return NotAuthenticated(self._unknown())
            case 403:
                return NotPermitted(f"{self.user or self.who}: {detail}")
            case 404:
                return NotFound(detail)
            case 400 | 409 | 429:
                return OrderRefused(detail)
            case _:
                return StateUnavailable(detail)

    def _unknown(self) -> str:
        if self.user:
            return f"{self.url} does not know {self.user!r} with this password"
        return f"{self.url} does not take the pass of {self.settings.data}: it is another bus's; sign in with --user"


def own_address(settings: Settings) -> str:
    """Where the bus of these settings listens, as seen from its own machine."""
    if settings.tls_certificate is not None:
        return settings.base_url
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - where it listens
    return f"http://{host}:{settings.port}"
